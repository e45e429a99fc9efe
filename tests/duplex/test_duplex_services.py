# SPDX-License-Identifier: Apache-2.0
"""Acceptance scenarios of services that fail or do not obey, in the lab: 1-10, 29 and 30.

Keystone is a real service; the probes are processes that do what a scenario needs.
"""
import pytest

from devstack.virtualcloud.cloudclient import wait_for
from devstack.virtualcloud.mainjob import boots, cli
from tests.duplex.pair import machine

pytestmark = pytest.mark.timeout(900)

KEYSTONE, FM_API = "flock-keystone.service", "flock-fm-api.service"
RESTART_S = 30
# An audit every 10 s, three attempts of 18 s, 3 s until it is killed; RabbitMQ takes long to start on a busy machine.
HANGS_S = 75 + RESTART_S
GROUPS = "controller-services"


def stays(pair, active, group):
    """The journal of the active controller has no other state of a group than active."""
    wrong = [line.text for line in pair.lines() if line.node == active and line.text.startswith(f"{group} is ")
             and not line.text.startswith(f"{group} is active here")]
    assert not wrong, wrong


def shown(pair, host, text, seconds):
    """Wait until the journal of a host has a text."""
    pair.wait(text, lambda: pair.told(host, text) is not None, seconds)


def raised(pair, alarm_id, entity, severity):
    """Wait for an alarm with that severity since the scenario began."""
    pair.wait(f"{alarm_id} {severity} of {entity}", lambda: any(
        event["entity_instance_id"].endswith(entity) and event["severity"] == severity
        for event in pair.events(alarm_id, "set")), 30)


def kill_twice(pair, host, name):
    """The second time as soon as the first end is repaired, which is too often."""
    pair.kill_probe(host, name)
    pair.wait(f"{name} runs again", lambda: pair.calls(host, name, "start") >= 2
              and pair.service_is(host, name, "enabled-active"), RESTART_S)
    pair.kill_probe(host, name)


@pytest.fixture
def scene(pair):
    """The active controller and the other one, with fresh records of the probes."""
    active, standby = pair.leader()
    for host in (active, standby):
        pair.on(host, "sh", "-c", "rm -f /run/probe/*.calls; for name in probe probe-minor probe-major probe-data "
                "probe-shared; do echo 0 start >> /run/probe/$name.calls; done")
    return active, standby


def test_scenario_01_a_service_that_is_killed_once_is_restarted_in_place(pair, scene):
    # Not Keystone, which hangs in the next scenario: two failures of a service in 5 minutes move it.
    active, _ = scene
    before = pair.kill_unit(active, FM_API)
    pair.wait("fm-api runs again", lambda: pair.pid(active, FM_API) not in (0, before)
              and pair.service_is(active, "fm-api", "enabled-active"), RESTART_S)
    assert pair.redundant(active)
    stays(pair, active, GROUPS)
    assert not pair.events("400.001", "set")


@pytest.mark.parametrize(("name", "unit"), [("keystone", KEYSTONE), ("rabbit", "rabbitmq-server.service")])
def test_a_service_that_hangs_is_ended_and_started_anew_in_place(pair, scene, name, unit):
    """systemd calls a stopped process active, and the kernel goes on accepting its connections."""
    active, _ = scene
    before = pair.pid(active, unit)
    pair.on(active, "systemctl", "kill", "--signal=STOP", unit)
    pair.wait(f"{name} runs again", lambda: pair.pid(active, unit) not in (0, before)
              and pair.service_is(active, name, "enabled-active"), HANGS_S + (120 if name == "rabbit" else 0))
    shown(pair, active, "nothing answers at", 5)
    pair.settled(active)
    stays(pair, active, "cloud-services")


def test_scenario_03_a_minor_service_only_warns(pair, scene):
    active, standby = scene
    kill_twice(pair, active, "probe-minor")
    shown(pair, active, f"{GROUPS} is active here, warn", 20)
    raised(pair, "400.001", f"service_group={GROUPS}.host={active}", "minor")
    assert pair.leads(active) and pair.host(active)["availability"] == "available"
    stays(pair, active, GROUPS)
    pair.wait("recovered", lambda: pair.redundant(active), 90)
    pair.wait("cleared", lambda: not pair.alarms("400.001"), 60)


