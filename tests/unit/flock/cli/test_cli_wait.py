# SPDX-License-Identifier: Apache-2.0
"""Waiting with a clock of our own."""
import io

import pytest

from flock.cli.errors import ApiError, ApiUnreachable, OperationFailed, WaitTimeout
from flock.cli.wait import Outcome, Pace, Verdict, wait_for


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def sleep(self, seconds: float) -> None:
        assert seconds > 0
        self.now += seconds

    def pace(self) -> Pace:
        return Pace(lambda: self.now, self.sleep, 2.0)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def judge(state: str) -> Verdict:
    outcome = {"good": Outcome.DONE, "bad": Outcome.FAILED}.get(state, Outcome.PENDING)
    return Verdict(outcome, state)


def observing(*states: object):
    left = list(states)

    def observe() -> str:
        state = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(state, BaseException):
            raise state
        return str(state)
    return observe


def test_one_line_per_change() -> None:
    out = io.StringIO()
    assert wait_for("Unlock w", observing("a", "a", "b", "good"), judge, out, 60, Clock().pace()) == "good"
    assert out.getvalue() == "Unlock w: a\nUnlock w: b\nUnlock w: good\n"


def test_a_terminal_line_is_redrawn() -> None:
    out = Terminal()
    wait_for("Unlock w", observing("a", "good"), judge, out, 60, Clock().pace())
    assert out.getvalue() == "\r\x1b[KUnlock w: a\r\x1b[KUnlock w: good\n"


def test_failure_names_the_state() -> None:
    with pytest.raises(OperationFailed, match="^Unlock w failed: bad$"):
        wait_for("Unlock w", observing("a", "bad"), judge, io.StringIO(), 60, Clock().pace())


def test_timeout_is_kept_and_names_the_last_state() -> None:
    clock = Clock()
    with pytest.raises(WaitTimeout, match="within 5 s; last state: a"):
        wait_for("Unlock w", observing("a"), judge, io.StringIO(), 5, clock.pace())
    assert clock.now == 5


def test_an_api_that_is_away_is_asked_again() -> None:
    out = io.StringIO()
    states = observing(ApiUnreachable("refused"), ApiError(503, "busy"), "good")
    assert wait_for("Swact", states, judge, out, 60, Clock().pace()) == "good"
    assert "API not answering (refused)" in out.getvalue()


def test_a_refusal_is_not_asked_again() -> None:
    with pytest.raises(ApiError):
        wait_for("Swact", observing(ApiError(404, "gone")), judge, io.StringIO(), 60, Clock().pace())


def test_interrupt_says_that_it_goes_on() -> None:
    out = io.StringIO()
    with pytest.raises(KeyboardInterrupt):
        wait_for("Unlock w", observing("a", KeyboardInterrupt()), judge, out, 60, Clock().pace())
    assert out.getvalue().endswith("Stopped waiting. Unlock w continues; last state: a.\n")
