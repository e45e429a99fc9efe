# SPDX-License-Identifier: Apache-2.0
"""Recorded servers: unpacks ``/proc`` and ``/sys`` trees safely, each with the topology that another tool found."""
from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

MEMBER_MAX_BYTES = 16 * 1024 * 1024
_REPOSITORY = Path(__file__).resolve().parents[2]
_ARCHIVE_SUFFIXES = (".tar.bz2", ".tar.gz")
_EXPECTED_SUFFIXES = (".expected.xml", ".expected.console", ".expected.txt")


@dataclass(frozen=True, slots=True)
class RecordedMachine:
    """One recording: its name, the archive and the file with the expected topology."""

    name: str
    archive: Path
    expected: Path

    def unpack(self, into: Path) -> Path:
        """Unpack below ``into``; returns the directory that corresponds to the machine's ``/``."""
        return unpack(self.archive, into / self.name)

    def tree(self) -> Path:
        """The machine's ``/``, for reading: it is unpacked once for all tests of this account on this machine."""
        kept = Path(tempfile.gettempdir()) / f"flock-machines-{os.getuid()}"
        kept.mkdir(mode=0o700, exist_ok=True)
        if kept.stat().st_uid != os.getuid():
            raise PermissionError(f"{kept} belongs to somebody else")
        digest = hashlib.sha256(self.archive.read_bytes()).hexdigest()[:16]
        place = kept / f"{self.name}-{digest}"
        if not place.exists():
            with tempfile.TemporaryDirectory(dir=kept) as making:
                unpack(self.archive, Path(making) / "machine")
                # Another process may have been faster.
                with contextlib.suppress(OSError):
                    os.rename(Path(making) / "machine", place)
        (top,) = (path for path in place.iterdir() if path.is_dir())
        return top


def machines_directory() -> Path:
    """The directory of the recordings: the environment variable FLOCK_MACHINES, else ``tests/fixtures/machines``."""
    return Path(os.environ.get("FLOCK_MACHINES") or _REPOSITORY / "tests" / "fixtures" / "machines")


def recorded_machines(directory: Path | None = None) -> list[RecordedMachine]:
    """All recordings with an expected topology, sorted by name."""
    directory = machines_directory() if directory is None else directory
    found = []
    for archive in sorted(directory.iterdir()):
        suffix = next((suffix for suffix in _ARCHIVE_SUFFIXES if archive.name.endswith(suffix)), None)
        if suffix is None:
            continue
        name = archive.name.removesuffix(suffix)
        expected = next((path for end in _EXPECTED_SUFFIXES if (path := directory / f"{name}{end}").is_file()), None)
        if expected is not None:
            found.append(RecordedMachine(name, archive, expected))
    return found


def unpack(archive: Path, into: Path) -> Path:
    """Unpack files, directories and symbolic links of ``archive``; returns its single top directory.

    Keeps symbolic links, because sysfs consists of them, but never writes through them. Omits devices, FIFOs, hard
    links and names outside of ``into``. Ignores modes, so that the tree can be read and removed again. ValueError
    when there is not exactly one top directory.
    """
    into.mkdir(parents=True, exist_ok=True)
    with tarfile.open(archive) as members:
        for member in members:
            _write(members, member, into)
    tops = [path for path in into.iterdir() if path.is_dir()]
    if len(tops) != 1:
        raise ValueError(f"{archive.name}: expected one directory at the top, found {len(tops)}")
    return tops[0]


def _write(members: tarfile.TarFile, member: tarfile.TarInfo, into: Path) -> None:
    name = PurePosixPath(member.name)
    if name.is_absolute() or ".." in name.parts or not name.parts:
        return
    target = into.joinpath(*name.parts)
    if os.path.realpath(target.parent) != os.path.join(os.path.realpath(into), *name.parts[:-1]):
        return
    if member.isdir():
        target.mkdir(parents=True, exist_ok=True)
    elif member.issym():
        target.parent.mkdir(parents=True, exist_ok=True)
        if not os.path.lexists(target):
            target.symlink_to(member.linkname)
    elif member.isreg() and member.size <= MEMBER_MAX_BYTES and not target.is_symlink():
        target.parent.mkdir(parents=True, exist_ok=True)
        source = members.extractfile(member)
        if source is not None:
            with source, open(target, "wb") as copy:
                shutil.copyfileobj(source, copy)
