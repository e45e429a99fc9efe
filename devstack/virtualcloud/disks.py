# SPDX-License-Identifier: Apache-2.0
"""The disks that a host reports: sparse files on loop devices, and their entries in /sys and /proc.

Independent of the overlay that the host's system runs on (`disk.py`). The files are in the host's folder; a loop
device is attached when the host starts and detached when the host is removed. On a machine without loop devices the
host's /dev contains the files themselves.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from devstack.virtualcloud import process
from devstack.virtualcloud.devices import Device
from devstack.virtualcloud.errors import NotAvailable

DEFAULT_GIB = (20, 10)
DISKS_DEFAULT = ",".join(str(size) for size in DEFAULT_GIB)
SIZE_GIB_MAX, DISKS_MAX = 16 * 1024, 8
LOOP_CONTROL = Path("/dev/loop-control")
VIEW_INSIDE = "/opt/flock-machine"
SECTOR_BYTES = 512
SD_MAJOR, SD_MINORS = 8, 16
CONTROLLER = "pci0001:00/0001:00:1f.2"
_LETTERS = "abcdefgh"


@dataclass(frozen=True, slots=True)
class OwnDisk:
    """One disk: its number (0 is `sda`), size, and the node or file on the machine (`source`)."""

    number: int
    size_gib: int
    serial: str
    source: Path

    @property
    def name(self) -> str:
        """Return the kernel's name inside the host."""
        return f"sd{_LETTERS[self.number]}"

    @property
    def node(self) -> Device | None:
        """Return the block device on this machine; None when it is a plain file."""
        if not self.source.is_block_device():
            return None
        number = self.source.stat().st_rdev
        return Device("b", os.major(number), os.minor(number))


def parse_sizes(text: str) -> tuple[int, ...]:
    """Return sizes in GiB from `20,10`; `none` means no disk. NotAvailable names the error."""
    if text == "none":
        return ()
    words = text.split(",")
    if len(words) > DISKS_MAX or not all(re.fullmatch(r"[1-9]\d{0,4}", word) for word in words):
        raise NotAvailable(f"--disks {text}: at most {DISKS_MAX} sizes in GiB, for example 20,10, or none")
    sizes = tuple(int(word) for word in words)
    if max(sizes) > SIZE_GIB_MAX:
        raise NotAvailable(f"--disks {text}: at most {SIZE_GIB_MAX} GiB each")
    return sizes


class Disks:
    """The disks of one host, in `<host>/disks`; their entries in /sys and /proc are written to `<host>/machine`."""

    def __init__(self, host_dir: Path, host: str, sizes_gib: Sequence[int]) -> None:
        self.view = host_dir / "machine"
        self._folder = host_dir / "disks"
        self._host = host
        self._sizes = tuple(sizes_gib)

    def attach(self) -> list[OwnDisk]:
        """Create missing files, attach missing loop devices, write the view. Raises LabError."""
        self._folder.mkdir(parents=True, exist_ok=True)
        has_loops = LOOP_CONTROL.exists()
        there = loops(self._folder) if has_loops else {}
        found = []
        for number, size in enumerate(self._sizes):
            path = self._folder / f"{_LETTERS[number]}.img"
            if not path.exists():
                with path.open("wb") as stream:
                    os.truncate(stream.fileno(), size << 30)
            source = path
            if has_loops:
                source = there.get(path.resolve()) or _attach(path)
            found.append(OwnDisk(number, size, f"{self._host}-{number}", source))
        write_view(self.view, found)
        return found

    def remove(self) -> None:
        """Detach the loop devices and delete the files; the host must not run."""
        detach_below(self._folder)
        shutil.rmtree(self._folder, ignore_errors=True)


def _attach(path: Path) -> Path:
    return Path(process.run_now(["losetup", "--find", "--show", str(path)]).out.strip())


def loops(folder: Path) -> dict[Path, Path]:
    """Return the attached loop devices by file, of files below `folder`."""
    if shutil.which("losetup") is None:
        return {}
    listed = process.run_now(["losetup", "--list", "--json", "--output", "NAME,BACK-FILE"]).out
    entries = json.loads(listed)["loopdevices"] if listed.strip() else []
    pairs = {Path(str(item["back-file"]).removesuffix(" (deleted)")): Path(item["name"]) for item in entries}
    return {file: device for file, device in pairs.items() if file.is_relative_to(folder.resolve())}


