# SPDX-License-Identifier: Apache-2.0
"""Groups: orders, states, reboots, and what the leader is told."""
import pytest

from sm.contract.states import ActionResult, Condition, GroupState, Impact, OnFailure, ServiceAction, Status
from sm.core.actions import RebootNode
from sm.core.cluster import Health
from sm.core.events import AuditNow, Order, ProcessDied, SetManaged, Tick
from sm.core.local.step import active_movable, reports
from sm.core.model import Catalogue
from tests.sim.service_catalogues import WARM, controller, group, needs, service
from tests.unit.sm.core.local.engine import ACTIVE, DISABLED, FAILED, STANDBY, Engine, chain, single

A = ServiceAction


def fatal(**fields):
    """A group of which the only service has failed beyond repair."""
    engine = Engine(single(max_transition_failures=1, group_fields=fields))
    engine.order("active").done("svc", FAILED).done("svc")
    assert engine.group.condition is Condition.FATAL_FAILURE
    return engine


def test_states_on_the_way_and_when_all_have_arrived():
    engine = Engine(single())
    seen = [engine.group.state]
    for state in ("standby", "active", "disabled", "active", "standby"):
        engine.order(state)
        seen.append(engine.group.state)
        engine.answer("svc")
        seen.append(engine.group.state)
    assert seen == ["disabled", "standby", "standby", "go-active", "active", "disabling", "disabled", "go-active",
                    "active", "go-standby", "standby"]


def test_without_an_order_only_what_is_proven_to_be_stopped_is_told_as_disabled():
    """So a controller that is new does not keep the other one, which is active, from being told to stay so."""
    engine = Engine(chain(), found=None)
    assert engine.group.state == "initial"
    engine.done("ip", state=DISABLED).done("db", state=DISABLED)
    assert engine.group.state == "initial"
    engine.done("app", state=DISABLED)
    assert engine.group.state == "disabled"
    left = Engine(chain(), found=None).done("ip", state=ACTIVE).done("db", state=DISABLED).done("app", state=DISABLED)
    assert left.group.state == "initial"
    failed = Engine(chain(), found=None).done("ip", FAILED).done("db", state=DISABLED).done("app", state=DISABLED)
    assert failed.group.state == "initial"
    assert Engine(single()).tell(SetManaged("svc", False)).group.state == "initial"


@pytest.mark.parametrize("event", [Order("other", GroupState.ACTIVE), Order("g", GroupState.GO_ACTIVE),
                                   Order("g", GroupState.SHUTDOWN), Tick()])
def test_orders_for_others_and_orders_that_are_none_change_nothing(event):
    engine = Engine(single())
    before = engine.view
    assert engine.tell(event).actions == () and engine.view == before


def test_a_repeated_order_changes_nothing():
    engine = Engine(chain()).up()
    before = engine.view
    assert engine.order("active").actions == () and engine.view == before


def test_a_group_stays_active_while_a_member_is_repaired():
    engine = Engine(chain()).up()
    engine.tell(ProcessDied("db", "killed"))
    assert engine.group.state == "active"
    assert engine.group.changed_ms < engine.now_ms


@pytest.mark.parametrize(("impact", "policy", "state"), [
    (Impact.CRITICAL, OnFailure.RESTART, "go-active"), (Impact.MAJOR, OnFailure.RESTART, "active"),
    (Impact.MINOR, OnFailure.RESTART, "active"), (Impact.CRITICAL, OnFailure.IGNORE, "active")])
def test_a_member_that_is_not_critical_does_not_hold_its_group(impact, policy, state):
    engine = Engine(single(max_action_failures=1, impact=impact, on_failure=policy))
    engine.order("active").done("svc", FAILED)
    assert engine.group.state == state


def test_a_group_that_stands_by_says_so_no_longer_when_something_of_it_runs():
    engine = Engine(single())
    engine.order("standby").tell(AuditNow("svc")).done("svc", state=ACTIVE)
    assert engine.group.state == "go-standby"
    assert engine.done("svc").group.state == "standby"


def test_a_warm_service_that_cannot_stand_by_does_not_hold_the_peer_up():
    engine = Engine(single(actions=WARM, max_action_failures=1)).up()
    engine.order("standby").done("svc", FAILED).done("svc", state=ACTIVE).done("svc")
    assert engine.group.state == "go-standby"
    engine.done("svc", FAILED).done("svc")
    assert (engine.group.state, engine.group.status) == ("standby", Status.FAILED)
    assert not engine.view.is_active("g")


def test_a_fatal_failure_reboots_the_node_after_groups_could_move():
    engine = fatal(fatal_error_reboot=True)
    engine.order("standby", escalate=True, recover=True)
    engine.wait(29_000)
    assert not any(isinstance(action, RebootNode) for action in engine.actions)
    engine.order("standby", escalate=True, recover=True).wait(2_000)
    reboot = [action for action in engine.actions if isinstance(action, RebootNode)]
    assert reboot == [RebootNode("group g failed beyond repair: svc(shutdown, failed, fatal-failure)")]
    engine.wait(470_000)
    assert not any(isinstance(action, RebootNode) for action in engine.actions)
    assert [action for action in engine.wait(20_000).actions if isinstance(action, RebootNode)] == reboot


