# SPDX-License-Identifier: Apache-2.0
"""Acceptance scenarios of services that fail or do not obey: 1-10 and 29, with whole controllers."""
import re

import pytest

from sm.contract.control import Verb
from sm.contract.states import Administrative, GroupState, ServiceAction
from sm.core.events import AuditNow
from tests.sim.scenariohosts import DOWN, UP
from tests.sim.scenarioworld import Site, slow

pytestmark = pytest.mark.soak

CEPH = ("ceph", "rgw")
HOUR = 3_600_000.0
RESTART_MS = 30_000


def service(host, name):
    return host.node.local.services[name]


def kill(site, host, name, times, limit_ms=RESTART_MS):
    """Kill a service as often as said, each time when it runs; not followed after the last time."""
    for count in range(times):
        site.until(lambda: host.running[name] is UP and service(host, name).state is UP, limit_ms, f"{name} runs")
        cleaned = host.attempts.get((name, ServiceAction.DISABLE), 0)
        host.die(name)
        if count < times - 1:
            site.until(lambda cleaned=cleaned: host.attempts.get((name, ServiceAction.DISABLE), 0) > cleaned, limit_ms,
                       f"the end of {name} is noticed")


def test_scenario_01_a_service_that_is_killed_once_is_restarted_in_place(seed):
    site = Site(seed=seed, timing=slow()).begin()
    kill(site, site.first, "keystone", 1)
    site.until(lambda: service(site.first, "keystone").fail_count == 1, 1_000)
    for _ in range(RESTART_MS // 100):
        site.world.run(100)
        assert site.first.groups()["cloud-services"] == ("active", "", "")
    assert site.first.running["keystone"] is UP and site.redundant(site.first)
    site.world.run(91_000 - RESTART_MS)
    assert service(site.first, "keystone").fail_count == 0
    assert site.alarms == {} and site.logs == [] and site.promotions == ["controller-0"]


@pytest.mark.parametrize("platform", ["flock", "starlingx"])
def test_scenario_02_a_critical_service_that_is_killed_twice_moves_everything(seed, platform):
    site = Site("duplex", platform, seed=seed).begin()
    kill(site, site.first, "keystone", 2)
    site.until(lambda: ("cloud-services", "active", "failed", "recovery-failure") in site.first.history, 2_000)
    site.until(lambda: site.alarm("400.001", "cloud-services", site.first) == "critical", 1_000)
    site.until(lambda: site.moved(site.second), 60_000)
    assert site.second.running["keystone"] is UP and site.first.running["keystone"] is not UP
    assert site.alarm("400.001", "cloud-services", site.first) == "critical"
    told = [text for number, text in site.logs if number == "401.001"]
    assert any(re.match("Service group cloud-services state change from active to .*-failed on host controller-0", text)
               for text in told)
    assert any("cloud-services state change from go-active to active on host controller-1" in text for text in told)
    # What does not belong to the aggregate stays, and its host is not reset when the lease leaves it.
    site.holds(lambda: site.moved(site.second), 20_000)
    assert site.bites == 0 and site.first.host_boots == 1


@pytest.mark.parametrize("followed", [False, True])
def test_scenario_02_what_needs_only_a_grant_does_not_stop_when_the_lead_is_handed_over(seed, followed):
    """The leader resigns in favour of the other node; its own last orders hold until those of the new leader arrive,
    and no orders that it got when it followed another one before."""
    site = Site("duplex", "starlingx", seed=seed).begin()
    if followed:
        for here, there in ((site.first, site.second), (site.second, site.first)):
            here.say(Verb.SWACT)
            site.until(lambda there=there: site.redundant(there), 120_000)
        site.world.run(5_000)
    assert site.first.running["patch-alarm-manager"] is UP and site.first.view.leading
    stopped = []

    def look(world):
        if site.first.running["patch-alarm-manager"] is not UP:
            stopped.append(world.now_ms)

    site.world.always(look)
    kill(site, site.first, "keystone", 2)
    site.until(lambda: site.second.view.leading and site.moved(site.second), 60_000)
    site.world.run(20_000)
    assert stopped == []
    assert site.bites == 0 and site.first.host_boots == 1


def test_scenario_03_a_minor_service_only_warns(seed):
    site = Site("duplex", "starlingx", CEPH, seed=seed, timing=slow()).begin()
    kill(site, site.first, "ceph-radosgw", 2, 60_000)
    site.until(lambda: ("storage-monitoring-services", "active", "warn", "recovery-failure") in site.first.history,
               60_000)
    site.until(lambda: site.alarm("400.001", "storage-monitoring-services", site.first) == "minor", 2_000)
    assert not site.first.node.local.degraded
    site.until(lambda: site.first.running["ceph-radosgw"] is UP, 120_000)
    site.world.run(10_000)
    assert site.redundant(site.first) and site.promotions == ["controller-0"]
    assert site.lost_redundancy() == set()


def test_scenario_04_a_major_service_degrades_the_group_and_the_host(seed):
    site = Site("duplex", "starlingx", CEPH, seed=seed, timing=slow()).begin()
    kill(site, site.first, "cert-alarm", 2, 60_000)
    site.until(lambda: ("controller-services", "active", "degraded", "recovery-failure") in site.first.history, 60_000)
    assert site.first.node.local.degraded and not site.second.node.local.degraded
    site.until(lambda: site.alarm("400.001", "controller-services", site.first) == "major", 2_000)
    site.until(lambda: site.first.running["cert-alarm"] is UP, 120_000)
    site.world.run(10_000)
    assert site.redundant(site.first) and site.promotions == ["controller-0"]


def test_scenario_05_without_an_unlocked_peer_it_is_recovered_in_place(seed):
    site = Site(seed=seed).begin()
    site.second.maintenance(administrative=Administrative.LOCKED)
    site.until(lambda: site.lost_redundancy() == set(site.catalogue.groups), 10_000)
    kill(site, site.first, "keystone", 2)
    site.until(lambda: ("cloud-services", "active", "failed", "recovery-failure") in site.first.history, 2_000)
    site.until(lambda: site.first.running["keystone"] is UP, RESTART_MS)
    site.world.run(2_000)
    assert site.alarm("400.001", "cloud-services", site.first) == "critical"
    assert site.alarm("400.002", "cloud-services") == "major"
    site.holds(lambda: site.active_is(site.first) and site.first.view.leading, 30_000)
    assert site.promotions == ["controller-0"]


def test_scenario_06_a_stop_that_fails_is_tried_again_and_nothing_moves(seed):
    site = Site(seed=seed, timing=slow()).begin()
    site.first.scripts["haproxy", ServiceAction.DISABLE] = lambda count: ("1", 50)
    site.first.say(Verb.SWACT)
    site.until(lambda: service(site.first, "haproxy").action_failures >= 4, 60_000)
    assert site.first.groups()["oam-services"] == ("go-standby", "failed", "action-failure")
    tried = site.first.attempts["haproxy", ServiceAction.DISABLE]
    assert tried >= 8
    site.holds(lambda: not site.second.view.leading and site.second.running["oam-ipv4"] is DOWN, 60_000)
    assert site.first.attempts["haproxy", ServiceAction.DISABLE] > tried
    assert site.reboots == [] and site.promotions == ["controller-0"]
    site.until(lambda: site.alarm("400.001", "oam-services", site.first) == "critical", 1_000)
    del site.first.scripts["haproxy", ServiceAction.DISABLE]
    site.until(lambda: site.redundant(site.second), 120_000)


def flapping(site, host):
    """A service of controller-services that starts no more; it ends with its 16th failed transition."""
    host.scripts["fm-mgr", ServiceAction.ENABLE] = lambda count: ("1", 50)
    host.die("fm-mgr")
    # Without a peer the leader clears it at once, so it may be gone when the world is looked at.
    site.until(lambda: any(told[0] == "controller-services" and told[2:] == ("failed", "fatal-failure")
                           for told in host.history), 1_200_000)
    assert host.attempts["fm-mgr", ServiceAction.ENABLE] >= 16 * 3


def test_scenario_07_flapping_is_fatal_and_moves_everything_then_reboots(seed):
    site = Site(seed=seed, timing=slow(20)).begin()
    flapping(site, site.first)
    assert site.promotions == ["controller-0"]
    fatal_ms = site.world.now_ms
    site.until(lambda: site.active_is(site.second), 60_000)
    site.until(lambda: site.reboots == ["controller-0"], 60_000)
    assert 30_000 <= site.world.now_ms - fatal_ms <= 35_000
    site.first.scripts.clear()
    site.until(lambda: site.redundant(site.second), 120_000)


def test_scenario_07_flapping_without_a_peer_is_cleared_and_recovered(seed):
    site = Site(seed=seed, timing=slow(20)).begin()
    site.second.maintenance(administrative=Administrative.LOCKED)
    flapping(site, site.first)
    site.first.scripts.clear()
    site.until(lambda: site.active_is(site.first), 120_000)
    site.world.run(60_000)
    assert site.reboots == [] and site.promotions == ["controller-0"]


def test_scenario_08_a_start_that_exceeds_its_time_is_killed_tried_again_and_counted(seed):
    site = Site("duplex", "starlingx", seed=seed, timing=slow()).begin()
    limit_ms = site.catalogue.services["keystone"].actions[ServiceAction.ENABLE].timeout_s * 1_000
    site.first.scripts["keystone", ServiceAction.ENABLE] = lambda count: ("0", HOUR)
    site.first.die("keystone")
    site.until(lambda: service(site.first, "keystone").action_failures == 1, 4 * limit_ms)
    assert site.first.killed == [("keystone", ServiceAction.ENABLE, limit_ms)] * 3
    assert "did not end within" in service(site.first, "keystone").reason
    site.first.scripts.clear()
    site.until(lambda: site.redundant(site.first), 30_000)
    assert site.promotions == ["controller-0"]


def test_scenario_09_data_that_synchronize_degrade_the_group_and_refuse_a_swact(seed):
    site = Site(seed=seed).begin()
    site.second.scripts["drbd-platform", ServiceAction.AUDIT_ENABLED] = lambda count: ("35", 20)
    site.second.feed(AuditNow("drbd-platform"))
    site.until(lambda: site.second.groups()["controller-services"] == ("standby", "degraded", "data-syncing"), 2_000)
    site.world.run(1_000)
    verdict = site.check(site.first, "swact-pre-check")
    assert (verdict.code, verdict.details) == (
        "-1001", "controller-services on controller-1 is not ready to take service, service is syncing data")
    assert service(site.second, "drbd-platform").state == "enabled-standby"
    assert site.alarm("400.001", "controller-services", site.second) == "major"
    del site.second.scripts["drbd-platform", ServiceAction.AUDIT_ENABLED]
    site.second.feed(AuditNow("drbd-platform"))
    site.until(lambda: site.check(site.first, "swact-pre-check").allowed, 5_000)


def test_scenario_10_a_member_of_a_group_on_both_controllers_crashes_on_one(seed):
    site = Site("duplex", "starlingx", CEPH, seed=seed, timing=slow()).begin()
    before = site.second.groups()
    kill(site, site.first, "lighttpd", 2, 60_000)
    site.until(lambda: site.told(site.first, "web-services").status == "degraded", 60_000)
    assert site.told(site.first, "web-services").state is GroupState.ACTIVE
    site.until(lambda: site.alarm("400.001", "web-services", site.first) == "major", 2_000)
    assert site.second.groups() == before and site.promotions == ["controller-0"]
    site.until(lambda: site.first.running["lighttpd"] is UP, 120_000)
    site.world.run(5_000)
    assert site.redundant(site.first) and site.lost_redundancy() == set()


def test_scenario_29_an_unmanaged_service_is_left_alone_until_it_is_managed_again(seed):
    site = Site(seed=seed, timing=slow()).begin()
    site.first.say(Verb.UNMANAGE, service="keystone")
    attempts = dict(site.first.attempts)
    site.first.die("keystone")
    site.holds(lambda: site.first.running["keystone"] is DOWN, 60_000)
    changed = {key for key, count in site.first.attempts.items() if count != attempts.get(key)}
    assert not {key for key in changed if key[0] == "keystone" and key[1] in (
        ServiceAction.ENABLE, ServiceAction.DISABLE)}
    assert site.first.groups()["cloud-services"] == ("active", "", "") and site.alarms == {}
    site.first.say(Verb.MANAGE, service="keystone")
    site.until(lambda: site.redundant(site.first), RESTART_MS)
    assert site.promotions == ["controller-0"]
