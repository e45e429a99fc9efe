# SPDX-License-Identifier: Apache-2.0
"""Takes files out of tar archives that strangers have made: regular files and directories below one directory, no more.

Links, devices, ``..``, absolute names, names that come twice, and sizes or numbers over a limit are refused before
anything of them is written.
"""
from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import tarfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Protocol

from patching.artifact.errors import ArtifactRefused

BLOCK = 1 << 20
# Names and attributes of one member. The library reads them whole, whatever size the archive says that they have.
HEADER_BYTES_MAX = 128 * 1024
# tar fills its last record with zeros.
PADDING_BYTES_MAX = 1 << 20
# xz asks for as much memory as the archive says; its strongest usual form needs 65 MiB.
XZ_BYTES_MAX = 128 << 20


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
        source = _Forward(_opened(stream), what)
        with tarfile.open(fileobj=source, mode="r:") as archive:
            for number, member in enumerate(_members(archive, source), 1):
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
        source.end()
    except (tarfile.TarError, EOFError, zlib.error, lzma.LZMAError, ValueError, OverflowError, RecursionError) as error:
        raise ArtifactRefused(detail=f"{what} is damaged: {error or type(error).__name__}.") from error
    except OSError as error:
        # gzip and lzma tell damage as OSError without a number.
        if error.errno is None:
            raise ArtifactRefused(detail=f"{what} is damaged: {error}.") from error
        raise
    return names


class _Readable(Protocol):
    def read(self, size: int, /) -> bytes:
        """At most ``size`` bytes; none at the end."""


class _Unpacked:
    """The content of a stream of bzip2 or xz. The library's own files limit no memory and ignore garbage at the end."""

    def __init__(self, stream: IO[bytes], unpacker: bz2.BZ2Decompressor | lzma.LZMADecompressor) -> None:
        self._stream, self._unpacker = stream, unpacker

    def read(self, size: int, /) -> bytes:
        """At most ``size`` bytes; none at the end. EOFError, ValueError, OSError, LZMAError: it is damaged."""
        data = b""
        while size and not data and not self._unpacker.eof:
            packed = self._stream.read(BLOCK) if self._unpacker.needs_input else b""
            if self._unpacker.needs_input and not packed:
                raise EOFError("it ends too early")
            data = self._unpacker.decompress(packed, size)
        if self._unpacker.eof and (self._unpacker.unused_data.strip(b"\0") or not data and self._stream.read(1)):
            raise ValueError("something follows its end")
        return data


class _Forward(io.RawIOBase):
    """A stream that is read once and forward, as the library reads it. ``headers`` limits what it may read next.

    ArtifactRefused: more than HEADER_BYTES_MAX belong to one member's names and attributes.
    """

    def __init__(self, stream: _Readable, what: str) -> None:
        super().__init__()
        self._stream, self._what = stream, what
        self._at, self._left = 0, HEADER_BYTES_MAX

    def headers(self, are_read: bool) -> None:
        """Whether what is read now are headers, or the content of a member."""
        self._left = HEADER_BYTES_MAX if are_read else 1 << 62

    def read(self, size: int = -1) -> bytes:
        """At most ``size`` bytes; less only at the end."""
        self._left -= max(size, 0)
        if size < 0 or self._left < 0:
            raise ArtifactRefused(detail=f"{self._what} has a member whose names and attributes are too long.")
        data = self._read(size)
        self._at += len(data)
        return data

    def _read(self, size: int) -> bytes:
        # gzip, bz2 and lzma may return less than what was asked for.
        data = self._stream.read(size)
        while len(data) < size and (more := self._stream.read(size - len(data))):
            data += more
        return data

    def tell(self) -> int:
        """How many bytes have been read."""
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Read as far as ``offset``."""
        if whence != io.SEEK_SET or offset < self._at:
            raise tarfile.ReadError("its members overlap")
        while self._at < offset and (data := self._stream.read(min(BLOCK, offset - self._at))):
            self._at += len(data)
        return self._at

    def seekable(self) -> bool:
        """Forward."""
        return True

    def end(self) -> None:
        """Read what follows the last member: zeros, or ArtifactRefused."""
        left = PADDING_BYTES_MAX
        while data := self._stream.read(BLOCK):
            left -= len(data)
            if left < 0 or data.strip(b"\0"):
                raise ArtifactRefused(detail=f"{self._what} is damaged: something follows its end.")


def _opened(stream: IO[bytes]) -> _Readable:
    """What is in a compressed stream, or the stream; it must be at its beginning and can be sought."""
    head = stream.read(6)
    stream.seek(0)
    if head.startswith(b"\x1f\x8b"):
        return gzip.GzipFile(fileobj=stream)
    if head.startswith(b"BZh"):
        return _Unpacked(stream, bz2.BZ2Decompressor())
    if head.startswith(b"\xfd7zXZ\0"):
        return _Unpacked(stream, lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=XZ_BYTES_MAX))
    return stream


def _members(archive: tarfile.TarFile, source: _Forward) -> Iterator[tarfile.TarInfo]:
    while True:
        source.headers(True)
        member = archive.next()
        if member is None:
            return
        source.headers(False)
        yield member
        # It would keep a record of each.
        archive.members = []  # type: ignore[attr-defined]


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
    # Executable or not is all that is taken over from the mode.
    mode = 0o700 if member.mode & 0o100 else 0o600
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
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
