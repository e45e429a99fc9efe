# SPDX-License-Identifier: Apache-2.0
"""A virtual machine under QEMU, with the kernel features that the machine of a test may lack: LVM, bonds, VLANs.

It emulates all processors, so it needs neither KVM nor root. Its networks are hubs inside QEMU; the first interface
reaches 127.0.0.1 of this machine as 10.0.2.2. Everything that it writes ends with it.
"""
from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from devstack.virtualcloud.guestimage import GuestImage
from devstack.virtualcloud.site import Site
from flock.testing.services.process import Process, ServiceFailed, find_program, wait_for

REPO = Path(__file__).resolve().parents[2]
QEMU = "qemu-system-x86_64"
CODE = ("flock", "fm", "fm_api", "sysinv", "mtce", "sm", "patching")
HERE_FROM_THERE = "10.0.2.2"
MAC = "52:54:00:00:00:{:02x}"
DISK_MIB, MEMORY_MIB, PROCESSORS = 2048, 2048, 2
# Emulated processors on a busy machine.
BOOT_S, COMMAND_S = 420.0, 120.0
CONSOLE_CHARS_SHOWN = 3000


@dataclass(frozen=True, slots=True)
class Done:
    """A command that ended."""

    rc: int
    out: str
    err: str


class VirtualMachine:
    """Two empty disks ``vdb`` and ``vdc``, and four interfaces besides the first one.

    Those with MAC address 2 and 4 lie on one hub, 3 and 5 on another, so that a pair can be the switch of the other.
    """

    def __init__(self, folder: Path, image: GuestImage) -> None:
        self.folder, self.image = folder, image
        self.boot_id = ""
        self._process: Process | None = None
        self._socket: socket.socket | None = None
        self._pending, self._asked = b"", 0
        folder.mkdir(parents=True, exist_ok=True)
        self._lay_disks()

    @property
    def console(self) -> Path:
        """What the kernel and systemd said."""
        return self.folder / "console.log"

    def start(self) -> None:
        """Switch it on; returns when it takes commands."""
        program, path = find_program(QEMU), self.folder / "commands.sock"
        if program is None:
            raise ServiceFailed(f"{QEMU} is not installed (devstack/prepare.sh --scenarios)")
        path.unlink(missing_ok=True)
        self._process = Process("qemu", [program, *self._arguments(path)], self.folder)
        self._process.wait_until(path.exists, 30, "QEMU to listen")
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.connect(str(path))
        self._pending = b""
        self._await_boot()

    def stop(self) -> None:
        """Switch it off, like a power failure."""
        if self._socket is not None:
            self._socket.close()
        if self._process is not None:
            self._process.kill()
        self._socket = self._process = None

    def run(self, *argv: str, text: str = "", check: bool = True, timeout_s: float = COMMAND_S) -> Done:
        """Run a command there to its end; ServiceFailed with its output when ``check`` and it fails."""
        self._asked += 1
        asked = {"id": self._asked, "argv": argv, "input": text, "timeout_s": timeout_s}
        self._connection().sendall(json.dumps(asked).encode() + b"\n")
        answer = self._line(lambda line: line.get("id") == self._asked, timeout_s + COMMAND_S, " ".join(argv))
        done = Done(answer["rc"], answer["out"], answer["err"])
        if check and done.rc != 0:
            raise ServiceFailed(f"{' '.join(argv)} ended with {done.rc}: {done.out[-1000:]} {done.err[-1000:]}")
        return done

    def out(self, *argv: str) -> str:
        """The output of a command that succeeds."""
        return self.run(*argv).out

    def json(self, *argv: str) -> Any:
        """The output of a command, which is JSON."""
        return json.loads(self.out(*argv))

    def write(self, path: str, text: str) -> None:
        """Write a file and the folders above it."""
        self.run("mkdir", "-p", str(Path(path).parent))
        self.run("tee", path, text=text)

    def restart(self) -> None:
        """Restart it as a host does, in order; returns when it takes commands again."""
        self.run("systemctl", "--no-block", "reboot")
        self._await_boot()

    def wait(self, condition: Callable[[], object], what: str, timeout_s: float = 180) -> None:
        """Until ``condition()`` holds; a failure shows the end of the journal."""
        try:
            wait_for(condition, timeout_s, what, pause_s=1)
        except ServiceFailed as error:
            raise ServiceFailed(f"{error}\n{self.journal()}") from None

    def journal(self) -> str:
        """The end of what the units of the product and of the network wrote."""
        units = ("flock-sysinv-agent", "flock-config", "systemd-networkd")
        return self.run("journalctl", "--no-pager", "-o", "short-monotonic", "-n", "60",
                        *(word for unit in units for word in ("-u", unit)), check=False).out

    def _await_boot(self) -> None:
        before = self.boot_id
        line = self._line(lambda one: one.get("boot_id") not in (None, before), BOOT_S, "the machine to boot")
        self.boot_id = line["boot_id"]

    def _connection(self) -> socket.socket:
        if self._socket is None:
            raise ServiceFailed("the virtual machine is off")
        return self._socket

    def _line(self, fits: Callable[[dict[str, Any]], bool], timeout_s: float, what: str) -> dict[str, Any]:
        """The next line from there that fits; others are skipped."""
        end = time.monotonic() + timeout_s
        while True:
            while b"\n" in self._pending:
                line, _, self._pending = self._pending.partition(b"\n")
                document = json.loads(line)
                if fits(document):
                    return dict(document)
            self._connection().settimeout(max(end - time.monotonic(), 0.01))
            try:
                part = self._connection().recv(65536)
            except TimeoutError:
                part = b""
            if not part:
                tail = self.console.read_text(errors="replace")[-CONSOLE_CHARS_SHOWN:]
                raise ServiceFailed(f"{what}: no answer within {timeout_s} s\n{tail}")
            self._pending += part

    def _lay_disks(self) -> None:
        """The code under test as one disk, compiled here; and two empty disks."""
        tree = self.folder / "checkout"
        for name in CODE:
            if (REPO / name).is_dir():
                shutil.copytree(REPO / name, tree / name, ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copytree(REPO / "etc", tree / "etc")
        shutil.copyfile(Path(__file__).with_name("commandserver.py"), tree / "commands.py")
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
        subprocess.run(["/usr/bin/python3", "-I", "-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash",
                        "-s", str(tree), "-p", "/opt/flock/checkout", str(tree)],
                       check=True, timeout=300, env=environment)
        subprocess.run([str(find_program("mkfs.ext4")), "-q", "-F", "-L", "checkout", "-d", str(tree),
                        str(self.folder / "checkout.ext4"), "128M"], check=True, timeout=120)
        shutil.rmtree(tree)
        for name in ("first", "second"):
            with (self.folder / f"{name}.raw").open("wb") as file:
                file.truncate(DISK_MIB * 1024 * 1024)

    def _arguments(self, commands: Path) -> list[str]:
        disks = (("root", self.image.root, "on"), ("first", self.folder / "first.raw", "off"),
                 ("second", self.folder / "second.raw", "off"), ("checkout", self.folder / "checkout.ext4", "on"))
        drives = [word for name, file, snapshot in disks for word in (
            "-drive", f"if=none,id={name},file={file},format=raw,snapshot={snapshot},cache=unsafe",
            "-device", f"virtio-blk-pci,drive={name},serial={name}")]
        # The cards of the hubs have a speed, without which the kernel does not aggregate links.
        cards = [word for number in (2, 3, 4, 5) for word in (
            "-netdev", f"hubport,id=n{number},hubid={number % 2}",
            "-device", f"e1000,netdev=n{number},mac={MAC.format(number)}")]
        kernel = "console=ttyS0 root=/dev/vda rw panic=5"
        return ["-accel", "tcg,thread=multi", "-cpu", "max", "-smp", str(PROCESSORS), "-m", str(MEMORY_MIB),
                "-display", "none", "-serial", f"file:{self.console}", "-monitor", "none",
                "-kernel", str(self.image.kernel), "-initrd", str(self.image.ramdisk), "-append", kernel, *drives,
                "-netdev", "user,id=n1,ipv6=off", "-device", f"virtio-net-pci,netdev=n1,mac={MAC.format(1)}", *cards,
                "-device", "virtio-serial-pci", "-chardev", f"socket,id=commands,path={commands},server=on,wait=off",
                "-device", "virtserialport,chardev=commands,name=flock.commands"]


def site() -> Site:
    """Where the image lies."""
    return Site(code_dir=Path(os.environ.get("FLOCK_HOME", "/opt/flock")))


def there(url: str) -> str:
    """A URL of this machine's loopback as the virtual machine reaches it."""
    return url.replace("127.0.0.1", HERE_FROM_THERE)


def unit_options(lines: Sequence[str]) -> str:
    """A drop-in that runs a unit of the product with the code under test."""
    return "\n".join(("[Service]", "Environment=PYTHONPATH=/opt/flock/checkout PYTHONDONTWRITEBYTECODE=1 "
                      "PYTHONWARNINGS=ignore", *lines, ""))
