# SPDX-License-Identifier: Apache-2.0
"""A FIFO lock whose holder may do the work of waiting callers: one caller at a time works, and work can be batched."""
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
    """A place in the queue. Another ticket's holder may do ``work``; ``size`` is its size in requests.

    Its owner is woken when ``turn`` is set (it may work now) or ``done`` is set (another caller did its work).
    """

    def __init__(self, work: T | None = None, size: int = 0) -> None:
        self.work = work
        self.size = size
        self.done = False
        self.turn = False
        self.wake = threading.Lock()
        self.wake.acquire()


class Turns(Generic[T]):
    """Gives callers their turn in order of arrival. At most ``waiting_max`` wait, each at most ``timeout_s`` seconds;
    then Unavailable.

    A new caller does not overtake waiting ones, and a caller whose work is done returns at once.

    A caller with little work waits, when its turn comes, for as many callers as there were last time, because one
    transaction for all costs much less than one for each. It waits no longer than the last work took, and at most
    ``gather_max_s`` seconds. A caller that was alone last time does not wait.
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
        # How many callers shared the last work or came during it, and how many seconds it took.
        self._lately, self._took_s = 1, 0.0
        self._wanted = 0
        self._gathered = threading.Condition(self._lock)

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """Run the block while no other caller works; Unavailable."""
        ticket: Ticket[T] = Ticket()
        self._wait(ticket)
        try:
            yield
        finally:
            self._pass_on()

    def together(self, ticket: Ticket[T], carry_out: Callable[[list[Ticket[T]]], None], size_max: int) -> None:
        """Return when the work of ``ticket`` is done, by this caller or another one. Unavailable.

        On its turn this caller passes its ticket and waiting ones, up to ``size_max`` in all, to ``carry_out``, which
        must store errors in the tickets and raise none.
        """
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
        """Wait for as many callers as shared the last work or came during it."""
        if own.size > GATHER_SIZE_MAX:
            return
        with self._lock:
            self._wanted = self._lately - 1
            self._gathered.wait_for(lambda: len(self._queue) >= self._wanted, min(self._took_s, self._gather_max_s))
            self._wanted = 0

    def _take(self, own: Ticket[T], size_max: int) -> list[Ticket[T]]:
        """``own`` and the waiting tickets, oldest first, up to the first one that is too large or must work alone."""
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
