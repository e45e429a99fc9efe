# SPDX-License-Identifier: Apache-2.0
"""A thread that does what is due at a known moment: held changes, silences that end."""
from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from datetime import datetime

from flock.core.errors import FlockError
from flock.db import utcnow
from flock.jobs import Worker

LOG = logging.getLogger(__name__)
POLL_S = 60.0
RETRY_S = 1.0
PAUSE_MIN_S = 0.01
Task = Callable[[], datetime | None]


def pause_s(due: datetime | None, now: datetime, poll_s: float = POLL_S) -> float:
    """Seconds to wait for what is due next, at least a little and at most the poll interval."""
    if due is None:
        return poll_s
    return min(poll_s, max(PAUSE_MIN_S, (due - now).total_seconds()))


class Timers:
    """Runs each task, which does what is due and says when it wants to run again; ``nudge`` runs them at once."""

    def __init__(self, tasks: Sequence[Task], clock: Callable[[], datetime] = utcnow) -> None:
        self._tasks = tuple(tasks)
        self._clock = clock
        self._worker = Worker("fm-timers", self.run_once)

    def start(self) -> None:
        """Begin; what became due while nobody looked is done first."""
        self._worker.start()

    def nudge(self) -> None:
        """Something new waits."""
        self._worker.nudge()

    def stop(self, timeout_s: float = 10.0) -> bool:
        """End after the pass in hand; True when that was within ``timeout_s``."""
        return self._worker.stop(timeout_s)

    def run_once(self) -> float:
        """One pass over all tasks; returns the seconds to wait for the next one. A task that fails is tried soon."""
        wait_s = POLL_S
        for task in self._tasks:
            try:
                wait_s = min(wait_s, pause_s(task(), self._clock()))
            except FlockError as error:
                LOG.warning("timers: %s Next try in %s s", error, RETRY_S)
                wait_s = min(wait_s, RETRY_S)
            except Exception:  # a pass that broke must not end the others for good
                LOG.exception("timers: a task failed, next try in %s s", RETRY_S)
                wait_s = min(wait_s, RETRY_S)
        return wait_s
