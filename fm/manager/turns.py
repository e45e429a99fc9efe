# SPDX-License-Identifier: Apache-2.0
"""One worker at a time; who waits is woken when it is his turn, or when the one before has done his work as well."""
from __future__ import annotations

import contextlib
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

from flock.core.errors import Unavailable

T = TypeVar("T")
WAITING_MAX = 256
TURN_TIMEOUT_S = 20.0
# How long a turn waits for others at most, and the size from which it does not: large work gains nothing by company.
GATHER_MAX_S = 0.01
GATHER_SIZE_MAX = 32


class Ticket(Generic[T]):
    """A place in the queue. With ``work`` another ticket's holder may do it; ``size`` says how much it is."""

    def __init__(self, work: T | None = None, size: int = 0) -> None:
        self.work = work
        self.size = size
        self.done = False
        self.turn = False
        self.wake = threading.Lock()
        self.wake.acquire()


class Turns(Generic[T]):
    """At most ``waiting_max`` wait, each for at most ``timeout_s``; then Unavailable.

    The turn goes from hand to hand: nobody who comes now overtakes those who wait, and nobody whose work is done has
    to wait for those who came later.

    Small work whose turn comes waits for as many callers as there were last time, because one transaction for all
    costs much less than one for each: no longer than that work took, and at most ``gather_max_s``. Who was alone last
    time does not wait.
    """

    def __init__(self, waiting_max: int = WAITING_MAX, timeout_s: float = TURN_TIMEOUT_S,
                 gather_max_s: float = GATHER_MAX_S, clock: Callable[[], float] = time.monotonic) -> None:
        self._waiting_max = waiting_max
        self._timeout_s = timeout_s
        self._gather_max_s = gather_max_s
        self._clock = clock
        self._lock = threading.Lock()
        self._queue: deque[Ticket[T]] = deque()
        self._busy = False
        # Callers that worked together or came meanwhile, last time, and how long that took.
        self._lately, self._took_s = 1, 0.0
        self._wanted = 0
        self._gathered = threading.Condition(self._lock)

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """Inside the block nobody else works."""
        ticket: Ticket[T] = Ticket()
        self._wait(ticket)
        try:
            yield
        finally:
            self._pass_on()

    def together(self, ticket: Ticket[T], carry_out: Callable[[list[Ticket[T]]], None], size_max: int) -> None:
        """Have the work of ``ticket`` done: by ``carry_out`` here, with all other work that waits up to ``size_max``
        in all, or by another caller's. ``carry_out`` keeps errors in the tickets and raises none."""
        self._wait(ticket)
        if not ticket.turn:
            return
        self._gather(ticket)
        tickets = self._take(ticket, size_max)
        begun_s = self._clock()
        try:
            carry_out(tickets)
        finally:
            for other in tickets[1:]:
                other.done = True
                other.wake.release()
            with self._lock:
                self._lately, self._took_s = len(tickets) + len(self._queue), self._clock() - begun_s
            self._pass_on()

    def _wait(self, ticket: Ticket[T]) -> None:
        with self._lock:
            if not self._busy:
                self._busy = ticket.turn = True
                return
            if len(self._queue) >= self._waiting_max:
                raise Unavailable(service="fm-manager", reason="too many callers are waiting")
            self._queue.append(ticket)
            if len(self._queue) == self._wanted:
                self._gathered.notify()
        if ticket.wake.acquire(timeout=self._timeout_s):
            return
        with self._lock:
            if ticket.turn or ticket.done:
                return
            if ticket in self._queue:
                self._queue.remove(ticket)
                raise Unavailable(service="fm-manager", reason="the database is too slow")
        raise Unavailable(service="fm-manager", reason="the outcome is unknown, repeat the request")

    def _gather(self, own: Ticket[T]) -> None:
        """Wait a little for those that came at the same time as the last work."""
        if own.size > GATHER_SIZE_MAX:
            return
        with self._lock:
            self._wanted = self._lately - 1
            self._gathered.wait_for(lambda: len(self._queue) >= self._wanted, min(self._took_s, self._gather_max_s))
            self._wanted = 0

    def _take(self, own: Ticket[T], size_max: int) -> list[Ticket[T]]:
        """``own`` and what waits behind it, oldest first, until one is too large or has to work alone."""
        taken = [own]
        size = own.size
        with self._lock:
            while self._queue and self._queue[0].work is not None and size + self._queue[0].size <= size_max:
                taken.append(self._queue.popleft())
                size += taken[-1].size
        return taken

    def _pass_on(self) -> None:
        with self._lock:
            if self._queue:
                following = self._queue.popleft()
                following.turn = True
                following.wake.release()
            else:
                self._busy = False
