# SPDX-License-Identifier: Apache-2.0
"""A thread that repeats one function: wake-up, bounded pause, stop, and backoff after a failure."""
from __future__ import annotations

import logging
import random
import threading
from collections.abc import Callable

from flock.core.backoff import Backoff
from flock.core.errors import FlockError

LOG = logging.getLogger(__name__)
PAUSE_MAX_S = 3600.0
STOP_WAIT_S = 10.0


class Worker:
    """Calls ``work`` in a daemon thread until ``stop``; the process can exit while the thread hangs.

    ``work`` returns the seconds until its next call: 0 for at once, None to end the thread. After an exception, calls
    it again after a pause of ``backoff``, and logs the error if it differs from the previous one.
    """

    def __init__(self, name: str, work: Callable[[], float | None], backoff: Backoff | None = None) -> None:
        self.name = name
        self._work = work
        self._backoff = backoff or Backoff()
        self._wake = threading.Event()
        self._leaving = threading.Event()
        self._trouble: str | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Start the thread, also again after it has ended; RuntimeError while it runs."""
        if self.is_alive():
            raise RuntimeError(f"{self.name} is already started")
        self._leaving.clear()
        self._thread = threading.Thread(target=self._run, name=self.name, daemon=True)
        self._thread.start()

    def nudge(self) -> None:
        """Call ``work`` now, or once more if a call is in progress; ends every pause."""
        self._wake.set()

    def leave(self) -> None:
        """Stop calling ``work`` and end every pause; does not wait for a call in progress."""
        self._leaving.set()
        self._wake.set()

    def stop(self, timeout_s: float = STOP_WAIT_S) -> bool:
        """Like ``leave``, and wait; True when the thread has ended within ``timeout_s``."""
        self.leave()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(timeout_s)
        return not self.is_alive()

    @property
    def leaving(self) -> bool:
        """True once ``leave`` or ``stop`` was called: ``work`` should return soon."""
        return self._leaving.is_set()

    def pause(self, seconds: float) -> bool:
        """For use inside ``work``: wait for ``seconds``; ``nudge`` does not end it. True when the worker must leave."""
        return self._leaving.wait(seconds)

    def is_alive(self) -> bool:
        """Whether the thread runs."""
        return self._thread is not None and self._thread.is_alive()

    def trouble(self) -> str | None:
        """For health checks: why the last call failed, or that the thread ended without ``stop``; else None.

        Also None before ``start`` and after ``stop``.
        """
        if self._thread is not None and not self._thread.is_alive() and not self.leaving:
            return f"{self.name} has ended"
        return self._trouble

    def _run(self) -> None:
        failures = 0
        while not self.leaving:
            self._wake.clear()
            try:
                pause_s = self._work()
                failures, self._trouble = 0, None
            except Exception as error:  # noqa: BLE001 - the thread must survive any failure of ``work``
                failures += 1
                pause_s = self._backoff.pause_s(failures, random.random())  # noqa: S311 - spreads load
                self._report(error, pause_s)
            if pause_s is None:
                return
            # A ``leave`` after this check still ends the pause, because it sets the wake-up last.
            if pause_s > 0 and not self.leaving:
                self._wake.wait(min(pause_s, PAUSE_MAX_S))

    def _report(self, error: Exception, pause_s: float) -> None:
        expected = isinstance(error, (FlockError, OSError))
        sentence = str(error) if expected else f"{type(error).__name__}: {error}"
        if sentence != self._trouble:
            LOG.warning("%s failed, next try in %.1f s: %s", self.name, pause_s, sentence, exc_info=not expected)
        self._trouble = sentence
