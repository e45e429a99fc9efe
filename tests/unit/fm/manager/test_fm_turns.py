# SPDX-License-Identifier: Apache-2.0
"""Turns: one works at a time, work that waits is done together, and nobody waits for those who came later."""
from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from flock.core.errors import Unavailable
from fm.manager.turns import GATHER_SIZE_MAX, Ticket, Turns

WAIT_S = 10.0


class Bench:
    """Callers of one ``Turns``; the first to work holds until told. Each pass takes ``pass_s`` by the clock."""

    def __init__(self, pass_s: float = 0.0, **limits: float) -> None:
        self.now_s, self.pass_s = 0.0, pass_s
        self.turns: Turns[str] = Turns(clock=lambda: self.now_s, **limits)  # type: ignore[arg-type]
        self.pool = ThreadPoolExecutor(16)
        self.passes: list[list[str]] = []
        self.begun = threading.Event()
        self.go_on = threading.Event()

    def carry_out(self, tickets: list[Ticket[str]]) -> None:
        self.passes.append([ticket.work or "" for ticket in tickets])
        self.now_s += self.pass_s
        if len(self.passes) == 1:
            self.begun.set()
            assert self.go_on.wait(WAIT_S)

    def ask(self, work: str, size: int = 1) -> Future[None]:
        return self.pool.submit(self.turns.together, Ticket(work, size), self.carry_out, 5)

    def queued(self, number: int, ask: Callable[[], Future[None]]) -> Future[None]:
        """Ask, and return when that many wait."""
        future = ask()
        done = threading.Event()
        for _ in range(1000):
            if len(self.turns._queue) == number:
                return future
            done.wait(0.01)
        raise AssertionError(f"{len(self.turns._queue)} wait")


def test_what_waits_is_done_in_one_pass() -> None:
    bench = Bench()
    futures = [bench.ask("a")]
    assert bench.begun.wait(WAIT_S)
    futures += [bench.queued(number + 1, lambda name=name: bench.ask(name))  # type: ignore[misc]
                for number, name in enumerate("bcd")]
    bench.go_on.set()
    for future in futures:
        future.result(WAIT_S)
    assert bench.passes == [["a"], ["b", "c", "d"]]


def test_a_pass_has_a_limit() -> None:
    bench = Bench()
    futures = [bench.ask("a")]
    assert bench.begun.wait(WAIT_S)
    futures += [bench.queued(number + 1, lambda name=name: bench.ask(name, 2))  # type: ignore[misc]
                for number, name in enumerate("bcd")]
    bench.go_on.set()
    for future in futures:
        future.result(WAIT_S)
    assert bench.passes == [["a"], ["b", "c"], ["d"]]


def test_who_was_not_alone_last_time_waits_for_the_others() -> None:
    bench = Bench(pass_s=WAIT_S, gather_max_s=WAIT_S)
    first = bench.ask("a")
    assert bench.begun.wait(WAIT_S)
    second = bench.queued(1, lambda: bench.ask("b"))
    bench.go_on.set()
    first.result(WAIT_S)
    third = bench.ask("c")
    second.result(WAIT_S / 2)
    third.result(WAIT_S / 2)
    assert bench.passes == [["a"], ["b", "c"]]


@pytest.mark.parametrize(("pass_s", "gather_max_s", "size"), [
    (0.0, WAIT_S, 1), (WAIT_S, 0.01, 1), (WAIT_S, WAIT_S, GATHER_SIZE_MAX + 1)],
    ids=["no longer than the last pass", "no longer than the limit", "large work not at all"])
def test_the_wait_for_others_ends(pass_s: float, gather_max_s: float, size: int) -> None:
    bench = Bench(pass_s, gather_max_s=gather_max_s)
    first = bench.ask("a")
    assert bench.begun.wait(WAIT_S)
    second = bench.queued(1, lambda: bench.ask("b", size))
    bench.go_on.set()
    first.result(WAIT_S)
    second.result(WAIT_S / 2)
    assert bench.passes == [["a"], ["b"]]


def test_who_was_alone_last_time_waits_for_nobody() -> None:
    bench = Bench(pass_s=WAIT_S, gather_max_s=WAIT_S)
    bench.go_on.set()
    for name in "ab":
        bench.ask(name).result(WAIT_S / 2)
    assert bench.passes == [["a"], ["b"]]


def test_who_must_work_alone_divides_the_passes() -> None:
    bench = Bench()
    futures = [bench.ask("a")]
    assert bench.begun.wait(WAIT_S)

    def alone() -> None:
        with bench.turns.alone():
            bench.passes.append(["alone"])

    futures.append(bench.queued(1, lambda: bench.ask("b")))
    futures.append(bench.queued(2, lambda: bench.pool.submit(alone)))
    futures.append(bench.queued(3, lambda: bench.ask("c")))
    bench.go_on.set()
    for future in futures:
        future.result(WAIT_S)
    assert bench.passes == [["a"], ["b"], ["alone"], ["c"]]


def test_waiting_is_bounded_in_number_and_time() -> None:
    bench = Bench(waiting_max=1, timeout_s=0.05)
    first = bench.ask("a")
    assert bench.begun.wait(WAIT_S)
    late = bench.queued(1, lambda: bench.ask("b"))
    with pytest.raises(Unavailable, match="too many"):
        bench.turns.together(Ticket("c", 1), bench.carry_out, 5)
    with pytest.raises(Unavailable, match="too slow"):
        late.result(WAIT_S)
    bench.go_on.set()
    first.result(WAIT_S)
    bench.ask("d").result(WAIT_S)
    assert bench.passes == [["a"], ["d"]]


def test_work_taken_by_another_who_is_too_slow_has_an_unknown_end() -> None:
    bench = Bench(timeout_s=0.2)
    first = bench.ask("a")
    assert bench.begun.wait(WAIT_S)
    second = bench.queued(1, lambda: bench.ask("b"))
    taken = bench.turns._take(Ticket("x", 1), 5)
    assert [ticket.work for ticket in taken] == ["x", "b"]
    with pytest.raises(Unavailable, match="unknown"):
        second.result(WAIT_S)
    bench.go_on.set()
    first.result(WAIT_S)


def test_an_error_passes_the_turn_on() -> None:
    turns: Turns[str] = Turns()

    def fail(_tickets: list[Ticket[str]]) -> None:
        raise RuntimeError("broken")

    with pytest.raises(RuntimeError):
        turns.together(Ticket("a", 1), fail, 5)
    with pytest.raises(RuntimeError), turns.alone():
        raise RuntimeError("broken")
    done: list[str] = []
    turns.together(Ticket("b", 1), lambda tickets: done.extend(ticket.work or "" for ticket in tickets), 5)
    assert done == ["b"]
