# SPDX-License-Identifier: Apache-2.0
"""A FIFO lock whose holder may do the work of waiting callers: one caller at a time works, and work can be batched."""
from __future__ import annotations

import contextlib
import threading
from collections import deque
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

from flock.core.errors import Unavailable

T = TypeVar("T")
WAITING_MAX = 256
TURN_TIMEOUT_S = 20.0


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
    """

    def __init__(self, waiting_max: int = WAITING_MAX, timeout_s: float = TURN_TIMEOUT_S) -> None:
        self._waiting_max = waiting_max
        self._timeout_s = timeout_s
        self._lock = threading.Lock()
        self._queue: deque[Ticket[T]] = deque()
        self._busy = False

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
        tickets = self._take(ticket, size_max)
        try:
            carry_out(tickets)
        finally:
            for other in tickets[1:]:
                other.done = True
                other.wake.release()
            self._pass_on()

    def _wait(self, ticket: Ticket[T]) -> None:
        with self._lock:
            if not self._busy:
                self._busy = ticket.turn = True
                return
            if len(self._queue) >= self._waiting_max:
                raise Unavailable(service="fm-manager", reason="too many callers are waiting")
            self._queue.append(ticket)
        if ticket.wake.acquire(timeout=self._timeout_s):
            return
        with self._lock:
            if ticket.turn or ticket.done:
                return
            if ticket in self._queue:
                self._queue.remove(ticket)
                raise Unavailable(service="fm-manager", reason="the database is too slow")
        raise Unavailable(service="fm-manager", reason="the outcome is unknown, repeat the request")

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