def detach_below(folder: Path) -> None:
    """Detach every loop device whose file is below `folder`; LabError when one remains."""
    for device in loops(folder).values():
        process.run_now(["losetup", "--detach", str(device)])


def write_view(view: Path, disks: Sequence[OwnDisk]) -> None:
    """Write the files that hostinit.sh mounts over /sys and /proc, with these disks and no others."""
    shutil.rmtree(view, ignore_errors=True)
    links = {name: view / "sys" / name for name in ("block", "class/block", "dev/block")}
    for folder in (*links.values(), view / "sys/devices" / CONTROLLER, view / "proc"):
        folder.mkdir(parents=True)
    partitions, statistics = "major minor  #blocks  name\n\n", ""
    for disk in disks:
        own = f"devices/{CONTROLLER}/{_write_device(view / 'sys/devices' / CONTROLLER, disk)}"
        (links["block"] / disk.name).symlink_to(f"../{own}")
        (links["class/block"] / disk.name).symlink_to(f"../../{own}")
        # Programs that look up the number of the node in /dev find the disk too.
        node = disk.node
        numbers = {f"{SD_MAJOR}:{disk.number * SD_MINORS}"} | ({f"{node.major}:{node.minor}"} if node else set())
        for number in numbers:
            (links["dev/block"] / number).symlink_to(f"../../{own}")
        shown = (node.major, node.minor or 0) if node else (SD_MAJOR, disk.number * SD_MINORS)
        partitions += f"{shown[0]:4} {shown[1]:8} {disk.size_gib << 20:10} {disk.name}\n"
        statistics += f"{shown[0]:4} {shown[1]:7} {disk.name}" + " 0" * 17 + "\n"
    (view / "proc/partitions").write_text(partitions, encoding="ascii")
    (view / "proc/diskstats").write_text(statistics, encoding="ascii")
    if disks:
        # A container has no disk below "/"; what may be done to a disk depends on which one that is.
        (view / "proc/cmdline").write_text(f"root=/dev/{disks[0].name} ro quiet\n", encoding="ascii")
    (view / "proc/swaps").write_text("Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n", encoding="ascii")


def _write_device(controller: Path, disk: OwnDisk) -> str:
    """Write the entries of a SATA disk; returns its path below the controller."""
    unit = f"ata{disk.number + 1}/host{disk.number}/target{disk.number}:0:0/{disk.number}:0:0:0"
    device = controller / unit
    block = device / "block" / disk.name
    for folder in ("queue", "holders", "slaves"):
        (block / folder).mkdir(parents=True)
    port = controller / f"ata{disk.number + 1}/ata_port/ata{disk.number + 1}"
    port.mkdir(parents=True)
    minor = disk.number * SD_MINORS
    texts = {
        port / "port_no": f"{disk.number + 1}\n", device / "vendor": "FLOCK\n", device / "model": "VIRTUAL DISK\n",
        device / "rev": "1.0\n", device / "type": "0\n",
        block / "dev": f"{SD_MAJOR}:{minor}\n", block / "size": f"{(disk.size_gib << 30) // SECTOR_BYTES}\n",
        block / "removable": "0\n", block / "hidden": "0\n", block / "ro": "0\n", block / "stat": " 0" * 17 + "\n",
        block / "uevent": f"MAJOR={SD_MAJOR}\nMINOR={minor}\nDEVNAME={disk.name}\nDEVTYPE=disk\n",
        block / "queue/rotational": "0\n", block / "queue/logical_block_size": f"{SECTOR_BYTES}\n",
        block / "queue/physical_block_size": f"{SECTOR_BYTES}\n", block / "queue/hw_sector_size": f"{SECTOR_BYTES}\n",
    }  # fmt: skip
    for path, text in texts.items():
        path.write_text(text, encoding="ascii")
    serial = disk.serial.encode()[:252]
    (device / "vpd_pg80").write_bytes(struct.pack(">BBH", 0, 0x80, len(serial)) + serial)
    (block / "device").symlink_to(f"../../../{disk.number}:0:0:0")
    return f"{unit}/block/{disk.name}"
