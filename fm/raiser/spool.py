# SPDX-License-Identifier: Apache-2.0
"""A durable queue of texts in one directory: appended with fsync, read in order, removed after delivery.

One process at a time owns a queue (a file lock). Threads that append at the same time share one write to the disk.
"""
from __future__ import annotations

import contextlib
import errno
import fcntl
import logging
import os
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from flock.core.errors import FlockError, Unavailable
from fm.contract.errors import SpoolBusy, SpoolDiskFull, SpoolFull
from fm.raiser import queuefile
from fm.raiser.queuefile import START, Position

LOG = logging.getLogger(__name__)
MIB = 1024 * 1024
ROTATE_BYTES = MIB
READ_BYTES = MIB
# A full queue is compacted only when 1/8 of its limit was appended since the last compaction.
COMPACT_SHARE = 8
NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
Compact = Callable[[list[str]], Sequence[int]]


@dataclass(frozen=True, slots=True)
class SpoolRecord:
    """One undelivered record; ``text`` is empty when it was damaged, ``end`` is the byte offset after it."""

    text: str
    time_ms: int
    end: int


@dataclass(frozen=True, slots=True)
class Chunk:
    """Oldest undelivered records in order, of one generation of the queue file."""

    generation: int
    records: tuple[SpoolRecord, ...]

    @property
    def texts(self) -> tuple[str, ...]:
        """The texts of the records."""
        return tuple(record.text for record in self.records)

    def first(self, count: int) -> Chunk:
        """A chunk of the oldest ``count`` records."""
        return Chunk(self.generation, self.records[:count])


@dataclass(slots=True, eq=False)
class _Ticket:
    data: bytes
    count: int
    total: int = 0
    finished: bool = False
    error: Exception | None = None


