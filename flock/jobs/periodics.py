# SPDX-License-Identifier: Apache-2.0
"""Named periodic tasks: one scheduler thread and a bounded pool. No task overlaps itself; missed runs are skipped."""
from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from prometheus_client import Counter, Histogram

from flock.core.errors import FlockError, Unavailable
from flock.jobs.pool import BoundedPool

LOG = logging.getLogger(__name__)
RUNS = Counter("flock_periodic_runs_total", "Runs of periodic tasks", ("name", "outcome"))
SECONDS = Histogram("flock_periodic_seconds", "Duration of periodic tasks", ("name",))


@dataclass(slots=True)
class _Task:
    name: str
    interval_s: float
    jitter: float
    function: Callable[[], object]
    due_at: float
    running: bool = False
    run_again: bool = False


class Periodics:
    """Runs tasks periodically. The interval counts from the end of one run to the start of the next."""

    def __init__(self, name: str = "periodics", threads_max: int = 4) -> None:
        self._name = name
        self._pool = BoundedPool(name, threads_max)
        self._tasks: dict[str, _Task] = {}
        self._changed = threading.Condition()
        self._leaving = False
        self._thread: threading.Thread | None = None

    def add(self, name: str, interval_s: float, function: Callable[[], object], *, jitter: float = 0.1,
            first_after_s: float | None = None) -> None:
        """Run ``function`` every ``interval_s``, varied at random by up to the fraction ``jitter`` of it.

        The first run starts after ``first_after_s``, by default after one interval.
        """
        if interval_s <= 0 or not 0 <= jitter < 1:
            raise ValueError(f"periodic {name}: interval_s must be positive and jitter within 0 and 1")
        with self._changed:
            if name in self._tasks:
                raise ValueError(f"periodic {name} exists already")
            task = _Task(name, interval_s, jitter, function, 0.0)
            task.due_at = time.monotonic() + (_spread(task) if first_after_s is None else first_after_s)
            self._tasks[name] = task
            self._changed.notify_all()

    def run_now(self, name: str) -> None:
        """Run a task as soon as a thread is free; if it is running now, run it again afterwards."""
        with self._changed:
            task = self._tasks[name]
            task.run_again = task.running
            task.due_at = time.monotonic()
            self._changed.notify_all()

    def start(self) -> None:
        """Begin to schedule."""
        with self._changed:
            if self._thread is not None:
                raise RuntimeError(f"{self._name} are already started")
            self._thread = threading.Thread(target=self._schedule, name=f"{self._name}-clock", daemon=True)
        self._thread.start()

    def stop(self, timeout_s: float = 10.0) -> bool:
        """Start no more runs; True when running ones ended within ``timeout_s``."""
        deadline = time.monotonic() + timeout_s
        with self._changed:
            self._leaving = True
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join(timeout_s)
        return self._pool.stop(max(0.0, deadline - time.monotonic()))

    def _schedule(self) -> None:
        with self._changed:
            while not self._leaving:
                now = time.monotonic()
                for task in self._tasks.values():
                    if not task.running and task.due_at <= now:
                        self._submit(task, now)
                waiting = [task.due_at for task in self._tasks.values() if not task.running]
                self._changed.wait(min(60.0, max(0.001, min(waiting, default=now + 60.0) - now)))

    def _submit(self, task: _Task, now: float) -> None:
        try:
            self._pool.submit(self._run, task)
        except Unavailable:
            # All threads are busy with other tasks, so retry soon.
            task.due_at = now + min(1.0, task.interval_s)
        else:
            task.running = True

    def _run(self, task: _Task) -> None:
        started = time.monotonic()
        outcome = "ok"
        try:
            task.function()
        except FlockError as error:
            outcome = "failed"
            LOG.warning("periodic %s: %s Next run in about %s s", task.name, error, task.interval_s)
        except Exception:
            outcome = "failed"
            LOG.exception("periodic %s failed, next run in about %s s", task.name, task.interval_s)
        finally:
            SECONDS.labels(task.name).observe(time.monotonic() - started)
            RUNS.labels(task.name, outcome).inc()
            with self._changed:
                task.running = False
                task.due_at = time.monotonic() + (0.0 if task.run_again else _spread(task))
                task.run_again = False
                self._changed.notify_all()


def _spread(task: _Task) -> float:
    return task.interval_s * random.uniform(1 - task.jitter, 1 + task.jitter)  # noqa: S311 - spreads load
