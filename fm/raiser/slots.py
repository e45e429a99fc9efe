# SPDX-License-Identifier: Apache-2.0
"""How several processes share a spool directory: one numbered queue each, and one process that delivers for ended ones.

Requests of ended processes are delivered in order of time and before those of running processes. So the requests of a
restarted program arrive after the requests that it stored before the restart.
"""
from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import threading
from collections.abc import Collection
from pathlib import Path

from flock.core.errors import Unavailable
from fm.contract.errors import SpoolBusy
from fm.raiser import queuefile
from fm.raiser.spool import Compact, Spool

LOG = logging.getLogger(__name__)
SLOTS_MAX = 64
# Held while queues are opened, so that a child forked meanwhile does not inherit the lock of a half-opened queue.
_OPENING = threading.Lock()
os.register_at_fork(before=_OPENING.acquire, after_in_parent=_OPENING.release, after_in_child=_OPENING.release)


class Turn:
    """The right to deliver the requests that ended processes left in ``parent``; one process at a time holds it."""

    def __init__(self, parent: Path) -> None:
        self._path = parent / "turn"
        self._file = -1
        self._held = False

    @property
    def held(self) -> bool:
        """True while this process holds the turn."""
        return self._held

    def take(self) -> bool:
        """Take the turn without waiting. Returns False while another process holds it.

        Returns True when the lock file cannot be opened: delivering alarms matters more than their order among
        processes.
        """
        if self._held:
            return True
        try:
            if self._file < 0:
                self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError as error:
            LOG.debug("no turns in %s: %s", self._path, error)
            return True
        self._held = True
        return True

    def release(self) -> None:
        """Release the turn for another process."""
        if self._held:
            fcntl.flock(self._file, fcntl.LOCK_UN)
            self._held = False

    def close(self) -> None:
        """Close the lock file. In the child of a fork this leaves the parent's turn alone."""
        if self._file >= 0:
            os.close(self._file)
            self._file, self._held = -1, False


def open_free_slot(parent: Path, limit_mib: int, compact: Compact | None = None) -> Spool:
    """Open the first queue below ``parent`` that is empty and that no process holds.

    SpoolBusy when there is none, Unavailable when the directory cannot be used.
    """
    unusable: Unavailable | None = None
    for slot in range(SLOTS_MAX):
        directory = parent / str(slot)
        # Checked without taking the lock: a process that looks for queues of ended processes must not find it locked.
        if queuefile.undelivered(directory):
            continue
        try:
            with _OPENING:
                spool = Spool(directory, limit_mib, compact)
        except SpoolBusy:
            continue
        except Unavailable as error:
            # The directory could not be created; the next number would fail as well.
            if not directory.exists():
                raise
            unusable = unusable or error
            continue
        if not spool.pending_bytes:
            return spool
        spool.close()
    if unusable is not None:
        raise unusable
    raise SpoolBusy(path=str(parent), slots=SLOTS_MAX)


def open_slot(parent: Path, limit_mib: int, compact: Compact | None, turn: Turn) -> Spool:
    """Open a queue for this process: one that an ended process left, if ``turn`` can be taken, else a free one.

    Reusing old queues keeps their number small when a program restarts often while fm-manager is unreachable.
    SpoolBusy, Unavailable.
    """
    if turn.take():
        left: list[Spool] = []
        abandoned(parent, (), limit_mib, left, compact)
        for spool in left[1:]:
            spool.close()
        if left:
            return left[0]
        turn.release()
    return open_free_slot(parent, limit_mib, compact)


def abandoned(parent: Path, held: Collection[Path], limit_mib: int, found: list[Spool],
              compact: Compact | None = None) -> None:
    """Open the queues with undelivered records that no process holds and append them to ``found``.

    The caller delivers their records and then closes them.
    """
    for slot in range(SLOTS_MAX):
        directory = parent / str(slot)
        if directory in held or not queuefile.undelivered(directory):
            continue
        with _OPENING, contextlib.suppress(Unavailable):
            spool = Spool(directory, limit_mib, compact)
            if spool.pending_bytes:
                found.append(spool)
            else:
                spool.close()


def last_delivery_ns(parent: Path) -> int:
    """When any process last recorded a delivery in ``parent``: file system time in ns since the epoch; 0 = never."""
    times = [0]
    for path in parent.glob("*/position"):
        with contextlib.suppress(OSError):
            times.append(path.stat().st_mtime_ns)
    return max(times)
