# SPDX-License-Identifier: Apache-2.0
"""Acceptance scenarios of service management by number, as far as one node decides them: 1-10, 13, 29 and 30."""
import pytest

from flock.core.records import replace
from sm.contract.states import ActionResult, Condition, GroupState, ServiceAction, ServiceState, Status
from sm.core.actions import CancelAction, RebootNode, RunAction
from sm.core.cluster import Health
from sm.core.events import AuditNow, ProcessDied, SetManaged, Tick
from sm.core.local.step import reports
from tests.sim.service_catalogues import AGGREGATE, controller
from tests.unit.sm.core.local.engine import ACTIVE, DISABLED, FAILED, Engine, active_movable

A = ServiceAction
WHOLE = controller()


def controller_0():
    """Everything active."""
    return Engine(WHOLE).up()


def health(engine, group):
    """State, status and condition of a group, as alarms show them."""
    view = engine.view.groups[group]
    return view.state.value, view.status.value, view.condition.value


def kill(engine, service, times):
    for _ in range(times):
        engine.tell(ProcessDied(service, "killed by signal 9")).answer(service)
    return engine


def aggregate(engine, state, **flags):
    """The leader's order for all groups of the aggregate; returns the actions."""
    actions = []
    for group in engine.catalogue.groups.values():
        if group.aggregate == AGGREGATE:
            actions += engine.order(state, group.name, **flags).actions
    return actions


def test_scenario_01_a_service_killed_once_is_restarted_in_place():
    engine = kill(controller_0(), "keystone", 1)
    assert engine["keystone"].state is ACTIVE and engine["keystone"].fail_count == 1
    assert health(engine, "cloud-services") == ("active", "", "")
    assert engine.wait(90_000)["keystone"].fail_count == 0


def test_scenario_02_a_critical_service_killed_twice_fails_its_group_and_makes_way():
    engine = kill(controller_0(), "keystone", 2)
    assert health(engine, "cloud-services") == ("active", "failed", "recovery-failure")
    aggregate(engine, "standby")
    assert active_movable(engine.view, WHOLE) >= {"controller-services"}
    engine.answer(*(name for name in WHOLE.services if "audit" not in (engine.running(name) or "")))
    assert active_movable(engine.view, WHOLE) == {"patching-services", "storage-monitoring-services"}


def test_scenario_03_a_minor_service_only_warns():
    engine = controller_0()
    for _ in range(2):
        engine.tell(AuditNow("ceph-radosgw")).done("ceph-radosgw", state=DISABLED).answer("ceph-radosgw")
    assert health(engine, "storage-monitoring-services") == ("active", "warn", "recovery-failure")
    assert not engine.view.degraded


def test_scenario_04_a_major_service_degrades_group_and_host():
    engine = kill(controller_0(), "cert-alarm", 2)
    assert health(engine, "controller-services") == ("active", "degraded", "recovery-failure")
    assert engine.view.degraded


def test_scenario_05_without_a_peer_it_is_recovered_in_place():
    engine = kill(controller_0(), "keystone", 2)
    actions = aggregate(engine, "active", recover=True)
    assert [(action.service, action.action) for action in actions] == [("keystone", A.ENABLE)]
    engine.done("keystone")
    assert health(engine, "cloud-services") == ("active", "failed", "")
    assert engine.wait(300_000).view.groups["cloud-services"].status is Status.NONE


def test_scenario_06_a_stop_that_fails_is_retried_and_nothing_moves():
    engine = controller_0()
    aggregate(engine, "standby")
    for _ in range(4):
        engine.done("haproxy", FAILED, reason="exit code 1")
        engine.wait(9_000, audits=False)
    assert health(engine, "oam-services") == ("go-standby", "failed", "action-failure")
    assert engine.running("haproxy") is A.DISABLE
    assert "oam-services" in active_movable(engine.view, WHOLE) and engine.view.reboot_ms is None


def flap(engine, service, times):
    for _ in range(times):
        while engine.running(service) is not A.ENABLE:
            engine.wait(1_000)
        engine.done(service, FAILED).done(service)


def fatal():
    engine = Engine(WHOLE)
    for group in WHOLE.groups:
        engine.order("active", group)
    engine.answer(*(name for name in WHOLE.services if name != "etcd"))
    flap(engine, "etcd", 16)
    assert health(engine, "controller-services") == ("go-active", "failed", "fatal-failure")
    assert engine["etcd"].state is ServiceState.SHUTDOWN
    return engine


def test_scenario_07_flapping_is_fatal_and_with_a_healthy_peer_the_node_is_rebooted():
    engine = fatal()
    aggregate(engine, "standby", recover=True, escalate=True)
    rebooted = [action for action in engine.wait(31_000, audits=False).actions if isinstance(action, RebootNode)]
    assert len(rebooted) == 1 and "etcd(shutdown, failed, fatal-failure)" in rebooted[0].reason


