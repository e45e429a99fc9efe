# SPDX-License-Identifier: Apache-2.0
"""A durable queue of texts in one directory: appended and forced to disk, read in order, forgotten when delivered.

One process owns a queue at a time (a file lock). A record is ``<crc32> <json>\\n``; a torn last record is cut off.
"""
from __future__ import annotations

import errno
import fcntl
import logging
import os
import threading
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from flock.core.errors import Unavailable
from fm.contract.errors import SpoolBusy, SpoolFull

LOG = logging.getLogger(__name__)
MIB = 1024 * 1024
SLOTS_MAX = 32
ROTATE_BYTES = MIB
READ_BYTES = MIB
Compact = Callable[[list[str]], list[str]]


@dataclass(frozen=True, slots=True)
class Chunk:
    """Oldest undelivered records in order; ``end`` is the position behind the last one."""

    generation: int
    records: tuple[str, ...]
    end: int


class Spool:
    """The queue in ``directory``. ``limit_mib`` bounds what is undelivered; ``compact`` may shrink it when full."""

    def __init__(self, directory: Path, limit_mib: int = 16, compact: Compact | None = None) -> None:
        self.directory = directory
        self.limit_mib = limit_mib
        self._compact = compact
        self._lock = threading.Condition()
        directory.mkdir(parents=True, exist_ok=True, mode=0o750)
        self._lock_file = os.open(directory / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
        try:
            fcntl.flock(self._lock_file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(self._lock_file)
            raise SpoolBusy(path=str(directory), slots=1) from None
        self._generation, self._delivered = self._read_position()
        self._file = -1
        self._open_generation()

    @property
    def pending_bytes(self) -> int:
        """Bytes appended and not yet delivered."""
        return self._size - self._delivered

    def append(self, records: Sequence[str]) -> int:
        """Store all ``records`` or none; on disk when this returns. Returns the total so far (see ``drained``).

        SpoolFull when the limit is reached, Unavailable when the disk refuses.
        """
        data = b"".join(_line(record) for record in records)
        with self._lock:
            if self.pending_bytes + len(data) > self.limit_mib * MIB:
                self._shrink(len(data))
            self._write(data)
            self._appended += len(records)
            self._lock.notify_all()
            return self._appended

    def peek(self, count_max: int) -> Chunk:
        """The oldest undelivered records, at most ``count_max`` and about one MiB."""
        with self._lock:
            data = os.pread(self._file, min(self._size - self._delivered, READ_BYTES), self._delivered)
            if data and b"\n" not in data:
                data = os.pread(self._file, self._size - self._delivered, self._delivered)
            generation, base = self._generation, self._delivered
        records: list[str] = []
        for line in data.splitlines(keepends=True)[:count_max]:
            if not line.endswith(b"\n"):
                break
            base += len(line)
            record = _payload(line)
            if record is None:
                LOG.error("a damaged record of %d bytes in %s is skipped", len(line), self.directory)
            records.append(record or "")
        return Chunk(generation, tuple(records), base)

    def delivered(self, chunk: Chunk) -> None:
        """Forget the records of ``chunk``. When the queue was rewritten meanwhile they stay and are delivered again."""
        with self._lock:
            if chunk.generation != self._generation:
                return
            self._delivered = chunk.end
            self._done += len(chunk.records)
            if self._delivered == self._size and self._size > ROTATE_BYTES:
                self._start_generation(b"")
            else:
                self._write_position()
            self._lock.notify_all()

    def wait_for_records(self, timeout_s: float, unless: Callable[[], bool]) -> bool:
        """True when something is undelivered, at once or within ``timeout_s``; ends once ``unless()`` holds."""
        with self._lock:
            self._lock.wait_for(lambda: self.pending_bytes > 0 or unless(), timeout_s)
            return self.pending_bytes > 0

    def wake(self) -> None:
        """Let those who wait look again."""
        with self._lock:
            self._lock.notify_all()

    def drained(self, total: int, timeout_s: float) -> bool:
        """True when the first ``total`` records appended by this process (and all older ones) have been delivered."""
        with self._lock:
            return self._lock.wait_for(lambda: self._done >= total, timeout_s)

    @property
    def appended(self) -> int:
        """Records seen so far by this process: found at start and appended since."""
        return self._appended

    def close(self) -> None:
        """Give the directory free; undelivered records stay on disk."""
        with self._lock:
            if self._file >= 0:
                os.close(self._file)
                os.close(self._lock_file)
                self._file = -1

    def abandon(self) -> None:
        """After a fork, in the child: let go of the parent's files without touching their state."""
        if self._file >= 0:
            os.close(self._file)
            os.close(self._lock_file)
            self._file = -1

    def _open_generation(self) -> None:
        path = self._path(self._generation)
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o640)
        data = path.read_bytes()
        whole = data.rfind(b"\n") + 1
        last = data.rfind(b"\n", 0, max(0, whole - 1)) + 1
        if whole > last and _payload(data[last:whole]) is None and last >= self._delivered:
            whole = last
        if whole < len(data):
            LOG.warning("a torn record of %d bytes at the end of %s is cut off", len(data) - whole, path)
            os.ftruncate(self._file, whole)
            os.fsync(self._file)
        self._size = whole
        self._delivered = min(self._delivered, whole)
        self._appended = data[self._delivered:whole].count(b"\n")
        self._done = 0
        for other in self.directory.glob("queue-*"):
            if other != path:
                other.unlink()

    def _write(self, data: bytes) -> None:
        written = 0
        try:
            while written < len(data):
                written += os.write(self._file, data[written:])
            os.fdatasync(self._file)
        except OSError as error:
            os.ftruncate(self._file, self._size)
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise SpoolFull(path=str(self.directory), limit_mib=self.limit_mib) from error
            raise Unavailable(service="fault spool", reason=os.strerror(error.errno or 0)) from error
        self._size += len(data)

    def _shrink(self, needed_bytes: int) -> None:
        """Replace the undelivered records by what ``compact`` makes of them; SpoolFull when that is not enough."""
        limit_bytes = self.limit_mib * MIB
        if self._compact is None or needed_bytes > limit_bytes:
            raise SpoolFull(path=str(self.directory), limit_mib=self.limit_mib)
        raw = os.pread(self._file, self.pending_bytes, self._delivered)
        records = [payload for line in raw.splitlines(keepends=True) if (payload := _payload(line)) is not None]
        kept = self._compact(records)
        data = b"".join(_line(record) for record in kept)
        if len(data) + needed_bytes > limit_bytes:
            raise SpoolFull(path=str(self.directory), limit_mib=self.limit_mib)
        LOG.warning("the fault spool was full: %d of %d requests were overtaken by later ones and dropped",
                    len(records) - len(kept), len(records))
        self._done += raw.count(b"\n") - len(kept)
        self._start_generation(data)

    def _start_generation(self, data: bytes) -> None:
        old_file, old_path = self._file, self._path(self._generation)
        self._generation += 1
        flags = os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND | os.O_CLOEXEC
        self._file = os.open(self._path(self._generation), flags, 0o640)
        self._size = self._delivered = 0
        if data:
            self._write(data)
        self._write_position()
        os.close(old_file)
        old_path.unlink(missing_ok=True)

    def _read_position(self) -> tuple[int, int]:
        found = sorted(int(path.name.partition("-")[2]) for path in self.directory.glob("queue-*")
                       if path.name.partition("-")[2].isdigit())
        try:
            generation, delivered = (int(word) for word in (self.directory / "position").read_text().split())
        except (OSError, ValueError):
            generation, delivered = 0, 0
        if generation in found and delivered >= 0:
            return generation, delivered
        return (found[0] if found else 1), 0

    def _write_position(self) -> None:
        temporary = self.directory / "position.new"
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o640)
        try:
            os.write(handle, f"{self._generation} {self._delivered}\n".encode())
            os.fsync(handle)
        finally:
            os.close(handle)
        temporary.rename(self.directory / "position")

    def _path(self, generation: int) -> Path:
        return self.directory / f"queue-{generation}"