def test_scenario_04_a_major_service_degrades_the_group_and_the_host(pair, scene):
    active, standby = scene
    kill_twice(pair, active, "probe-major")
    shown(pair, active, f"{GROUPS} is active here, degraded", 20)
    pair.wait("the host is degraded", lambda: pair.host(active)["availability"] == "degraded", 20)
    raised(pair, "400.001", f"service_group={GROUPS}.host={active}", "major")
    assert pair.leads(active) and pair.host(standby)["availability"] == "available"
    stays(pair, active, GROUPS)
    pair.wait("recovered", lambda: pair.redundant(active), 90)
    pair.wait("cleared", lambda: not pair.alarms("400.001") and pair.host(active)["availability"] == "available", 60)


def test_scenario_05_without_an_unlocked_peer_it_is_recovered_in_place(pair, scene):
    active, standby = scene
    with pair.locked(standby):
        pair.wait("400.002", lambda: pair.alarms("400.002"), 30)
        kill_twice(pair, active, "probe")
        shown(pair, active, f"{GROUPS} is active here, failed recovery-failure", 20)
        raised(pair, "400.001", f"service_group={GROUPS}.host={active}", "critical")
        pair.wait("recovered in place", lambda: pair.service_is(active, "probe", "enabled-active"), RESTART_S)
        assert pair.leads(active) and pair.alarms("400.002")
        stays(pair, active, GROUPS)
    pair.wait("redundant", lambda: pair.redundant(active), 90)


def test_scenario_08_a_start_that_exceeds_its_time_is_killed_tried_again_and_counted(pair, scene):
    active, _ = scene
    pair.say(active, "probe", "start", "hang")
    pair.kill_probe(active, "probe")
    # Three attempts of 5 s each; the first failed action is followed by a stop.
    pair.wait("three attempts, and what follows", lambda: pair.calls(active, "probe", "start") >= 4 and
              pair.calls(active, "probe", "stop") >= 2, 40)
    pair.wait("it is counted", lambda: "did not end within" in pair.sm(active, "sm", "explain", GROUPS), 10)
    pair.unsay(active)
    pair.wait("started", lambda: pair.service_is(active, "probe", "enabled-active"), 60)
    pair.wait("redundant", lambda: pair.redundant(active), 60)
    programs = pair.on(active, "sh", "-c", "cat /proc/[0-9]*/cmdline | tr '\\0' ' '", check=False)
    assert "sm-daemon" in programs and "sleep 3607" not in programs, "attempts are killed with what they have started"
    stays(pair, active, GROUPS)


def test_scenario_09_data_that_synchronize_degrade_the_group_and_refuse_a_swact(pair, scene):
    active, standby = scene
    pair.say(standby, "probe-data", "monitor", 35)
    pair.wait("degraded", lambda: pair.group(active, GROUPS, standby) == "standby-degraded", 20)
    raised(pair, "400.001", f"service_group={GROUPS}.host={standby}", "major")
    pair.unsay(standby)
    pair.wait("current", lambda: pair.redundant(active), 30)


def test_scenario_10_a_member_of_a_group_on_both_controllers_crashes_on_one(pair, scene):
    active, standby = scene
    kill_twice(pair, active, "probe-shared")
    # Failed here, which is degraded while it is healthy there.
    pair.wait("degraded", lambda: pair.group(active, "probe-shared-services", active) == "active-degraded", 20)
    assert pair.group(active, "probe-shared-services", standby) == "active"
    raised(pair, "400.001", f"service_group=probe-shared-services.host={active}", "major")
    pair.wait("recovered", lambda: pair.redundant(active), 90)
    assert pair.told(standby, "probe-shared-services") is None


def test_scenario_29_an_unmanaged_service_is_left_alone_until_it_is_managed_again(pair, scene):
    active, _ = scene
    pair.sm(active, "sm-unmanage", "service", "keystone")
    before = pair.kill_unit(active, KEYSTONE)
    pair.holds("keystone stays down", lambda: pair.pid(active, KEYSTONE) == 0, 15)
    assert pair.leads(active)
    stays(pair, active, "cloud-services")
    pair.sm(active, "sm-manage", "service", "keystone")
    pair.wait("keystone runs again", lambda: pair.pid(active, KEYSTONE) not in (0, before)
              and pair.service_is(active, "keystone", "enabled-active"), RESTART_S)


