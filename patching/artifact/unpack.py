# SPDX-License-Identifier: Apache-2.0
"""Takes files out of tar archives that strangers have made: regular files and directories below one directory, no more.

Links, devices, ``..``, absolute names, names that come twice, and sizes or numbers over a limit are refused before
anything of them is written.
"""
from __future__ import annotations

import os
import tarfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO

from patching.artifact.errors import ArtifactRefused

BLOCK = 1 << 20


@dataclass(frozen=True, slots=True)
class Limits:
    """Of one archive: unpacked bytes of all members, their number, characters of a name."""

    bytes_max: int = 20 << 30
    members_max: int = 100_000
    name_max: int = 4_096


def unpack(stream: IO[bytes], into: Path, what: str, limits: Limits = Limits(), *,  # noqa: B008 - frozen
           flat: bool = False) -> list[str]:
    """Unpack a tar archive, compressed or not, and return the names of its files in their order.

    ``what`` names the archive in errors. ``flat``: it must have no directories. ArtifactRefused: it breaks a rule;
    what was written until then is in ``into``, which is the caller's to remove. OSError: the disk.
    """
    names: list[str] = []
    left = limits.bytes_max
    try:
        with tarfile.open(fileobj=stream, mode="r|*") as archive:
            for number, member in enumerate(archive, 1):
                if number > limits.members_max:
                    raise ArtifactRefused(detail=f"{what} has more than {limits.members_max} members.")
                name = _name(member, what, limits, flat)
                if name is None:
                    continue
                left -= member.size
                if left < 0:
                    raise ArtifactRefused(detail=f"{what} unpacks to more than {limits.bytes_max >> 20} MiB.")
                _write(archive, member, into / name, what)
                names.append(name)
    except (tarfile.TarError, EOFError, zlib.error, ValueError, OverflowError) as error:
        raise ArtifactRefused(detail=f"{what} is damaged: {error or type(error).__name__}.") from error
    except OSError as error:
        # gzip and lzma tell damage as OSError without a number.
        if error.errno is None:
            raise ArtifactRefused(detail=f"{what} is damaged: {error}.") from error
        raise
    return names


def _name(member: tarfile.TarInfo, what: str, limits: Limits, flat: bool) -> str | None:
    """The name of a file to be written; None for a directory."""
    name = member.name
    if len(name) > limits.name_max or "\0" in name or not name.isprintable():
        raise ArtifactRefused(detail=f"{what} has a member whose name is too long or not printable: {name!r:.80}.")
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts:
        raise ArtifactRefused(detail=f"{what} has a member outside of its directory: {name!r:.80}.")
    if member.isdir():
        if flat and path.parts:
            raise ArtifactRefused(detail=f"{what} must have no directories, but has {name!r:.80}.")
        return None
    if not member.isreg() or member.issparse():
        raise ArtifactRefused(detail=f"{what} has a member that is no regular file: {name!r:.80}.")
    if not path.parts or (flat and len(path.parts) > 1):
        raise ArtifactRefused(detail=f"{what} has a member that cannot be placed: {name!r:.80}.")
    return str(path)


def _write(archive: tarfile.TarFile, member: tarfile.TarInfo, path: Path, what: str) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # Executable or not is all that is taken over from the mode.
    mode = 0o700 if member.mode & 0o100 else 0o600
    try:
        number = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, mode)
    except (FileExistsError, IsADirectoryError, NotADirectoryError):
        raise ArtifactRefused(detail=f"{what} has two members named {member.name!r:.80}.") from None
    with os.fdopen(number, "wb") as out:
        for block in _blocks(archive, member):
            out.write(block)


def _blocks(archive: tarfile.TarFile, member: tarfile.TarInfo) -> Iterator[bytes]:
    source = archive.extractfile(member)
    if source is None:
        return
    while block := source.read(BLOCK):
        yield block
