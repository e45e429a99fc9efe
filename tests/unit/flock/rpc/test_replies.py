# SPDX-License-Identifier: Apache-2.0
"""Which replies are sent, and how those of one host are limited."""
from __future__ import annotations

import pytest

from flock.foreign.messaging import REPLY_S, Delivery
from flock.rpc import metrics
from flock.rpc.gate import SENDER, Rates
from flock.rpc.replies import AT_ONCE_MAX, LATE_PAUSE_S, PATIENCE_S, REPLY_PART, ReplyLimits, Way, after, may_send

RATES = Rates(messages_per_s=10, messages_burst=100, bytes_per_s=1000 * REPLY_PART,
              bytes_burst=10_000 * REPLY_PART)
HOST, OTHER, SERVICE = ({SENDER: name} for name in ("host.a", "host.b", "service.fm-api"))


class Limits(ReplyLimits):
    """With a clock that is set, and what was noted."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.noted: list[tuple[str, str, bool]] = []
        super().__init__(RATES, lambda sender, what, is_refusal: self.noted.append((str(sender), what, is_refusal)),
                         lambda: self.now_s)


@pytest.mark.parametrize("is_own", [True, False])
def test_only_a_reply_that_its_receiver_held_up_stops_the_next_ones(is_own: bool) -> None:
    way = Way(sending=AT_ONCE_MAX)
    assert not may_send(way, 5.0)
    for delivery in Delivery:
        then = after(way, delivery, is_own, 5.0)
        assert then.sending == AT_ONCE_MAX - 1
        assert may_send(then, 5.0) == (not is_own or delivery is not Delivery.LATE)
    assert after(Way(), Delivery.SENT, False, 0.0).sending == 0


def test_a_pause_ends_by_time_only() -> None:
    late = after(Way(sending=2), Delivery.LATE, True, 5.0)
    assert not may_send(after(late, Delivery.SENT, False, 6.0), 6.0)
    assert may_send(late, 5.0 + LATE_PAUSE_S)


def test_a_host_has_few_replies_on_their_way_and_holds_nobody_elses() -> None:
    limits = Limits()
    assert [limits.begin(HOST, 1) for _ in range(AT_ONCE_MAX + 1)] == [0.0] * AT_ONCE_MAX + [None]
    assert limits.noted == [("host a", "dropped a reply while others wait for their queue", False)]
    assert limits.begin(OTHER, 1) == 0.0
    assert all(limits.begin(SERVICE, 1) == PATIENCE_S for _ in range(1000))
    limits.ended(HOST, Delivery.SENT)
    assert limits.begin(HOST, 1) == 0.0


def test_while_the_broker_stands_still_nobody_loses_more_than_the_reply_on_its_way() -> None:
    limits = Limits()
    for context in (HOST, OTHER, HOST):
        assert limits.begin(context, 1) == 0.0
    limits.ended(OTHER, Delivery.SENT)
    limits.now_s += REPLY_S - 0.1
    limits.ended(HOST, Delivery.LATE)
    assert limits.begin(HOST, 1) == 0.0


def test_after_a_late_reply_a_host_gets_none_for_a_while() -> None:
    limits = Limits()
    assert limits.begin(HOST, 1) == 0.0
    limits.begin(SERVICE, 1)
    limits.ended(SERVICE, Delivery.SENT)
    limits.ended(HOST, Delivery.LATE)
    assert limits.begin(HOST, 1) is None
    assert limits.begin(OTHER, 1) == 0.0
    limits.now_s = LATE_PAUSE_S
    assert limits.begin(HOST, 1) == 0.0
    limits.ended(HOST, Delivery.SENT)
    assert "a" not in limits._ways


def test_replies_of_a_host_are_limited_by_number_and_bytes() -> None:
    limits = Limits()

    def sent(size: int) -> bool:
        begun = limits.begin(HOST, size) is not None
        if begun:
            limits.ended(HOST, Delivery.SENT)
        return begun

    assert sum(sent(1) for _ in range(1000)) == 110
    assert limits.noted[0] == ("host a", "dropped a reply beyond the host's share", True)
    limits.now_s = 60.0
    assert sent(10_900) and not sent(200)


@pytest.mark.parametrize("delivery", Delivery)
def test_what_is_not_delivered_is_counted(delivery: Delivery) -> None:
    counter = metrics.REPLIES_DROPPED.labels("host", delivery.value)
    before, limits = counter._value.get(), Limits()
    limits.begin(HOST, 1)
    limits.ended(HOST, delivery)
    dropped = delivery is not Delivery.SENT
    assert counter._value.get() - before == dropped
    assert limits.noted == [("host a", f"dropped a reply {delivery.value}",
                             delivery in (Delivery.REFUSED, Delivery.MISSING))] * dropped


def test_a_late_reply_is_the_hosts_fault_only_when_the_broker_answered_others_meanwhile() -> None:
    limits = Limits()

    def late() -> bool:
        limits.begin(HOST, 1)
        limits.now_s += LATE_PAUSE_S
        limits.ended(HOST, Delivery.LATE)
        limits.now_s += LATE_PAUSE_S
        return limits.noted.pop()[2]

    assert not late()
    limits.begin(SERVICE, 1)
    limits.ended(SERVICE, Delivery.SENT)
    assert not late(), "that was before"
    limits.begin(HOST, 1)
    limits.begin(OTHER, 1)
    limits.ended(OTHER, Delivery.REFUSED)
    limits.now_s += 0.9
    limits.ended(HOST, Delivery.LATE)
    assert limits.noted[-1] == ("host a", "dropped a reply not confirmed in time", True)


def test_a_reply_that_nobody_needs_is_counted() -> None:
    limits = Limits()
    limits.unasked(HOST)
    assert limits.noted == [("host a", "dropped a reply to a message that has none", True)]