def test_scenario_30_a_service_is_added_and_removed_without_a_restart(pair, scene):
    active, standby = scene
    daemons = {host: pair.pid(host, "flock-sm.service") for host in scene}
    member = ("service-group-member", GROUPS, "probe-minor", "--apply")
    for host in scene:
        assert "stops: probe-minor\n" in pair.sm(host, "sm-deprovision", *member)
    pair.wait("it is gone", lambda: pair.service(active, "probe-minor") is None
              and not pair.on(active, "sh", "-c", "cat /run/probe/probe-minor.pid", check=False), 30)
    assert pair.redundant(active)
    for host in scene:
        assert "starts: probe-minor\n" in pair.sm(host, "sm-provision", *member)
    pair.wait("it runs", lambda: pair.service_is(active, "probe-minor", "enabled-active"), 30)
    pair.wait("redundant", lambda: pair.redundant(active), 30)
    assert pair.service_is(standby, "probe-minor", "enabled-standby")
    assert "probe-minor" in cli("system", "service-list", quiet=True)
    assert {host: pair.pid(host, "flock-sm.service") for host in scene} == daemons


def test_scenario_06_a_stop_that_fails_is_tried_again_and_nothing_moves(pair, scene):
    active, standby = scene
    pair.say(active, "probe", "stop", 1)
    pair.sm(active, "sm", "swact")
    shown(pair, active, f"{GROUPS} is go-standby here, failed action-failure", 60)
    tried = pair.calls(active, "probe", "stop")
    assert tried >= 4
    pair.holds("nothing moves", lambda: pair.leads(active) and not pair.leads(standby), 15)
    assert pair.calls(active, "probe", "stop") > tried and machine(active)["stage"] == "up"
    pair.unsay(active)
    pair.wait(f"{standby} is active", lambda: pair.redundant(standby), 120)


def test_scenario_02_a_critical_service_that_is_killed_twice_moves_everything(pair, scene):
    active, standby = scene
    before = pair.kill_unit(active, KEYSTONE)
    pair.wait("keystone runs again", lambda: pair.pid(active, KEYSTONE) not in (0, before)
              and pair.service_is(active, "keystone", "enabled-active"), RESTART_S)
    pair.kill_unit(active, KEYSTONE)
    shown(pair, active, "cloud-services is active here, failed recovery-failure", 30)
    pair.wait(f"{standby} leads", lambda: pair.leads(standby), 60)
    pair.wait("keystone runs there", lambda: pair.service_is(standby, "keystone", "enabled-active"), 60)
    assert pair.pid(active, KEYSTONE) == 0
    pair.wait(f"{standby} has everything", lambda: pair.redundant(standby), 120)
    raised(pair, "400.001", f"service_group=cloud-services.host={active}", "critical")
    texts = {event["reason_text"] for event in pair.events("401.001")}
    assert any(text.startswith("Service group cloud-services state change from active to ") and active in text
               for text in texts), texts
    assert any(f"cloud-services state change from go-active to active on host {standby}" in text for text in texts)


def test_scenario_07_flapping_is_fatal_and_moves_everything_then_reboots(pair, scene):
    active, standby = scene
    started = boots(active)
    pair.say(active, "probe", "start", 1)
    pair.kill_probe(active, "probe")
    # Five failed transitions here in place of 16.
    shown(pair, active, f"{GROUPS} is active here, failed fatal-failure", 90)
    fatal = pair.told(active, f"{GROUPS} is active here, failed fatal-failure")
    pair.wait(f"{standby} leads", lambda: pair.leads(standby), 60)
    pair.wait("the reboot", lambda: boots(active) > started, 60)
    reboot = pair.told(active, "this node reboots")
    if reboot is not None:
        assert 29 <= reboot - fatal <= 40
    wait_for(f"{active} is up", lambda: pair.is_up(active), 120)
    pair.wait(f"{standby} has everything", lambda: pair.redundant(standby), 240)
