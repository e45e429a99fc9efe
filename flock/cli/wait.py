# SPDX-License-Identifier: Apache-2.0
"""Waits for an operation: polls, judges, shows progress on stderr, and ends within a timeout."""
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
    """The judgement of an observation; ``text`` describes the state to the operator."""

    outcome: Outcome
    text: str


class Progress:
    """Shows progress: on a terminal in one line that it redraws, elsewhere in one line per change."""

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
        """End the redrawn line, so that further output starts on a new line."""
        if self._redraw and self._last is not None:
            self._out.write("\n")
            self._out.flush()


@dataclass(frozen=True, slots=True)
class Pace:
    """Clock and sleep function of a wait; tests replace them."""

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
    """Observe until ``judge`` returns DONE; returns that observation.

    Retries until the timeout while the API does not respond or returns 5xx (a swact, a controller that reboots).
    Raises OperationFailed, or WaitTimeout with the last state. Ctrl-C prints that the operation continues, and passes
    on as KeyboardInterrupt.
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
                raise WaitTimeout(f"{what} did not finish within {timeout_s:g} s; last state: {last}. It continues.")
            pace.sleep(min(pace.interval_s, left_s))
    except KeyboardInterrupt:
        progress.end()
        out.write(f"Stopped waiting. {what} continues; last state: {last}.\n")
        raise
    finally:
        progress.end()
