# SPDX-License-Identifier: Apache-2.0
"""Which replies a server sends, so that nobody's reply queue holds the threads that serve the others.

A reply is tried once. A host chooses its reply queue and how that behaves, so its replies are limited: their rate, how
many are on their way at once, and for a while after one was not confirmed in time, there are none.
"""
from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from flock.foreign.messaging import Delivery
from flock.rpc import metrics
from flock.rpc.accounts import Sender, SenderKind, sender_of
from flock.rpc.gate import SENDER, SENDERS_MAX, Rates, Shares, is_flood

# A service's queue may be missing for a moment after a restart of the broker. Other senders get no second try.
PATIENCE_S = 2.0
# Of one host; a server has 16 threads.
AT_ONCE_MAX = 8
LATE_PAUSE_S = 10.0


@dataclass(frozen=True, slots=True)
class Way:
    """The replies on their way to one host, and until when it gets no more."""

    sending: int = 0
    paused_until_s: float = 0.0


def may_send(way: Way, now_s: float) -> bool:
    """Whether one more reply may be sent."""
    return way.sending < AT_ONCE_MAX and now_s >= way.paused_until_s


def after(way: Way, delivery: Delivery, now_s: float) -> Way:
    """The way when a reply ended. One that was not confirmed in time stops the next ones."""
    pause_s = LATE_PAUSE_S if delivery is Delivery.LATE else 0.0
    return replace(way, sending=max(0, way.sending - 1), paused_until_s=max(way.paused_until_s, now_s + pause_s))


class ReplyLimits:
    """Implements ``flock.foreign.messaging.Replies``. ``note(sender, what)`` counts what a host does not get."""

    def __init__(self, rates: Rates, note: Callable[[Sender, str], None],
                 clock: Callable[[], float] = time.monotonic) -> None:
        self._rates = rates
        self._shares = Shares(rates, clock)
        self._note = note
        self._clock = clock
        self._lock = threading.Lock()
        self._ways: dict[str, Way] = {}

    def begin(self, context: Mapping[str, Any], size: int) -> float | None:
        """Seconds for which to try again while the queue is missing; None to drop a reply of ``size`` bytes."""
        sender = sender_of(context.get(SENDER))
        if sender.kind is not SenderKind.HOST:
            return PATIENCE_S
        if is_flood(self._shares.take(sender.name, size), self._rates):
            self._dropped(sender, "beyond the host's share")
            return None
        now_s = self._clock()
        with self._lock:
            way = self._ways.get(sender.name, Way())
            if is_free := may_send(way, now_s):
                self._ways[sender.name] = replace(way, sending=way.sending + 1)
        if not is_free:
            self._dropped(sender, "while others wait for their queue")
            return None
        return 0.0

    def ended(self, context: Mapping[str, Any], delivery: Delivery) -> None:
        """A reply that was begun ended so."""
        sender = sender_of(context.get(SENDER))
        if sender.kind is SenderKind.HOST:
            now_s = self._clock()
            with self._lock:
                way = after(self._ways.get(sender.name, Way()), delivery, now_s)
                if way.sending or way.paused_until_s > now_s:
                    self._ways[sender.name] = way
                else:
                    self._ways.pop(sender.name, None)
                if len(self._ways) > SENDERS_MAX:
                    self._ways = {name: one for name, one in self._ways.items()
                                  if one.sending or one.paused_until_s > now_s}
        if delivery is not Delivery.SENT:
            self._dropped(sender, delivery.value)

    def unasked(self, context: Mapping[str, Any]) -> None:
        """A message that has no reply asked for one."""
        self._dropped(sender_of(context.get(SENDER)), "to a message that has none")

    def _dropped(self, sender: Sender, why: str) -> None:
        metrics.REPLIES_DROPPED.labels(sender.kind.value, why).inc()
        self._note(sender, f"dropped a reply {why}")
