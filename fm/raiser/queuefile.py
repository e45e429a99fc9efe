# SPDX-License-Identifier: Apache-2.0
"""The files of one spool, safe against power loss: a queue of lines with checksums, and the delivered position.

A line is ``<crc32> <time_ms> <record>\\n``. Queue files are numbered; the one with the highest number and a whole
header is valid, because a new file is renamed to its number only after all of it is on the disk.
"""
from __future__ import annotations

import contextlib
import logging
import os
import threading
import zlib
from pathlib import Path

LOG = logging.getLogger(__name__)
PREFIX, UNFINISHED = "queue-", ".new"
SPARE, POSITION = "spare", "position"
HEADER_TEXT = "fault queue"
SLOT_BYTES = 512
_CREATE = os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC


def line(record: str, time_ms: int) -> bytes:
    """One line of a queue file; ValueError when ``record`` has a line break."""
    body = b"%d %s" % (time_ms, record.encode("utf-8"))
    if b"\n" in body:
        raise ValueError("a record must be one line")
    return b"%08x %s\n" % (zlib.crc32(body), body)


def parsed(text: bytes) -> tuple[int, str] | None:
    """``(time_ms, record)`` of a line without its line break; None when it is damaged."""
    checksum, _, body = text.partition(b" ")
    if checksum != b"%08x" % zlib.crc32(body):
        return None
    time_ms, _, record = body.partition(b" ")
    try:
        return int(time_ms), record.decode("utf-8")
    except ValueError:
        return None


HEADER = line(HEADER_TEXT, 0)
START = len(HEADER)


def generations(directory: Path) -> list[int]:
    """Numbers of the queue files of ``directory``, ascending. Skips files with such a name but other content."""
    return sorted(number for number, path in _numbered(directory) if _is_queue(path))


def create(directory: Path, data: bytes, above: int) -> tuple[int, int]:
    """Create a queue file that holds ``data``, write it to disk and then name it. Returns ``(number, file)``.

    Its number is higher than ``above`` and than all existing ones. An empty queue file is made from the spare file, so
    that a full disk does not prevent freeing the space of delivered records. OSError.
    """
    generation = max((above, *(number for number, _ in _numbered(directory)))) + 1
    spare = None if data else _spare(directory)
    temporary = spare or directory / f"{PREFIX}{generation}{UNFINISHED}"
    file = os.open(temporary, os.O_RDWR | os.O_CLOEXEC) if spare else os.open(temporary, _CREATE, 0o640)
    try:
        if spare is None:
            write_all(file, HEADER + data, 0)
            os.fsync(file)
        os.rename(temporary, path_of(directory, generation))
        sync_directory(directory)
    except OSError:
        os.close(file)
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise
    return generation, file


def make_spare(directory: Path) -> None:
    """Create an empty queue file in advance if there is none. Does nothing on a full disk; a later call tries again."""
    if _spare(directory) is not None:
        return
    unfinished = directory / (SPARE + UNFINISHED)
    try:
        file = os.open(unfinished, _CREATE, 0o640)
        try:
            write_all(file, HEADER, 0)
            os.fsync(file)
        finally:
            os.close(file)
        os.rename(unfinished, directory / SPARE)
    except OSError as error:
        LOG.info("no spare file for the fault spool %s: %s", directory, error)
        remove(unfinished)


def _spare(directory: Path) -> Path | None:
    path = directory / SPARE
    with contextlib.suppress(OSError):
        if not path.is_symlink() and path.is_file() and path.read_bytes() == HEADER:
            return path
    return None


def open_newest(directory: Path, above: int) -> tuple[int, int]:
    """Open the valid queue file, or create the first one. Removes older and unfinished ones. Returns (number, file)."""
    found = generations(directory)
    for number in found[:-1]:
        remove(path_of(directory, number))
    for leftover in directory.glob(f"{PREFIX}*{UNFINISHED}"):
        remove(leftover)
    if not found:
        return create(directory, b"", above)
    return found[-1], os.open(path_of(directory, found[-1]), os.O_RDWR | os.O_CLOEXEC)


