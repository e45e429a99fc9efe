# SPDX-License-Identifier: Apache-2.0
"""A thread that runs tasks at their due times: releasing held changes, expiring silences."""
from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from datetime import datetime

from flock.core.errors import FlockError
from flock.db import utcnow
from flock.jobs.worker import Worker

LOG = logging.getLogger(__name__)
POLL_S = 60.0
RETRY_S = 1.0
PAUSE_MIN_S = 0.01
Task = Callable[[], datetime | None]


def pause_s(due: datetime | None, now: datetime, poll_s: float = POLL_S) -> float:
    """Seconds to wait until ``due``, at least ``PAUSE_MIN_S`` and at most ``poll_s``."""
    if due is None:
        return poll_s
    return min(poll_s, max(PAUSE_MIN_S, (due - now).total_seconds()))


class Timers:
    """Runs each task at the time that its last run returned; ``nudge`` runs all at once."""

    def __init__(self, tasks: Sequence[Task], clock: Callable[[], datetime] = utcnow) -> None:
        self._tasks = tuple(tasks)
        self._clock = clock
        self._worker = Worker("fm-timers", self.run_once)

    def start(self) -> None:
        """Start the thread; its first pass handles everything that became due while the manager was down."""
        self._worker.start()

    def nudge(self) -> None:
        """Run all tasks now, because a due time may have changed."""
        self._worker.nudge()

    def stop(self, timeout_s: float = 10.0) -> bool:
        """Stop after the current pass; True when it ended within ``timeout_s``."""
        return self._worker.stop(timeout_s)

    def run_once(self) -> float:
        """Run all tasks once; returns the seconds until the next pass. Retries a failed task after ``RETRY_S``."""
        wait_s = POLL_S
        for task in self._tasks:
            try:
                wait_s = min(wait_s, pause_s(task(), self._clock()))
            except FlockError as error:
                LOG.warning("timers: %s Next try in %s s", error, RETRY_S)
                wait_s = min(wait_s, RETRY_S)
            except Exception:  # a failed task must not stop the thread
                LOG.exception("timers: a task failed, next try in %s s", RETRY_S)
                wait_s = min(wait_s, RETRY_S)
        return wait_s
