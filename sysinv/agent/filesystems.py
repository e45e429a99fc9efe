# SPDX-License-Identifier: Apache-2.0
"""Makes, grows, mounts and removes a file system of this host, step by step; each step looks at the host anew."""
from __future__ import annotations

import logging
import os
import re
import struct
from collections.abc import Callable, Collection
from pathlib import Path

from flock.core.errors import InvalidInput
from flock.exec.atomic import replace_file
from flock.exec.process import CommandFailed, Completed
from flock.exec.root import Root
from sysinv.agent.collectors import filesystem as collector
from sysinv.agent.collectors import lvm
from sysinv.agent.filesystemsteps import MIB, FilesystemRefused, Found, Step, Wanted, next_step

LOG = logging.getLogger(__name__)
Run = Callable[..., Completed]
TIMEOUT_S = 200.0
# Each step is taken at most once.
STEPS_MAX = len(Step)
UNITS = Path("/etc/systemd/system")
FSTAB = Path("/etc/fstab")
NOTHING_RC = 2
# e2fsck: nothing was wrong, or all was corrected.
CHECKED_RC = (0, 1)
# The agent has a mount namespace of its own; what is mounted in there, nobody else sees.
HOST = ("nsenter", "--target", "1", "--mount", "--")
_EXT, _EXT_MAGIC, _EXT_64BIT = 1024, 0xEF53, 0x80
_NAME = re.compile(r"[a-z][a-z0-9-]{0,62}")
_XFS_DATA = re.compile(r"^data\s*=\s*bsize=([0-9]{1,6})\s+blocks=([0-9]{1,19})", re.MULTILINE)