class Spool:
    """The queue in ``directory``. ``limit_mib`` bounds the undelivered records; ``compact`` may shrink a full queue.

    ``compact`` gets the undelivered records and returns the indexes of those to keep. SpoolBusy when another process
    holds the queue, Unavailable when the directory cannot be used.
    """

    def __init__(self, directory: Path, limit_mib: int = 16, compact: Compact | None = None,
                 clock: Callable[[], float] = time.time) -> None:
        self.directory = directory
        self.limit_mib = limit_mib
        self._limit_bytes = limit_mib * MIB
        self._compact = compact
        self._clock = clock
        self._changed = threading.Condition()
        self._writing = threading.Lock()
        self._waiting: list[_Ticket] = []
        self._torn = False
        try:
            self._lock_file = _lock(directory)
        except OSError as error:
            raise _unusable(directory, error) from error
        try:
            self._position = Position(directory)
            self._generation, self._file = queuefile.open_newest(directory, self._position.value[0])
            self._open()
            queuefile.make_spare(directory)
        except OSError as error:
            os.close(self._lock_file)
            raise _unusable(directory, error) from error

    @property
    def pending_bytes(self) -> int:
        """Bytes of undelivered records."""
        return self._size - self._delivered

    @property
    def appended(self) -> int:
        """Number of records found at start plus those appended since."""
        return self._appended

    @property
    def done(self) -> int:
        """Number of records of ``appended`` that were delivered."""
        return self._done

    def append(self, records: Sequence[str]) -> int:
        """Store all ``records`` or none; they are on disk when this returns.

        Returns the value of ``appended`` after them, to compare with ``done``. SpoolFull when the limit is reached,
        SpoolDiskFull when the disk has no room, Unavailable when the disk fails.
        """
        now_ms = int(self._clock() * 1000)
        ticket = _Ticket(b"".join(queuefile.line(record, now_ms) for record in records), len(records))
        with self._changed:
            self._waiting.append(ticket)
        with self._writing:
            if not ticket.finished:
                self._write_waiting()
        if ticket.error is not None:
            raise ticket.error
        return ticket.total

    def peek(self, count_max: int) -> Chunk:
        """The oldest undelivered records, at most ``count_max`` and about one MiB."""
        with self._changed:
            if self._file < 0:
                return Chunk(self._generation, ())
            data = os.pread(self._file, min(self.pending_bytes, READ_BYTES), self._delivered)
            if data and b"\n" not in data:
                data = os.pread(self._file, self.pending_bytes, self._delivered)
            generation, end = self._generation, self._delivered
        records: list[SpoolRecord] = []
        time_ms = 0
        for text in data.split(b"\n")[:-1][:count_max]:
            end += len(text) + 1
            found = queuefile.parsed(text)
            if found is None:
                LOG.error("a damaged record of %d bytes in %s is skipped", len(text), self.directory)
                found = time_ms, ""
            time_ms = found[0]
            records.append(SpoolRecord(found[1], time_ms, end))
        return Chunk(generation, tuple(records))

    def delivered(self, chunk: Chunk) -> None:
        """Mark the records of ``chunk`` as delivered.

        Does nothing when the queue file was replaced meanwhile; the records are then delivered again.
        """
        if not chunk.records:
            return
        with self._changed:
            if chunk.generation != self._generation or self._file < 0:
                return
            self._delivered = chunk.records[-1].end
            self._done += len(chunk.records)
            position = self._generation, self._delivered
            worth_it = self._delivered > ROTATE_BYTES and self._delivered >= self.pending_bytes
            self._changed.notify_all()
        self._position.write(*position)
        if worth_it:
            self._forget_delivered()

    def wait_for_records(self, timeout_s: float, unless: Callable[[], bool]) -> bool:
        """Wait until a record is undelivered, ``unless()`` holds or ``timeout_s`` is over. True for a record."""
        self.wait_until(lambda: self.pending_bytes > 0 or unless(), timeout_s)
        return self.pending_bytes > 0

    def wait_until(self, condition: Callable[[], bool], timeout_s: float) -> bool:
        """True when ``condition()`` holds within ``timeout_s``; checks it after each change of this queue."""
        with self._changed:
            return self._changed.wait_for(condition, timeout_s)

    def wake(self) -> None:
        """Make waiting threads check their conditions again."""
        with self._changed:
            self._changed.notify_all()

    def close(self) -> None:
        """Release the directory; undelivered records stay on disk."""
        with self._writing, self._changed:
            self.abandon()

    def abandon(self) -> None:
        """Close the files without changing them; the child of a fork drops its parent's queue this way."""
        if self._file >= 0:
            os.close(self._file)
            self._position.close()
            os.close(self._lock_file)
            self._file = -1

    def _open(self) -> None:
        """Load the queue file: the records from the delivered position to the last whole one."""
        self._size = os.fstat(self._file).st_size
        generation, delivered = self._position.value
        self._delivered = START
        believed = generation != self._generation or delivered <= START
        if not believed:
            # A position beyond the end: the file was cut, and everything left in it has been delivered.
            believed = delivered <= self._size
            delivered = min(delivered, self._size)
            if os.pread(self._file, 1, delivered - 1) == b"\n":
                self._delivered = delivered
            else:
                believed = False
        data = os.pread(self._file, max(0, self._size - self._delivered), self._delivered)
        whole = data.rfind(b"\n") + 1
        last = data.rfind(b"\n", 0, max(0, whole - 1)) + 1
        if whole and queuefile.parsed(data[last:whole - 1]) is None:
            whole = last
        if whole < len(data):
            LOG.warning("a torn record of %d bytes at the end of %s is cut off", len(data) - whole, self.directory)
            os.ftruncate(self._file, self._delivered + whole)
            os.fsync(self._file)
        self._size = self._delivered + whole
        self._appended = data.count(b"\n", 0, whole)
        self._done = 0
        self._since_compaction = whole
        if believed:
            self._position.write(self._generation, self._delivered)
        else:
            # A new generation: otherwise the wrong position would become valid once a record happens to end there.
            self._replace(data[:whole])

    def _write_waiting(self) -> None:
        """Store the records of all waiting callers in one write. The caller holds ``_writing``."""
        with self._changed:
            tickets, self._waiting = self._waiting, []
        try:
            self._admit(tickets)
            fitting = [ticket for ticket in tickets if ticket.error is None]
            written = self._try_write(fitting) or (self._free_delivered() and self._try_write(fitting))
            if not written and len(fitting) > 1:
                for ticket in fitting:
                    self._try_write([ticket])
        except Exception as error:  # noqa: BLE001 - raised in the callers that wait
            for ticket in tickets:
                ticket.error = ticket.error or (error if ticket.total == 0 else None)
        finally:
            for ticket in tickets:
                ticket.finished = True

    def _admit(self, tickets: Sequence[_Ticket]) -> None:
        """Compact the queue if it is full, and put SpoolFull into the tickets that still exceed the limit."""
        if self._file < 0:
            raise Unavailable(service=f"fault spool {self.directory}", reason="closed")
        if self.pending_bytes + sum(len(ticket.data) for ticket in tickets) > self._limit_bytes:
            self._shrink()
        room = self._limit_bytes - self.pending_bytes
        for ticket in tickets:
            if len(ticket.data) > room:
                ticket.error = SpoolFull(path=str(self.directory), limit_mib=self.limit_mib)
            else:
                room -= len(ticket.data)

    def _try_write(self, tickets: Sequence[_Ticket]) -> bool:
        data = b"".join(ticket.data for ticket in tickets)
        try:
            if self._torn:
                os.ftruncate(self._file, self._size)
                self._torn = False
            queuefile.write_all(self._file, data, self._size)
            os.fdatasync(self._file)
        except OSError as error:
            self._cut_back()
            for ticket in tickets:
                ticket.error = _refusal(self.directory, self.limit_mib, error)
            return False
        with self._changed:
            self._size += len(data)
            self._since_compaction += len(data)
            for ticket in tickets:
                self._appended += ticket.count
                ticket.total, ticket.error = self._appended, None
            self._changed.notify_all()
        return True

    def _cut_back(self) -> None:
        """Remove what a failed write left in the file; if that fails, the next write tries again."""
        try:
            os.ftruncate(self._file, self._size)
            os.fdatasync(self._file)
        except OSError:
            self._torn = True

    def _shrink(self) -> None:
        """Replace the undelivered records by those that ``compact`` keeps, if that frees enough room."""
        share_bytes = self._limit_bytes // COMPACT_SHARE
        if self._compact is None or self._since_compaction < share_bytes:
            return
        self._since_compaction = 0
        raw = os.pread(self._file, self.pending_bytes, self._delivered)
        lines = [(found[1], text + b"\n") for text in raw.split(b"\n")[:-1]
                 if (found := queuefile.parsed(text)) is not None]
        kept = self._compact([record for record, _ in lines])
        data = b"".join(lines[place][1] for place in kept)
        if len(raw) - len(data) < share_bytes:
            return
        LOG.warning("the fault spool %s was full: %d of %d requests were overtaken by later ones and dropped",
                    self.directory, len(lines) - len(kept), len(lines))
        self._replace(data)

    def _forget_delivered(self) -> None:
        with self._writing:
            if self._file >= 0:
                self._free_delivered()

    def _free_delivered(self) -> bool:
        """Free the disk space of delivered records; False when there are none or the disk fails."""
        return self._delivered > START and self._replace(
            os.pread(self._file, self.pending_bytes, self._delivered))

    def _replace(self, data: bytes) -> bool:
        """Replace the queue file by a new one that holds ``data``. Returns False and keeps the old one on a disk error.
        """
        try:
            generation, file = queuefile.create(self.directory, data, self._position.value[0])
        except OSError as error:
            LOG.warning("the fault spool %s cannot be rewritten: %s", self.directory, error)
            return False
        with self._changed:
            old = self._generation
            os.close(self._file)
            self._generation, self._file, self._torn = generation, file, False
            self._size, self._delivered = START + len(data), START
            self._done = self._appended - data.count(b"\n")
            self._changed.notify_all()
        self._position.write(generation, START)
        queuefile.remove(queuefile.path_of(self.directory, old))
        queuefile.make_spare(self.directory)
        return True


def _lock(directory: Path) -> int:
    """Create the queue directory if missing and lock it; returns the lock file. SpoolBusy when another process has it.
    """
    if not directory.is_dir():
        directory.mkdir(parents=True, exist_ok=True, mode=0o750)
        with contextlib.suppress(OSError):  # a parent without read permission existed before
            queuefile.sync_directory(directory.parent)
    file = os.open(directory / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(file)
        if error.errno in (errno.EAGAIN, errno.EACCES):
            raise SpoolBusy(path=str(directory), slots=1) from None
        raise
    return file


def _refusal(directory: Path, limit_mib: int, error: OSError) -> FlockError:
    if error.errno in NO_ROOM:
        return SpoolDiskFull(path=str(directory), limit_mib=limit_mib, reason=os.strerror(error.errno))
    return _unusable(directory, error)


def _unusable(directory: Path, error: OSError) -> Unavailable:
    return Unavailable(service=f"fault spool {directory}", reason=os.strerror(error.errno or 0))
