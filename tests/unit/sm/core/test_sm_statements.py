# SPDX-License-Identifier: Apache-2.0
"""What a leader says of groups, from its first look to the end of its time."""
from __future__ import annotations

from flock.core.records import replace
from sm.contract.faults import Kind
from sm.contract.states import GroupState, Status
from sm.core.redundancy import HOLD_MS
from sm.core.statements import of_groups
from tests.unit.sm.core.scheduler.domains import C0, C1, CONTROLLER, domain, with_row


def said(statements):
    return {(one.kind, one.fault) for one in statements}


def test_a_new_leader_clears_what_an_earlier_one_may_have_left():
    watch, first = of_groups(None, domain(), "controller", 0)
    assert watch is not None and said(first) == {(Kind.CLEAR, "400.001"), (Kind.CLEAR, "400.002")}
    assert of_groups(watch, domain(), "controller", 1_000)[1] == ()


def test_a_loss_is_raised_when_it_lasts_and_cleared_when_it_is_over():
    watch, _ = of_groups(None, domain(), "controller", 0)
    lost = with_row(domain(), CONTROLLER, C1, state=GroupState.DISABLED, status=Status.FAILED)
    watch, now = of_groups(watch, lost, "controller", 1_000)
    assert (Kind.RAISE, "400.001") in said(now) and (Kind.RAISE, "400.002") not in said(now)
    watch, later = of_groups(watch, lost, "controller", 1_000 + HOLD_MS)
    assert said(later) == {(Kind.RAISE, "400.002"), (Kind.LOG, "401.002")}
    _, healed = of_groups(watch, domain(), "controller", 20_000)
    assert {(Kind.CLEAR, "400.001"), (Kind.CLEAR, "400.002"), (Kind.LOG, "401.002")} <= said(healed)


def test_an_audit_says_again_what_holds_and_what_does_not_and_logs_nothing():
    lost = with_row(domain(), CONTROLLER, C1, state=GroupState.DISABLED, status=Status.FAILED)
    watch, _ = of_groups(None, lost, "controller", 0)
    watch, _ = of_groups(watch, lost, "controller", HOLD_MS)
    assert of_groups(watch, lost, "controller", 50_000)[1] == ()
    after, again = of_groups(watch, lost, "controller", 60_000, audit=True)
    assert said(again) == {(Kind.RAISE, "400.001"), (Kind.CLEAR, "400.001"), (Kind.RAISE, "400.002"),
                           (Kind.CLEAR, "400.002")}
    assert after == watch and of_groups(after, lost, "controller", 61_000)[1] == ()
    young, _ = of_groups(of_groups(None, domain(), "controller", 0)[0], lost, "controller", 59_000)
    _, again = of_groups(young, lost, "controller", 60_000, audit=True)
    assert (Kind.RAISE, "400.002") not in said(again), "a loss is not raised earlier because of an audit"


def test_a_node_that_does_not_lead_says_nothing():
    watch, _ = of_groups(None, domain(), "controller", 0)
    assert of_groups(watch, None, "controller", 1) == (None, ())
    assert replace(domain()).nodes.keys() >= {C0, C1}
