# SPDX-License-Identifier: Apache-2.0
"""What a node does about the services that an earlier daemon has left active."""
from flock.core.records import replace
from sm.contract.states import ActionResult, GroupState, ServiceAction, ServiceState
from sm.core.actions import RunAction
from sm.core.domain import events as domain
from sm.core.events import ActionDone
from sm.core.local.adoption import resume
from sm.core.local.step import step as local_step
from sm.core.node import ledger
from sm.core.node.step import step
from tests.unit.sm.core.node.names import C0, NOW


def resumed(view, site):
    """The view of a daemon that has just started where another one ran, and its first looks."""
    local, actions = resume(view.local, site, NOW)
    domain_view = replace(view.domain, started_ms=NOW)
    return replace(view, local=local, domain=domain_view, given={}, orders=()), actions


def looked(view, site, actions):
    """All services are found active."""
    local = view.local
    for action in actions:
        if isinstance(action, RunAction):
            done = ActionDone(action.service, action.action, action.run_id, ActionResult.SUCCESS,
                              ServiceState.ENABLED_ACTIVE)
            local, _ = local_step(local, done, site, NOW)
    return replace(view, local=local)


def test_no_plan_is_made_before_the_node_knows_what_runs_on_it(node, site):
    view, actions = resumed(node(), site)
    before = ledger.opened(view, site)
    assert ledger.planned(before, site, NOW) == (before, ())
    after, _ = ledger.planned(ledger.opened(looked(view, site, actions), site), site, NOW)
    assert after.book.rows["cloud-services", C0].desired is GroupState.ACTIVE


def test_a_look_that_never_ends_delays_the_plan_for_some_time_only(node, site):
    view, _ = resumed(node(), site)
    late_ms = NOW + view.local.settings.look_patience_ms
    assert ledger.planned(ledger.opened(view, site), site, late_ms)[0].book.orders


def test_a_group_that_is_found_active_is_told_as_active(node, site):
    view, actions = resumed(node(), site)
    assert view.local.groups["cloud-services"].state is GroupState.INITIAL
    assert looked(view, site, actions).local.groups["cloud-services"].state is GroupState.ACTIVE


def test_what_is_found_active_stops_when_its_permission_ends_though_nobody_gives_an_order(node, site):
    view, actions = resumed(node(), site)
    view = looked(view, site, actions)
    grace_ms = NOW + 5_000
    view = replace(view, domain=replace(view.domain, leading=False, claim_ms=None, grace_until_ms=grace_ms, heard={}))

    def stops(now_ms):
        _, done = step(view, domain.Tick(), site, now_ms)
        return [action.service for action in done
                if isinstance(action, RunAction) and action.action is ServiceAction.DISABLE]
    timing = view.domain.config.timing
    assert stops(grace_ms - timing.step_down_ms - 1_000) == []
    assert "keystone" in stops(grace_ms - timing.step_down_ms + 100)
