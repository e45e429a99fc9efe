# SPDX-License-Identifier: Apache-2.0
"""Several processes share a spool directory: each has a numbered queue, and one at a time delivers for ended ones.

Requests of ended processes go out in the order of their time and before those of the living, whoever delivers them;
so what a restarted program says comes after what it said in its former life.
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
# Held while queues are opened, so that no child of a fork keeps the lock of a queue it knows nothing of.
_OPENING = threading.Lock()
os.register_at_fork(before=_OPENING.acquire, after_in_parent=_OPENING.release, after_in_child=_OPENING.release)


class Turn:
    """The right to deliver what ended processes left in ``parent``: of one process at a time, and until it ends."""

    def __init__(self, parent: Path) -> None:
        self._path = parent / "turn"
        self._file = -1
        self._held = False

    @property
    def held(self) -> bool:
        """True while it is ours."""
        return self._held

    def take(self) -> bool:
        """True when it is ours now; False while another process has it.

        Where the file cannot be made there are no turns: alarms that arrive matter more than their order among
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

    def give_back(self) -> None:
        """Let another process have it."""
        if self._held:
            fcntl.flock(self._file, fcntl.LOCK_UN)
            self._held = False

    def close(self) -> None:
        """Let go of the file; after a fork the child's copy says nothing about the parent's right."""
        if self._file >= 0:
            os.close(self._file)
            self._file, self._held = -1, False


def open_free_slot(parent: Path, limit_mib: int, compact: Compact | None = None) -> Spool:
    """The first queue below ``parent`` that no process holds and none left anything in.

    SpoolBusy when there is none, Unavailable when the directory cannot be used.
    """
    unusable: Unavailable | None = None
    for slot in range(SLOTS_MAX):
        directory = parent / str(slot)
        # Not by its lock: who looks for queues of ended processes meanwhile must not find this one taken.
        if queuefile.undelivered(directory):
            continue
        try:
            with _OPENING:
                spool = Spool(directory, limit_mib, compact)
        except SpoolBusy:
            continue
        except Unavailable as error:
            # Where nothing can be made, the next number would fare no better.
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
    """A queue for this process: one that an ended process left, when it is our turn to deliver that, else a free one.

    Taking up an old queue keeps their number small where a program ends and starts often while nobody answers.
    """
    if turn.take():
        left: list[Spool] = []
        abandoned(parent, (), limit_mib, left, compact)
        for spool in left[1:]:
            spool.close()
        if left:
            return left[0]
        turn.give_back()
    return open_free_slot(parent, limit_mib, compact)


def abandoned(parent: Path, held: Collection[Path], limit_mib: int, found: list[Spool],
              compact: Compact | None = None) -> None:
    """Add to ``found`` the queues with undelivered records that no process holds; the caller delivers, then closes."""
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
    """When any process last noted a delivery in ``parent``, by the clock of the file system; 0 = never."""
    times = [0]
    for path in parent.glob("*/position"):
        with contextlib.suppress(OSError):
            times.append(path.stat().st_mtime_ns)
    return max(times)