def open_free_slot(parent: Path, limit_mib: int, compact: Compact | None = None) -> Spool:
    """The first queue below ``parent`` that no process holds; SpoolBusy when all slots are held."""
    for slot in range(SLOTS_MAX):
        try:
            return Spool(parent / str(slot), limit_mib, compact)
        except SpoolBusy:
            continue
    raise SpoolBusy(path=str(parent), slots=SLOTS_MAX)


def abandoned(parent: Path, own: Path, limit_mib: int) -> list[Spool]:
    """Queues of processes that ended with undelivered records; the caller delivers and closes them."""
    found = []
    for slot in range(SLOTS_MAX):
        directory = parent / str(slot)
        if directory == own or not directory.is_dir():
            continue
        try:
            spool = Spool(directory, limit_mib)
        except SpoolBusy:
            continue
        if spool.pending_bytes:
            found.append(spool)
        else:
            spool.close()
    return found


def _line(record: str) -> bytes:
    data = record.encode("utf-8")
    if b"\n" in data:
        raise ValueError("a record must be one line")
    return b"%08x %s\n" % (zlib.crc32(data), data)


def _payload(line: bytes) -> str | None:
    checksum, _, data = line.rstrip(b"\n").partition(b" ")
    try:
        return data.decode("utf-8") if int(checksum, 16) == zlib.crc32(data) else None
    except ValueError:
        return None