def test_scenario_07_flapping_without_a_peer_is_cleared_and_recovered():
    engine = fatal()
    actions = aggregate(engine, "active", recover=True, clear_fatal=True)
    assert [(action.service, action.action) for action in actions] == [("etcd", A.AUDIT_ENABLED)]
    engine.done("etcd", state=DISABLED).done("etcd")
    assert health(engine, "controller-services") == ("active", "failed", "")


def test_scenario_08_a_start_that_takes_too_long_is_killed_and_counted():
    engine = Engine(WHOLE)
    engine.order("active", "directory-services")
    engine.done("open-ldap", ActionResult.TIMEOUT, reason="killed after 15 s, 3 times")
    assert engine["open-ldap"].action_failures == 1 and engine.ran() == [("open-ldap", "disable")]
    engine.done("open-ldap")
    engine.wait(1_000, audits=False)
    run_id = engine["open-ldap"].run_id
    engine.tell(Tick(), 300_000)
    assert CancelAction("open-ldap", run_id) in engine.actions
    assert RunAction("open-ldap", A.DISABLE, engine["open-ldap"].run_id) in engine.actions
    assert engine["open-ldap"].action_failures == 2


def test_scenario_09_data_that_synchronize_degrade_the_group():
    engine = controller_0()
    engine.tell(AuditNow("drbd-pg"))
    engine.done("drbd-pg", status=Status.DEGRADED, condition=Condition.DATA_SYNCING)
    assert health(engine, "controller-services") == ("active", "degraded", "data-syncing")
    assert engine["drbd-pg"].state is ACTIVE and engine.ran() == []


def test_scenario_10_a_group_on_both_nodes_is_degraded_while_it_is_healthy_on_the_other():
    engine = kill(controller_0(), "lighttpd", 1)
    assert engine["lighttpd"].state is ACTIVE
    kill(engine, "lighttpd", 1)
    peers = {"web-services": (Health(),)}
    for others, status in (({}, "failed"), (peers, "degraded")):
        found = {one.group: one for one in reports(engine.view, WHOLE, "controller-0", others)}
        assert (found["web-services"].state, found["web-services"].status) == ("active", status)
        assert found["cloud-services"].status == ""


def test_scenario_13_a_start_that_fails_on_the_new_node_is_told_and_everything_goes_back():
    engine = Engine(WHOLE)
    aggregate(engine, "standby")
    engine.order("active", "directory-services").answer()
    aggregate(engine, "active")
    for _ in range(4):
        engine.done("management-ipv4", FAILED).done("management-ipv4")
        engine.wait(9_000, audits=False)
    assert health(engine, "controller-services") == ("go-active", "failed", "action-failure")
    aggregate(engine, "standby")
    assert engine.running("management-ipv4") is A.DISABLE
    engine.answer()
    assert engine.view.groups["controller-services"].state is GroupState.STANDBY
    assert active_movable(engine.view, WHOLE) <= {"patching-services", "storage-monitoring-services"}


def test_scenario_29_an_unmanaged_service_may_crash_and_is_restarted_when_it_is_managed_again():
    engine = controller_0()
    engine.tell(SetManaged("keystone", False))
    assert engine.tell(ProcessDied("keystone", "killed by signal 9")).actions == ()
    assert not any(action.service == "keystone" for action in engine.wait(60_000).actions
                   if isinstance(action, RunAction))
    assert health(engine, "cloud-services") == ("active", "", "")
    engine.tell(SetManaged("keystone", True)).done("keystone", state=DISABLED)
    assert engine.ran() == [("keystone", "enable")]


@pytest.mark.parametrize("removed", ["vim-api", "etcd"])
def test_scenario_30_a_service_is_added_and_removed_while_the_others_run(removed):
    services = {name: spec for name, spec in WHOLE.services.items() if name != removed}
    groups = {one.name: replace(one, members=tuple(member for member in one.members if member.service != removed))
              for one in WHOLE.groups.values()}
    rows = tuple(row for row in WHOLE.dependencies if removed not in (row.service, row.dependent))
    without = replace(WHOLE, groups=groups, services=services, dependencies=rows)
    engine = Engine(without).up()
    engine.adopt(WHOLE).done(removed, state=DISABLED)
    assert engine.ran() == [(removed, "enable")]
    engine.done(removed)
    assert engine.adopt(without).ran() == [(removed, "disable")]
    engine.done(removed)
    assert removed not in engine.view.services
    assert all(one.state is GroupState.ACTIVE for one in engine.view.groups.values())
