# SPDX-License-Identifier: Apache-2.0
"""Waiting for an operation: poll, judge, show progress on stderr, end within the time given."""
from __future__ import annotations

import enum
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TextIO, TypeVar

from flock.cli.errors import ApiError, ApiUnreachable, OperationFailed, WaitTimeout

T = TypeVar("T")

WAIT_DEFAULT_S = 1800
POLL_INTERVAL_S = 2.0


class Outcome(enum.Enum):
    PENDING = "pending"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What an observation means; ``text`` is the state in the operator's words."""

    outcome: Outcome
    text: str


class Progress:
    """One line redrawn on a terminal, one line per change elsewhere."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._redraw = out.isatty()
        self._last: str | None = None

    def show(self, text: str) -> None:
        if text == self._last:
            return
        self._out.write(f"\r\x1b[K{text}" if self._redraw else f"{text}\n")
        self._out.flush()
        self._last = text

    def end(self) -> None:
        """Leave the line so that what follows starts on its own."""
        if self._redraw and self._last is not None:
            self._out.write("\n")
            self._out.flush()


@dataclass(frozen=True, slots=True)
class Pace:
    """Clock and sleep of a wait; tests give their own."""

    now_s: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    interval_s: float = field(default_factory=lambda: POLL_INTERVAL_S)


def wait_for(
    what: str,
    observe: Callable[[], T],
    judge: Callable[[T], Verdict],
    out: TextIO,
    timeout_s: float = WAIT_DEFAULT_S,
    pace: Pace | None = None,
) -> T:
    """Observe until ``judge`` says done and return that observation.

    An API that does not answer or answers 5xx (a swact, a rebooting controller) is asked again until the time is over.
    Raises OperationFailed, or WaitTimeout with the last state. Ctrl-C says that the operation goes on and passes.
    """
    pace = pace or Pace()
    progress = Progress(out)
    deadline_s = pace.now_s() + timeout_s
    last = "nothing observed yet"
    try:
        while True:
            try:
                seen = observe()
            except (ApiUnreachable, ApiError) as problem:
                if isinstance(problem, ApiError) and problem.status < 500:
                    raise
                last = f"API not answering ({problem})"
            else:
                verdict = judge(seen)
                last = verdict.text
                if verdict.outcome is Outcome.DONE:
                    progress.show(f"{what}: {last}")
                    return seen
                if verdict.outcome is Outcome.FAILED:
                    raise OperationFailed(f"{what} failed: {last}")
            progress.show(f"{what}: {last}")
            left_s = deadline_s - pace.now_s()
            if left_s <= 0:
                raise WaitTimeout(f"{what} did not finish within {timeout_s:g} s; last state: {last}. It goes on.")
            pace.sleep(min(pace.interval_s, left_s))
    except KeyboardInterrupt:
        progress.end()
        out.write(f"Stopped waiting. {what} goes on; last state: {last}.\n")
        raise
    finally:
        progress.end()
