# SPDX-License-Identifier: Apache-2.0
"""Recorded servers: a host can show the agents another machine's /proc and /sys, unpacked from an archive."""

from __future__ import annotations

import tarfile
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from devstack.virtualcloud.errors import LabError, NotAvailable

SUFFIXES = (".tar.bz2", ".tar.gz")
MEMBERS_MAX = 400_000
BYTES_MAX = 512 * 1024 * 1024


def archives(folders: Iterable[Path]) -> dict[str, Path]:
    """Return the recorded machines by name, from the existing folders; the first folder has precedence."""
    found: dict[str, Path] = {}
    for folder in folders:
        if not folder.is_dir():
            continue
        for path in sorted(folder.iterdir()):
            for suffix in SUFFIXES:
                if path.name.endswith(suffix):
                    found.setdefault(path.name.removesuffix(suffix), path)
    return found


def archive(folders: Iterable[Path], name: str) -> Path:
    """Return the archive of one recorded machine, by name or path; NotAvailable lists the known names."""
    if "/" in name:
        path = Path(name)
        if path.is_file() and path.name.endswith(SUFFIXES):
            return path
        raise NotAvailable(f"{name} is no archive (.tar.bz2 or .tar.gz)")
    known = archives(folders)
    if name not in known:
        raise NotAvailable(f"no recorded machine {name!r}; there are: {', '.join(sorted(known)) or 'none'}")
    return known[name]


def unpack(source: Path, target: Path) -> Path:
    """Unpack an archive below `target`; returns the folder that holds `proc` and `sys`.

    Unpacks only folders, files and links; refuses a member that would be written outside `target`.
    """
    target.mkdir(parents=True)
    home = target.resolve()
    total = 0
    with tarfile.open(source) as stream:
        for count, member in enumerate(stream):
            total += member.size
            if count >= MEMBERS_MAX or total > BYTES_MAX:
                raise LabError(f"{source.name} is too large: at most {MEMBERS_MAX} members and {BYTES_MAX} bytes")
            path = target / PurePosixPath(member.name)
            if not path.parent.resolve().is_relative_to(home) or ".." in path.parts:
                raise LabError(f"{source.name}: the member {member.name!r} points outside")
            _extract(stream, member, path)
    return find_root(target)


def _extract(stream: tarfile.TarFile, member: tarfile.TarInfo, path: Path) -> None:
    if member.isdir():
        path.mkdir(parents=True, exist_ok=True)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    if member.issym():
        path.symlink_to(member.linkname)
    elif member.isreg():
        content = stream.extractfile(member)
        path.write_bytes(content.read() if content is not None else b"")


def find_root(folder: Path) -> Path:
    """Return the folder at or below `folder` (two levels) that contains `sys` or `proc`."""
    candidates = [folder, *sorted(folder.glob("*")), *sorted(folder.glob("*/*"))]
    for path in candidates:
        if (path / "sys").is_dir() or (path / "proc").is_dir():
            return path
    raise LabError(f"{folder} holds neither proc nor sys")
