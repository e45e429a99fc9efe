# SPDX-License-Identifier: Apache-2.0
"""Which replies a server sends, so that nobody's reply queue holds the threads that serve the others.

A reply is tried once. A host chooses its reply queue and how that behaves, so its replies are limited: their rate, how
many are on their way at once, and for a while after its queue held one up, there are none. A broker that is slow for
all takes nobody's replies away.
"""
from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from flock.foreign.messaging import REPLY_S, Delivery
from flock.rpc import metrics
from flock.rpc.accounts import Sender, SenderKind, sender_of
from flock.rpc.gate import SENDER, SENDERS_MAX, Rates, Shares, is_flood

# A service's queue may be missing for a moment after a restart of the broker. Other senders get no second try.
PATIENCE_S = 2.0
# Of one host; a server has 16 threads.
AT_ONCE_MAX = 8
LATE_PAUSE_S = 10.0
# Replies to a host may have a part of the bytes that it may send.
REPLY_PART = 4
ANSWERED = (Delivery.SENT, Delivery.REFUSED, Delivery.MISSING)
"""The broker answered, so it works."""


@dataclass(frozen=True, slots=True)
class Way:
    """The replies on their way to one host, and until when it gets no more."""

    sending: int = 0
    paused_until_s: float = 0.0


def may_send(way: Way, now_s: float) -> bool:
    """Whether one more reply may be sent."""
    return way.sending < AT_ONCE_MAX and now_s >= way.paused_until_s


def after(way: Way, delivery: Delivery, is_own: bool, now_s: float) -> Way:
    """The way when a reply ended. One that its receiver (``is_own``) held up stops the next ones."""
    pause_s = LATE_PAUSE_S if is_own and delivery is Delivery.LATE else 0.0
    return replace(way, sending=max(0, way.sending - 1), paused_until_s=max(way.paused_until_s, now_s + pause_s))


def may_forget(way: Way, now_s: float) -> bool:
    """Whether the way says no more than an absent one."""
    return not way.sending and now_s >= way.paused_until_s


def is_own_fault(delivery: Delivery, broker_answered_s: float | None, now_s: float) -> bool:
    """Whether the receiver is why a reply was not delivered.

    One that was not confirmed says nothing of the receiver unless the broker answered others meanwhile: in the latter
    half of the wait, because a broker that stops for a moment has just answered some.
    """
    if delivery is Delivery.LATE:
        return broker_answered_s is not None and now_s - broker_answered_s < REPLY_S / 2
    return delivery in (Delivery.REFUSED, Delivery.MISSING)


class ReplyLimits:
    """Implements ``flock.foreign.messaging.Replies``.

    ``note(sender, what, is_refusal)`` counts a dropped reply; it is a refusal only when the host caused it.
    """

    def __init__(self, rates: Rates, note: Callable[[Sender, str, bool], None],
                 clock: Callable[[], float] = time.monotonic) -> None:
        # A host that takes its replies and does not acknowledge them keeps them in the broker's memory.
        rates = replace(rates, bytes_per_s=rates.bytes_per_s / REPLY_PART, bytes_burst=rates.bytes_burst / REPLY_PART)
        self._rates = rates
        self._shares = Shares(rates, clock)
        self._note = note
        self._clock = clock
        self._lock = threading.Lock()
        self._ways: dict[str, Way] = {}
        self._broker_answered_s: float | None = None

    def begin(self, context: Mapping[str, Any], size: int) -> float | None:
        """Seconds for which to try again while the queue is missing; None to drop a reply of ``size`` bytes."""
        sender = sender_of(context.get(SENDER))
        if sender.kind is not SenderKind.HOST:
            return PATIENCE_S
        if is_flood(self._shares.take(sender.name, size), self._rates):
            self._dropped(sender, "beyond the host's share", is_refusal=True)
            return None
        now_s = self._clock()
        with self._lock:
            way = self._ways.get(sender.name, Way())
            if is_free := may_send(way, now_s):
                self._ways[sender.name] = replace(way, sending=way.sending + 1)
        if not is_free:
            self._dropped(sender, "while others wait for their queue", is_refusal=False)
            return None
        return 0.0

    def ended(self, context: Mapping[str, Any], delivery: Delivery) -> None:
        """A reply that was begun ended so."""
        sender, now_s = sender_of(context.get(SENDER)), self._clock()
        with self._lock:
            is_own = is_own_fault(delivery, self._broker_answered_s, now_s)
            if delivery in ANSWERED:
                self._broker_answered_s = now_s
            if sender.kind is SenderKind.HOST:
                self._way_ended(sender.name, delivery, is_own, now_s)
        if delivery is not Delivery.SENT:
            self._dropped(sender, delivery.value, is_own)

    def unasked(self, context: Mapping[str, Any]) -> None:
        """A message that has no reply asked for one."""
        self._dropped(sender_of(context.get(SENDER)), "to a message that has none", is_refusal=True)

    def _way_ended(self, name: str, delivery: Delivery, is_own: bool, now_s: float) -> None:
        self._ways[name] = after(self._ways.get(name, Way()), delivery, is_own, now_s)
        if may_forget(self._ways[name], now_s):
            del self._ways[name]
        if len(self._ways) > SENDERS_MAX:
            self._ways = {known: way for known, way in self._ways.items() if not may_forget(way, now_s)}

    def _dropped(self, sender: Sender, why: str, is_refusal: bool) -> None:
        metrics.REPLIES_DROPPED.labels(sender.kind.value, why).inc()
        self._note(sender, f"dropped a reply {why}", is_refusal)