class Filesystem:
    """One file system of this host. ``root``: where the host's devices and mounts are read."""

    def __init__(self, wanted: Wanted, run: Run, root: Root, units: Path = UNITS, fstab: Path = FSTAB) -> None:
        if _NAME.fullmatch(wanted.volume) is None:
            raise InvalidInput(field="volume", rule="must be a name of letters, digits and dashes")
        self._wanted, self._run, self._root = wanted, run, root
        self._units, self._fstab = units, fstab
        self._unit = wanted.mountpoint.strip("/").replace("/", "-") + ".mount"

    def bring_about(self) -> list[Step]:
        """Take all steps; returns them. FilesystemRefused, and errors of programs."""
        taken: list[Step] = []
        while len(taken) <= STEPS_MAX:
            step = self.next()
            if step is None:
                return taken
            if step in taken:
                raise FilesystemRefused(detail=f"{self._wanted.volume}: '{step}' was done and did not help.")
            LOG.info("%s: %s", self._wanted.volume, step)
            self._take(step)
            taken.append(step)
        raise FilesystemRefused(detail=f"{self._wanted.volume}: there is no end of steps.")

    def next(self) -> Step | None:
        """Return the next step, None without one; FilesystemRefused, and errors of programs."""
        return next_step(self._wanted, self._look())

    def _look(self) -> Found:
        devices = collector.devices(self._root, self._wanted.volume)
        device = devices[0] if devices else None
        places = collector.places(self._root)
        here = next((number for number, found in places.items() if self._wanted.mountpoint in found), None)
        mounted = device is not None and self._wanted.mountpoint in places.get(device.number, ())
        found = Found(has_group=self._has_group(), covered=here is not None and not mounted, mounted=mounted,
                      content=self._has_content(), remembered=self._is_remembered(device))
        if device is None:
            return found
        kind, size = self._content(device)
        return Found(found.has_group, device.size_mib * MIB, device.is_partition, len(devices) - 1, kind, size, mounted,
                     found.covered, found.content, found.remembered)

    def _has_group(self) -> bool:
        return any(row.get("vg_name") == collector.GROUP for row in lvm.told(self._root, "vgs", "vg_name"))

    def _has_content(self) -> bool:
        try:
            return bool(set(os.listdir(self._wanted.mountpoint)) - {"lost+found"})
        except OSError:
            return False

    def _node(self, device: collector.Device) -> str:
        return str(self._root.path / device.node.lstrip("/"))

    def _content(self, device: collector.Device) -> tuple[str | None, int]:
        """Return type and size of the file system, as ``Found`` has them."""
        done = self._run(["blkid", "--probe", "--output", "export", self._node(device)], timeout_s=TIMEOUT_S,
                         check=False)
        if done.rc == NOTHING_RC and not done.out.strip():
            return "", 0
        values = dict(line.split("=", 1) for line in done.out.splitlines() if "=" in line)
        kind = values.get("TYPE")
        if done.rc != 0 or kind is None or values.get("USAGE") != "filesystem":
            # A partition's table entry is no content of its own.
            only_entry = done.rc == 0 and all(name.startswith(("DEVNAME", "PART_ENTRY")) for name in values)
            return ("", 0) if only_entry else (None, 0)
        if kind.startswith("ext"):
            return kind, ext_bytes(self._node(device))
        return kind, self._xfs_bytes(device) if kind == "xfs" else 0

    def _xfs_bytes(self, device: collector.Device) -> int:
        match = _XFS_DATA.search(self._run(["xfs_info", self._node(device)], timeout_s=TIMEOUT_S).out)
        return int(match[1]) * int(match[2]) if match else 0

    def _is_remembered(self, device: collector.Device | None) -> bool:
        """Return whether this system has the file system mounted at boots, or the installer does."""
        if (self._units / "local-fs.target.wants" / self._unit).is_symlink():
            text = _text(self._units / self._unit)
            return device is None or not self._uuid(device) or f"What={self._by_uuid(device)}\n" in text
        entries = (line.split() for line in _text(self._fstab).splitlines())
        return device is not None and any(
            len(fields) > 1 and not fields[0].startswith("#") and fields[1] == self._wanted.mountpoint
            for fields in entries)

    def _uuid(self, device: collector.Device) -> str:
        done = self._run(["blkid", "--match-tag", "UUID", "--output", "value", self._node(device)], timeout_s=TIMEOUT_S,
                         check=False)
        return done.out.strip()

    def _by_uuid(self, device: collector.Device) -> str:
        return f"/dev/disk/by-uuid/{self._uuid(device)}"

    def _take(self, step: Step) -> None:
        volume, place = f"{collector.GROUP}/{self._wanted.volume}", self._wanted.mountpoint
        size = f"{self._wanted.size_gib}g"
        if step is Step.MAKE:
            self._call("lvcreate", "--yes", "--wipesignatures", "y", "--zero", "y", "--size", size, "--name",
                       self._wanted.volume, collector.GROUP)
        elif step is Step.FORGET:
            (self._units / "local-fs.target.wants" / self._unit).unlink(missing_ok=True)
            (self._units / self._unit).unlink(missing_ok=True)
        elif step is Step.UNMOUNT:
            self._call(*HOST, "umount", place)
        elif step is Step.REMOVE:
            self._call("lvremove", "--yes", volume)
        elif step is Step.ENLARGE:
            self._call("lvextend", "--size", size, volume)
        else:
            self._on_device(step, collector.devices(self._root, self._wanted.volume)[0], place)

    def _on_device(self, step: Step, device: collector.Device, place: str) -> None:
        if step is Step.FORMAT:
            self._call("mkfs.ext4", "-q", self._node(device))
        elif step is Step.MOUNT:
            os.makedirs(place, exist_ok=True)
            self._call(*HOST, "mount", self._node(device), place)
        elif step is Step.REMEMBER:
            replace_file(self._units / self._unit, "# Written by the platform's configuration; changes are lost.\n"
                         f"[Mount]\nWhat={self._by_uuid(device)}\nWhere={place}\nOptions=nofail\n", 0o644)
            link = self._units / "local-fs.target.wants" / self._unit
            link.parent.mkdir(parents=True, exist_ok=True)
            link.unlink(missing_ok=True)
            link.symlink_to(f"../{self._unit}")
        elif step is Step.WIPE:
            self._call("wipefs", "--all", self._node(device))
        else:
            self._grow(device, place)

    def _grow(self, device: collector.Device, place: str) -> None:
        kind, _ = self._content(device)
        if kind == "xfs":
            self._call("xfs_growfs", place)
            return
        if device.number not in collector.places(self._root):
            self._call("e2fsck", "-f", "-p", self._node(device), good=CHECKED_RC)
        self._call("resize2fs", self._node(device))

    def _call(self, *argv: str, good: Collection[int] = (0,)) -> None:
        """Run a program; CommandFailed with its last words, because some begin with their version."""
        done = self._run(list(argv), timeout_s=TIMEOUT_S, check=False)
        if done.rc not in good:
            lines = [line.strip() for line in done.err.splitlines() if line.strip()]
            raise CommandFailed(command=argv[len(HOST) if argv[:1] == HOST[:1] else 0], rc=done.rc,
                                reason=lines[-1] if lines else "no message")


def ext_bytes(node: str) -> int:
    """Return the size of an ext2, ext3 or ext4 file system from its superblock; 0 when there is none."""
    with open(node, "rb") as stream:
        stream.seek(_EXT)
        block = stream.read(_EXT)
    if len(block) < _EXT or struct.unpack_from("<H", block, 0x38)[0] != _EXT_MAGIC:
        return 0
    blocks, shift, features = (struct.unpack_from("<I", block, at)[0] for at in (0x4, 0x18, 0x60))
    high = struct.unpack_from("<I", block, 0x150)[0] if features & _EXT_64BIT else 0
    return int((high << 32 | blocks) * (1024 << min(shift, 6)))


def _text(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""