def test_without_a_peer_the_leader_recovers_in_place_and_the_node_stays():
    engine = fatal(fatal_error_reboot=True)
    engine.order("active", escalate=True, recover=True)
    engine.order("active", recover=True, clear_fatal=True)
    assert engine.ran() == [("svc", "audit-enabled")]
    engine.done("svc", state=DISABLED).done("svc").wait(60_000)
    assert not any(isinstance(action, RebootNode) for action in engine.actions)
    assert engine.group.state == "active"


def test_groups_that_do_not_reboot_recover_instead():
    engine = fatal()
    assert engine.order("active", escalate=True, recover=True, clear_fatal=True).ran() == [("svc", "audit-enabled")]
    assert engine.view.reboot_ms is None


def test_another_group_does_not_take_back_a_reboot():
    catalogue = Catalogue({"g": group("g", ["svc"], fatal_error_reboot=True), "h": group("h", ["other"])},
                          {name: service(name) for name in ("svc", "other")})
    engine = Engine(catalogue)
    engine.order("active", escalate=True).order("active", "h", recover=True)
    assert engine.view.reboot_ms is not None


def test_the_leader_is_told_about_every_group():
    engine = Engine(chain()).up()
    engine.tell(ProcessDied("db", "killed")).answer("db").tell(ProcessDied("db", "killed")).answer("db")
    report, = reports(engine.view, engine.catalogue, "controller-0")
    assert (report.group, report.node, report.desired, report.state) == ("g", "controller-0", "active", "active")
    assert (report.status, report.condition, report.health) == ("failed", "recovery-failure", Health(failed=1))
    assert report.reason == "db(disabled, failed, recovery-failure)"
    assert report.changed_ms == engine.group.changed_ms


@pytest.mark.parametrize(("shared", "peers", "status"), [
    (True, {"g": (Health(),)}, "degraded"), (True, {"g": (Health(failed=1), Health(degraded=3))}, "degraded"),
    (True, {"g": (Health(failed=1),)}, "failed"), (True, {}, "failed"), (True, None, "failed"),
    (False, {"g": (Health(),)}, "failed")])
def test_a_group_on_several_nodes_is_degraded_while_it_is_healthy_elsewhere(shared, peers, status):
    engine = Engine(Catalogue({"g": group("g", ["svc"], shared=shared)}, {"svc": service("svc", max_failures=1)})).up()
    engine.tell(ProcessDied("svc", "killed")).answer("svc")
    report, = reports(engine.view, engine.catalogue, "controller-0", peers)
    assert report.status == status
    assert engine.view.degraded


def test_groups_that_run_on_several_nodes_do_not_keep_a_node_from_stepping_down():
    catalogue = Catalogue({"g": group("g", ["one"], shared=True), "h": group("h", ["other"])},
                          {name: service(name) for name in ("one", "other")})
    engine = Engine(catalogue).up()
    assert active_movable(engine.view, catalogue) == {"h"}
    engine.order("standby", "h").answer()
    assert active_movable(engine.view, catalogue) == frozenset() and engine.view.is_active("g")
    engine.adopt(Catalogue({}, {}))
    assert active_movable(engine.view, engine.catalogue) == {"g"}


def test_the_start_order_of_a_controller():
    engine = Engine(controller())
    started = []
    for name in engine.catalogue.groups:
        engine.order("active", name)
        started += engine.ran()
    for _ in range(500):
        busy = [name for name in engine.view.services if engine.running(name) and "audit" not in engine.running(name)]
        if not busy:
            break
        engine.done(busy[0])
        started += engine.ran()
    assert all(one.state == "active" for one in engine.view.groups.values())
    at = {pair: number for number, pair in enumerate(started)}
    chain_of = [("open-ldap", "enable"), ("management-ipv4", "enable"), ("drbd-pg", "go-active"), ("pg-fs", "enable"),
                ("postgres", "enable"), ("fm-mgr", "enable"), ("mtc-agent", "enable"), ("vim", "enable")]
    assert [at[pair] for pair in chain_of] == sorted(at[pair] for pair in chain_of)


def test_a_group_of_another_aggregate_uses_what_runs_on_another_node():
    """Within one aggregate a service waits for the order of the other group; a group that moves alone does not."""
    def both(aggregate):
        return Catalogue({"g": group("g", ["mon"], aggregate="all"), "h": group("h", ["gw"], aggregate=aggregate)},
                         {"mon": service("mon"), "gw": service("gw")}, tuple(needs("gw", "mon")))
    for aggregate, expected in (("", [("gw", "enable")]), ("all", [])):
        engine = Engine(both(aggregate))
        engine.order("standby", "g")
        assert engine.order("active", "h").ran() == expected


def test_an_unmanaged_member_does_not_hold_its_group():
    engine = Engine(single(actions=WARM)).up()
    engine.tell(SetManaged("svc", False))
    assert engine.order("standby").group.state == "standby"
    assert engine["svc"].state is STANDBY and engine.view.is_active("g")
    assert engine.order("disabled").group.state == "disabled"


def test_a_plug_in_that_reports_a_failed_status_counts():
    engine = Engine(single()).up()
    engine.tell(AuditNow("svc")).done("svc", ActionResult.SUCCESS, status=Status.WARN)
    assert engine.group.status is Status.WARN and not engine.view.degraded
