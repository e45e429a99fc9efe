# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import msgspec

from flock.core.codec import codec_for
from flock.core.records import replace
from sm.contract import messages
from sm.contract.states import Condition, GroupState, SchedulingState, Status
from sm.core import events, wireform
from sm.core.cluster import Assignment, Decision, Health
from sm.core.domain import view

DOMAIN = view.Beat("controller-0", "b0", 700, {"controller-1": ("b1", 650)}, view.Vote(3, "controller-0"),
                   view.Record(3, 4, frozenset({"controller-0", "controller-1"})), claims=True, leading=True,
                   alone=True, accepts_loss=True, active=True, eligible=False, hears=frozenset({"controller-1"}),
                   follows="controller-0", fenced=frozenset({"controller-2"}), pausing_ms=30, departing_ms=40)
CODEC = codec_for(messages.Beat)


def test_all_that_the_domain_tells_arrives() -> None:
    """Every field differs from its default, so none is forgotten."""
    for field in msgspec.structs.fields(DOMAIN):
        assert getattr(DOMAIN, field.name) != field.default, field.name
    rest = messages.Beat("", "", 9, 0, carriers={"mgmt": True}, revision=5)
    sent = wireform.with_domain(rest, DOMAIN)
    got = CODEC.decode(CODEC.encode(sent, "beat"), "beat")
    assert wireform.domain_beat(got) == DOMAIN
    assert (got.sequence, got.carriers, got.revision, got.term) == (9, {"mgmt": True}, 5, 3)


def test_an_assignment_keeps_its_age_on_another_clock() -> None:
    mine = Assignment("cloud-services", "controller-0", GroupState.ACTIVE, GroupState.GO_ACTIVE, Status.DEGRADED,
                      Condition.DATA_SYNCING, Health(1, 2, 3), SchedulingState.SWACT, 1_000, "a reason")
    theirs = wireform.assignment(wireform.report(mine, 1_250), "controller-0", 90_000)
    assert theirs == replace(mine, changed_ms=89_750)


def test_a_decision_becomes_an_order() -> None:
    decision = Decision(GroupState.STANDBY, SchedulingState.SWACT, "moved", True, False, True)
    told = wireform.group_order("cloud-services", decision, 7)
    assert told == messages.GroupOrder("cloud-services", GroupState.STANDBY, 7, True, True, False,
                                       SchedulingState.SWACT, "moved")
    assert wireform.order(told) == events.Order("cloud-services", GroupState.STANDBY, True, True, False)