def path_of(directory: Path, generation: int) -> Path:
    """The path of the queue file with that number."""
    return directory / f"{PREFIX}{generation}"


def remove(path: Path) -> None:
    """Delete a file that is no longer needed; logs a disk error, which only costs space."""
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        LOG.warning("%s cannot be removed: %s", path, error)


def write_all(file: int, data: bytes, offset: int) -> None:
    """Write all of ``data`` at ``offset``; after OSError a part of it may be written."""
    rest = memoryview(data)
    while rest:
        written = os.pwrite(file, rest, offset)
        rest, offset = rest[written:], offset + written


def sync_directory(directory: Path) -> None:
    """Force new names in ``directory`` to disk, so that they survive power loss."""
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _numbered(directory: Path) -> list[tuple[int, Path]]:
    named = [(path.name.removeprefix(PREFIX).removesuffix(UNFINISHED), path) for path in directory.glob(f"{PREFIX}*")]
    return [(int(number), path) for number, path in named if number.isascii() and number.isdigit()]


def _is_queue(path: Path) -> bool:
    """True for a queue file: its header is whole, or (after a disk error in the header) one of its lines is."""
    if path.name.endswith(UNFINISHED) or not path.is_file() or path.is_symlink():
        return False
    with path.open("rb") as file:
        if file.readline(START) == HEADER:
            return True
        return any(parsed(text.removesuffix(b"\n")) is not None for text in file)


class Position:
    """Which queue file has been delivered up to which byte: two slots written alternately, so one is always whole.

    Writing needs no free disk space. After a lost position requests are delivered again, which is harmless.
    """

    def __init__(self, directory: Path) -> None:
        path = directory / POSITION
        self._lock = threading.Lock()
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
        try:
            if os.fstat(self._file).st_size < 2 * SLOT_BYTES:
                write_all(self._file, bytes(2 * SLOT_BYTES), 0)
                os.fsync(self._file)
                sync_directory(directory)
            places = [_position(self._file, place) for place in (0, 1)]
        except OSError:
            os.close(self._file)
            raise
        self.value = max(places)
        self._next = places.index(min(places))

    def write(self, generation: int, delivered: int) -> None:
        """Store a position; ignores one that is not later than the last."""
        with self._lock:
            if (generation, delivered) <= self.value or self._file < 0:
                return
            body = f"{generation} {delivered}".encode()
            try:
                write_all(self._file, b"%08x %s\n" % (zlib.crc32(body), body), self._next * SLOT_BYTES)
                os.fdatasync(self._file)
            except OSError as error:
                LOG.warning("the position of a fault spool cannot be written: %s", error)
                return
            self.value = (generation, delivered)
            self._next = 1 - self._next

    def close(self) -> None:
        """Close the file."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1


def undelivered(directory: Path) -> bool:
    """True when a queue has undelivered records. Reads its files without its lock, so another process may hold it."""
    try:
        found = generations(directory)
        if not found:
            return False
        size = path_of(directory, found[-1]).stat().st_size
        file = os.open(directory / POSITION, os.O_RDONLY | os.O_CLOEXEC)
        try:
            generation, delivered = max(_position(file, place) for place in (0, 1))
        finally:
            os.close(file)
    except OSError:
        return False
    return size > (delivered if generation == found[-1] else START)


def _position(file: int, place: int) -> tuple[int, int]:
    text = os.pread(file, SLOT_BYTES, place * SLOT_BYTES).partition(b"\n")[0]
    checksum, _, body = text.partition(b" ")
    try:
        if checksum == b"%08x" % zlib.crc32(body):
            generation, delivered = (int(word) for word in body.split())
            return generation, delivered
    except ValueError:
        LOG.warning("a fault spool has a position that cannot be read")
    return 0, 0
