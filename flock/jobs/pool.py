# SPDX-License-Identifier: Apache-2.0
"""A pool of native daemon threads that limits threads and queued tasks, and refuses tasks beyond the limit.

Unlike ``concurrent.futures.ThreadPoolExecutor`` it has a bounded queue, ends idle threads, and lets the process exit
while a thread hangs.
"""
from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

from flock.core.errors import Unavailable

LOG = logging.getLogger(__name__)
T = TypeVar("T")

_Task = tuple["Future[Any]", Callable[..., Any], tuple[Any, ...], dict[str, Any]]


class BoundedPool:
    """At most ``threads_max`` threads and ``queue_max`` queued tasks; a thread ends after ``idle_s`` without work."""

    def __init__(self, name: str, threads_max: int, queue_max: int = 0, idle_s: float = 30.0) -> None:
        if threads_max < 1 or queue_max < 0:
            raise ValueError("threads_max must be at least 1 and queue_max at least 0")
        self.name = name
        self.threads_max = threads_max
        self.queue_max = queue_max
        self._idle_s = idle_s
        lock = threading.RLock()
        self._changed = threading.Condition(lock)
        self._room = threading.Condition(lock)
        self._tasks: deque[_Task] = deque()
        self._threads: set[threading.Thread] = set()
        self._running = 0
        self._started = 0
        self._stopped = False

    def submit(self, function: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        """Run ``function`` in a thread of the pool; Unavailable at once when the pool is full or stopped."""
        with self._changed:
            if self._full():
                raise Unavailable(service=self.name, reason=f"all {self.threads_max} threads are busy")
            return self._take((Future(), function, args, kwargs))

    def submit_when_free(self, timeout_s: float, function: Callable[..., T], /, *args: Any) -> Future[T]:
        """Like ``submit``, but waits up to ``timeout_s`` for room first."""
        with self._changed:
            if not self._room.wait_for(lambda: self._stopped or not self._full(), timeout_s):
                raise Unavailable(service=self.name, reason=f"all {self.threads_max} threads are busy")
            return self._take((Future(), function, args, {}))

    def _full(self) -> bool:
        return self._running + len(self._tasks) >= self.threads_max + self.queue_max

    def _take(self, task: _Task) -> Future[Any]:
        if self._stopped:
            raise Unavailable(service=self.name, reason="stopping")
        self._tasks.append(task)
        if self._running + len(self._tasks) > len(self._threads) < self.threads_max:
            self._start_thread()
        else:
            self._changed.notify()
        return task[0]

    @property
    def stopped(self) -> bool:
        """True once ``stop`` was called."""
        return self._stopped

    def stats(self) -> dict[str, int]:
        """The current numbers of ``threads``, ``busy`` threads and ``queued`` tasks."""
        with self._changed:
            return {"threads": len(self._threads), "busy": self._running, "queued": len(self._tasks)}

    def stop(self, timeout_s: float, drain: bool = False) -> bool:
        """Refuse new tasks, cancel queued ones (``drain`` runs them instead), and wait up to ``timeout_s`` for threads.

        True when all threads ended.
        """
        deadline = time.monotonic() + timeout_s
        with self._changed:
            self._stopped = True
            while self._tasks and not drain:
                self._tasks.popleft()[0].cancel()
            self._changed.notify_all()
            self._room.notify_all()
            threads = list(self._threads)
        for thread in threads:
            if thread is not threading.current_thread():
                thread.join(max(0.0, deadline - time.monotonic()))
        return not any(thread.is_alive() for thread in threads if thread is not threading.current_thread())

    def _start_thread(self) -> None:
        self._started += 1
        thread = threading.Thread(target=self._run, name=f"{self.name}-{self._started}", daemon=True)
        self._threads.add(thread)
        try:
            thread.start()
        except RuntimeError:
            self._threads.discard(thread)
            self._tasks.pop()
            raise Unavailable(service=self.name, reason="no thread could be started") from None

    def _run(self) -> None:
        while (task := self._next()) is not None:
            future, function, args, kwargs = task
            if not future.set_running_or_notify_cancel():
                self._ended()
                continue
            # Counts the thread as free before it publishes the result, so that the waiter may submit again at once.
            try:
                result = function(*args, **kwargs)
            except BaseException as exc:  # noqa: BLE001 - the future raises it in the waiter
                self._ended()
                future.set_exception(exc)
            else:
                self._ended()
                future.set_result(result)
                del result
            del task, future, function, args, kwargs

    def _ended(self) -> None:
        with self._changed:
            self._running -= 1
            self._room.notify()

    def _next(self) -> _Task | None:
        """The next task, or None when the thread must end (it is then already removed from the pool)."""
        with self._changed:
            idle_until = time.monotonic() + self._idle_s
            while not self._tasks:
                left_s = idle_until - time.monotonic()
                if self._stopped or left_s <= 0:
                    self._threads.discard(threading.current_thread())
                    return None
                self._changed.wait(left_s)
            self._running += 1
            return self._tasks.popleft()
