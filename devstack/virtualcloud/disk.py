# SPDX-License-Identifier: Apache-2.0
"""A host's disk: an overlay on the base image. Creates and removes disks, and writes files to a disk not in use.

A disk with OSTree is an overlay on the image's disk with OSTree; its host sees one of the deployments as /.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path, PurePosixPath

from devstack.virtualcloud import bootloader
from devstack.virtualcloud.errors import LabError
from devstack.virtualcloud.process import run

HARDWARE_ROOT = "/opt/flock-hardware"


class Disk:
    """The folders `upper`, `work`, `root` (where it is mounted, in the host's own mount namespace).

    `lower` is the folder of the image below them.
    """

    def __init__(self, host_dir: Path, lower: Path) -> None:
        self.path = host_dir / "disk"
        self.lower = lower

    def exists(self) -> bool:
        """Whether the disk has been created."""
        return (self.path / "upper").is_dir()

    async def wipe(self) -> None:
        """Replace the disk by a fresh one with only the base image."""
        await self.remove()
        for name in ("upper", "work", "root"):
            (self.path / name).mkdir(parents=True)
        (self.path / "upper").chmod(0o755)

    async def remove(self) -> None:
        """Delete the disk."""
        if self.path.exists():
            await run(["rm", "-rf", "--one-file-system", str(self.path)], timeout_s=120)

    def has_ostree(self) -> bool:
        """Whether the host runs from a deployment of OSTree."""
        return bootloader.has_ostree([self.lower])

    def place(self, target: str) -> PurePosixPath:
        """Return where a path of the host, such as /etc/hosts, is on the disk; LabError when nothing can be booted."""
        relative = _relative(target)
        if not self.has_ostree():
            return relative
        try:
            tree = bootloader.booted_tree([self.path / "upper", self.lower])
        except bootloader.NotBootable as exc:
            raise LabError(f"{target}: {exc}") from exc
        if relative.parts[0] == "var":
            return bootloader.state_of(tree) / relative.relative_to("var")
        return tree / relative

    def lay(self, target: str, content: bytes, mode: int = 0o644) -> None:
        """Write a file to the disk while no host uses it; parent folders keep the image's owner and mode."""
        relative = self.place(target)
        parent, base = self.path / "upper", self.lower
        for part in relative.parts[:-1]:
            parent, base = parent / part, base / part
            if parent.is_symlink() or base.is_symlink():
                raise LabError(f"{target}: {part} is a symbolic link on this disk; use the path it points to")
            if not parent.is_dir():
                parent.mkdir(mode=0o755)
                if base.is_dir():
                    shutil.copystat(base, parent)
                    stat = base.stat()
                    os.chown(parent, stat.st_uid, stat.st_gid)
        path = parent / relative.name
        if path.is_symlink() or path.exists():
            path.unlink()
        path.write_bytes(content)
        path.chmod(mode)


def _relative(target: str) -> PurePosixPath:
    path = PurePosixPath(target)
    if not path.is_absolute() or ".." in path.parts or len(path.parts) < 2:
        raise LabError(f"{target}: an absolute path without '..' is needed")
    return path.relative_to("/")
