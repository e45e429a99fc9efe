# SPDX-License-Identifier: Apache-2.0
"""The container of a host: systemd-nspawn's arguments, start, init process, end, and ready message."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from devstack.virtualcloud import process
from devstack.virtualcloud.disks import VIEW_INSIDE, OwnDisk
from devstack.virtualcloud.errors import LabError
from devstack.virtualcloud.record import Running
from devstack.virtualcloud.site import Site

HOSTRUN = Path(__file__).with_name("hostrun.sh")
HOSTINIT = Path(__file__).with_name("hostinit.sh")
BOOT_LOADER = Path(__file__).with_name("bootloader.py")
HOSTINIT_INSIDE = "/opt/flock-hostinit"
INSTALLER_INSIDE = "/opt/flock-installer"
LEADER_WAIT_S = 20.0
# Capabilities over this machine, which root inside a host, or a command run there, must not have.
FORBIDDEN = ("mknod", "sys_module", "sys_rawio")


@dataclass(frozen=True, slots=True)
class Shape:
    """Parameters of a container: where its disk is mounted, its bind mounts (source, target), its disks.

    `own`: bind mounts to which the host writes. `ostree`: the disk has OSTree, and its boot loader finds the root.
    """

    name: str
    root: Path
    binds: tuple[tuple[str, str], ...]
    view: Path
    disks: tuple[OwnDisk, ...] = ()
    own: tuple[tuple[str, str], ...] = ()
    ostree: bool = False


def nspawn_argv(site: Site, shape: Shape, tail: Sequence[str]) -> list[str]:
    """Return systemd-nspawn's arguments for a host with its network namespace; registers nothing on the machine.

    `tail` ends with the program that the host runs first, after hostinit.sh has hidden the machine's disks.
    """
    argv = [
        "systemd-nspawn", "--quiet", "--register=no", "--keep-unit", "--link-journal=no",
        "--resolv-conf=off", "--timezone=off",
        f"--machine={site.namespace(shape.name)}", f"--hostname={shape.name}",
        f"--network-namespace-path={site.namespace_path(shape.name)}", "--capability=CAP_NET_ADMIN",
        f"--drop-capability={','.join(f'CAP_{name.upper()}' for name in FORBIDDEN)}",
    ]  # fmt: skip
    binds = [*shape.binds, (str(shape.view), VIEW_INSIDE), (str(HOSTINIT), HOSTINIT_INSIDE)]
    argv += [f"--bind-ro={source}:{target}" for source, target in binds]
    argv += [f"--bind={source}:{target}" for source, target in shape.own]
    argv += [f"--bind={disk.source}:/dev/{disk.name}" for disk in shape.disks]
    if shape.ostree:
        return [sys.executable, "-P", str(BOOT_LOADER), str(shape.root), *argv, *tail]
    return [*argv, "-D", str(shape.root), *tail]


def boot_argv(site: Site, shape: Shape) -> list[str]:
    """Return the arguments to boot the disk; the host reports the end of its boot through the notify socket."""
    return nspawn_argv(site, shape, ["--notify-ready=yes", "--console=read-only", "--", *_first("/sbin/init")])


def install_argv(site: Site, shape: Shape, command: Sequence[str]) -> list[str]:
    """Return the arguments to run the installer on the fresh disk, without a service manager."""
    return nspawn_argv(site, shape, ["--console=pipe", "--as-pid2", "--", *_first(*command)])


def _first(*command: str) -> list[str]:
    return [HOSTINIT_INSIDE, VIEW_INSIDE, *command]


@dataclass(frozen=True, slots=True)
class Start:
    """Everything needed to start a container: arguments, groups to join, files to write to. ``code``: the product's
    directory on the machine, of which the host gets a copy on write; ``-``: there is none."""

    argv: Sequence[str]
    cgroup_files: Sequence[str]
    lower: Path
    disk: Path
    exit_file: Path
    console: Path
    notify: Path
    code: str = "-"


def start(site: Site, name: str, job: Start, kind: str) -> Running:
    """Start the container in a separate session, so that it outlives this process."""
    job.exit_file.unlink(missing_ok=True)
    # Enter the namespace before the container's /sys is mounted, so that the host sees only its own interfaces.
    argv = [
        "unshare", "--mount", "--propagation", "private", "nsenter", f"--net={site.namespace_path(name)}",
        str(HOSTRUN), str(job.exit_file), str(job.lower), str(job.disk), job.code, *job.cgroup_files, "--", *job.argv,
    ]  # fmt: skip
    environment = {
        "PATH": os.environ.get("PATH", "/usr/sbin:/usr/bin:/sbin:/bin"),
        "LANG": "C.UTF-8",
        "SYSTEMD_LOG_LEVEL": "warning",
        "SYSTEMD_NSPAWN_LOCK": "0",  # its lock files would outlive a killed host
    }
    if kind == "system":
        environment["NOTIFY_SOCKET"] = str(job.notify)
    with job.console.open("ab") as console:
        child = subprocess.Popen(
            argv, stdin=subprocess.DEVNULL, stdout=console, stderr=console, env=environment, start_new_session=True
        )
    ticks = process.start_ticks(child.pid)
    child.returncode = 0  # ended() collects it; without this the object would complain
    return Running(child.pid, ticks or 0, kind)


async def exit_status(running: Running, exit_file: Path) -> int | None:
    """Wait for the end of a container; returns its exit status, or None when it was not recorded."""
    if process.is_alive(running.pid, running.start_ticks):
        await process.ended(running.pid)
    process.reap(running.pid)
    try:
        return int(exit_file.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None


def leader(running: Running | None) -> int | None:
    """Return the process id of the host's init: the child of systemd-nspawn, which is the wrapper's child."""
    if running is None or not process.is_alive(running.pid, running.start_ticks):
        return None
    for nspawn in process.children(running.pid):
        for pid in process.children(nspawn):
            if _in_other_pid_namespace(pid):
                return pid
    return None


async def leader_soon(running: Running | None) -> int:
    """Wait for the host's init while the container starts and return its id; LabError when none appears."""
    for _ in range(int(LEADER_WAIT_S / 0.1)):
        pid = leader(running)
        if pid is not None:
            return pid
        if running is None or not process.is_alive(running.pid, running.start_ticks):
            break
        await asyncio.sleep(0.1)
    raise LabError("the host has no running system")


def _in_other_pid_namespace(pid: int) -> bool:
    try:
        return os.readlink(f"/proc/{pid}/ns/pid") != os.readlink("/proc/self/ns/pid")
    except OSError:
        return False


class ReadySocket:
    """Receives the service manager's messages of one host; calls back at `READY=1`."""

    def __init__(self, path: Path, on_ready: Callable[[], None]) -> None:
        self._path = path
        self._on_ready = on_ready
        self._socket: socket.socket | None = None

    def open(self) -> None:
        """Bind the socket and have the running event loop watch it."""
        self._path.unlink(missing_ok=True)
        made = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        made.setblocking(False)
        made.bind(str(self._path))
        self._path.chmod(0o600)
        asyncio.get_running_loop().add_reader(made.fileno(), self._receive)
        self._socket = made

    def close(self) -> None:
        """Stop watching."""
        if self._socket is not None:
            asyncio.get_running_loop().remove_reader(self._socket.fileno())
            self._socket.close()
            self._socket = None
            self._path.unlink(missing_ok=True)

    def _receive(self) -> None:
        if self._socket is None:
            return
        try:
            message = self._socket.recv(4096)
        except OSError:
            return
        if b"READY=1" in message.split(b"\n"):
            self._on_ready()
