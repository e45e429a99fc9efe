# SPDX-License-Identifier: Apache-2.0
"""Acceptance scenarios of moves, locks and maintenance: 11-15, 18, 27 and 30, with whole controllers."""
import pytest

from flock.core.errors import Refused
from sm.admin import edits, provisioning
from sm.contract.control import Verb
from sm.contract.nodecommand import NodeAction
from sm.contract.states import Administrative, Operational, ServiceAction
from sm.core.events import AuditNow
from sm.core.node import ledger
from sm.core.servicenode import service_node
from sm.store.store import Store
from tests.sim.domainworld import PRODUCT
from tests.sim.scenariohosts import DOWN, UP, WARM
from tests.sim.scenarioworld import Site, slow
from tests.unit.sm.catalogue.sites import rows

pytestmark = pytest.mark.soak

CEPH = ("ceph", "rgw")


def shown(site, host):
    """A host as ``GET /v1/servicenode`` shows it."""
    leader = next(one for one in site.controllers if one.up and one.view.leading)
    return service_node(ledger.cluster(leader.node, leader.reactor.catalogue, leader.local_ms()), host.name)


def syncing(site, host):
    """An audit of the replicated directory says that it is being synchronized."""
    host.scripts["drbd-platform", ServiceAction.AUDIT_ENABLED] = lambda count: ("35", 20)
    host.feed(AuditNow("drbd-platform"))
    site.until(lambda: host.groups()["controller-services"][1:] == ("degraded", "data-syncing"), 2_000)
    site.world.run(1_000)


def test_scenario_11_host_swact(seed):
    site = Site(seed=seed).begin()
    verdict = site.check(site.first, "swact-pre-check")
    assert verdict.allowed and verdict.details is None and NodeAction.SWACT_PRE_CHECK.refused_status == 200
    assert (shown(site, site.first).active_services, shown(site, site.second).active_services) == ("yes", "no")
    site.first.say(Verb.SWACT, node="controller-0")
    took_ms = site.until(lambda: site.redundant(site.second), 120_000)
    assert took_ms <= 10_000
    assert [text for number, text in site.logs if number == "401.007"] == ["Swact issued against host controller-0"]
    assert (shown(site, site.first).active_services, shown(site, site.first).swactable_services) == ("no", "no")
    assert site.promotions == ["controller-0", "controller-1"] and site.alarms == {}
    logged = [text for number, text in site.logs if number == "401.001"]
    for group in site.catalogue.groups:
        assert any(f"{group} state change" in text and "to active on host controller-1" in text for text in logged)


def test_scenario_12_a_swact_is_refused_while_the_target_synchronizes_and_a_forced_one_proceeds(seed):
    site = Site(seed=seed).begin()
    syncing(site, site.second)
    verdict = site.check(site.first, "swact-pre-check")
    assert (verdict.code, verdict.allowed) == ("-1001", False)
    with pytest.raises(Refused, match="service is syncing data"):
        site.first.say(Verb.SWACT)
    site.world.run(2_000)
    assert site.redundant(site.first)
    site.first.say(Verb.SWACT, force=True)
    site.until(lambda: site.redundant(site.second), 120_000)
    assert site.promotions == ["controller-0", "controller-1"]


def test_scenario_13_a_swact_whose_target_does_not_start_goes_back(seed):
    site = Site(seed=seed).begin()
    site.second.scripts["keystone", ServiceAction.GO_ACTIVE] = lambda count: ("1", 50)
    site.first.say(Verb.SWACT)
    site.until(lambda: ("cloud-services", "go-active", "failed", "action-failure") in site.second.history, 60_000)
    back_ms = site.until(lambda: site.active_is(site.first), 20_000)
    assert back_ms <= 10_000
    site.second.scripts.clear()
    site.until(lambda: site.redundant(site.first), 120_000)
    site.holds(lambda: site.active_is(site.first), 20_000)


def test_scenario_13_a_forced_swact_does_not_go_back(seed):
    site = Site(seed=seed, timing=slow()).begin()
    site.second.scripts["keystone", ServiceAction.GO_ACTIVE] = lambda count: ("1", 50)
    site.first.say(Verb.SWACT, force=True)
    site.until(lambda: ("cloud-services", "go-active", "failed", "action-failure") in site.second.history, 60_000)
    site.holds(lambda: site.second.view.leading, 30_000)
    site.second.scripts.clear()
    site.until(lambda: site.redundant(site.second), 120_000)


def test_scenario_14_a_host_that_alone_provides_services_cannot_be_locked(seed):
    site = Site("duplex", "starlingx", CEPH, seed=seed, timing=slow()).begin()
    site.first.scripts["lighttpd", ServiceAction.ENABLE] = lambda count: ("1", 50)
    site.first.die("lighttpd")
    site.world.run(15_000)
    for action, status in ((NodeAction.LOCK_PRE_CHECK, 200), (NodeAction.LOCK, 400)):
        verdict = site.check(site.second, action)
        assert (verdict.code, verdict.allowed, action.refused_status) == ("-1003", False, status)
        assert "lighttpd" in verdict.impact and "open-ldap" not in verdict.impact
        assert verdict.details == "controller-1 is the sole provider of some services."
    site.first.scripts.clear()
    site.until(lambda: site.check(site.second, "lock-pre-check").allowed, 120_000)


def test_scenario_15_lock_and_unlock_of_the_standby(seed):
    site = Site("duplex", "starlingx", CEPH, seed=seed, timing=slow()).begin()
    shared = {name for name, group in site.catalogue.groups.items() if not group.movable}
    site.second.maintenance(administrative=Administrative.LOCKED)
    site.until(lambda: all(site.second.groups()[name][0] == "disabled" for name in shared), 30_000)
    site.world.run(6_000)
    assert all(told[0] == "standby" for name, told in site.second.groups().items() if name not in shared)
    assert site.lost_redundancy() == set(site.catalogue.groups)
    assert site.active_is(site.first) and site.first.view.durable.record.members == {"controller-0"}
    # Host maintenance may reset a host that is locked: nobody takes that for its death, or waits for it.
    site.reset(site.second, 20_000)
    site.holds(lambda: site.first.view.required == frozenset(), 40_000)
    # It reboots a host that is unlocked, and tests it before it is enabled.
    site.second.maintenance(administrative=Administrative.UNLOCKED, operational=Operational.DISABLED)
    site.second.goes_down()
    site.reset(site.second, 20_000)
    site.world.run(25_000)
    site.second.maintenance(operational=Operational.ENABLED)
    site.until(lambda: site.redundant(site.first), 120_000)
    site.until(lambda: site.alarms == {}, 5_000)
    assert site.promotions == ["controller-0"] and site.fences == 0


def test_scenario_18_the_standby_reboots(seed):
    site = Site(seed=seed).begin()
    site.reset(site.second, 25_000)
    site.until(lambda: site.lost_redundancy() == set(site.catalogue.groups), 10_000)
    site.holds(lambda: site.active_is(site.first) and site.first.view.leading, 10_000)
    site.until(lambda: site.redundant(site.first), 90_000)
    site.until(lambda: site.alarms == {}, 5_000)
    assert site.promotions == ["controller-0"] and site.reboots == []


def test_scenario_18_the_standby_reboots_in_order(seed):
    """As above, but its last words keep it from being fenced while it boots."""
    site = Site(seed=seed).begin()
    site.second.goes_down()
    site.world.run(500)
    assert site.first.view.required == frozenset(), "no write waits for it"
    site.reset(site.second, 40_000)
    site.until(lambda: site.lost_redundancy() == set(site.catalogue.groups), 10_000)
    site.holds(lambda: site.active_is(site.first) and site.first.view.leading, 25_000)
    assert "400.005" not in {key[0] for key in site.alarms}
    site.until(lambda: site.redundant(site.first), 90_000)
    site.until(lambda: site.alarms == {}, 5_000)
    assert (site.promotions, site.reboots, site.fences) == (["controller-0"], [], 0)


@pytest.mark.parametrize(("announced", "away_ms"), [(True, 3_000), (False, 500)])
def test_scenario_27_the_daemon_of_the_standby_restarts(seed, announced, away_ms):
    site = Site(seed=seed).begin()
    site.second.end_daemon(announced=announced)
    site.world.run(away_ms)
    site.second.start_daemon()
    site.until(lambda: site.redundant(site.first), 30_000)
    assert site.promotions == ["controller-0"] and site.fences == 0 and site.second.host_boots == 1
    assert site.second.resumed
    site.holds(lambda: site.redundant(site.first), 10_000)


def test_scenario_27_a_standby_whose_daemon_stays_away_is_fenced_and_nothing_moves(seed):
    site = Site(seed=seed).begin()
    site.second.end_daemon()
    site.until(lambda: site.fences == 1, PRODUCT.silent_ms + 1_000)
    site.until(lambda: site.redundant(site.first), 60_000)
    assert site.promotions == ["controller-0"] and site.second.host_boots == 2


def test_scenario_27_the_daemon_of_the_active_controller_restarts(seed):
    """Nothing stops and nothing moves."""
    site = Site(seed=seed).begin()
    before = dict(site.first.running)
    site.first.end_daemon(announced=True)
    site.world.run(3_000)
    assert site.first.running == before
    site.first.start_daemon()
    site.until(lambda: site.redundant(site.first), 30_000)
    assert site.promotions == ["controller-0"] and site.fences == 0 and site.first.running == before



def provisioned(site, paths, program, capsys, *words):
    """``sm-provision`` or ``sm-deprovision`` on both controllers, each with its own store and daemon; what it says."""
    for host in site.controllers:
        def notify(version, host=host):
            host.say(Verb.CONFIGURATION, version=version)
        name = f"sm-{program}"
        assert provisioning.main(name, program == "provision", [*words, "--apply", "--store", str(paths[host.name])],
                                 notify) == 0
    return capsys.readouterr().out


def test_scenario_30_a_service_is_added_and_removed_without_a_restart(seed, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("os.geteuid", lambda: 0)
    site = Site(seed=seed).begin()
    paths = {host.name: tmp_path / f"{host.name}.db" for host in site.controllers}
    for host in site.controllers:
        host.stored = Store.open(paths[host.name], rows)
    member = ("service-group-member", "controller-services", "fm-api")
    assert "stops: fm-api\n" in provisioned(site, paths, "deprovision", capsys, *member)
    site.until(lambda: site.first.running["fm-api"] is DOWN, 10_000, "fm-api stops and does not return")
    site.until(lambda: "fm-api" not in site.first.node.local.services, 1_000)
    for host in site.controllers:
        assert "fm-api" not in {line.name for line in host.console.status().services}
    assert site.redundant(site.first) is True
    site.world.run(10_000)
    assert "starts: fm-api\n" in provisioned(site, paths, "provision", capsys, *member)
    site.until(lambda: site.first.running["fm-api"] is UP, 10_000)
    site.until(lambda: site.redundant(site.first), 10_000)
    listed = {line.name: line.state for line in site.first.console.status().services}
    assert listed["fm-api"] is UP
    site.world.run(10_000)
    assert site.redundant(site.first) and site.second.running["fm-api"] is WARM
    assert site.promotions == ["controller-0"] and site.alarms == {}
    assert all(host.boots == 1 for host in site.controllers)
    site.first.say(Verb.SWACT)
    site.until(lambda: site.redundant(site.second), 60_000)
    assert site.second.running["fm-api"] is UP
    for host in site.controllers:
        host.stored.close()


def test_scenario_30_a_redefined_service_is_stopped_as_it_was_defined(seed, tmp_path):
    """The address that is taken away is the old one, not the one that comes."""
    site = Site(seed=seed).begin()
    executed, attempt = [], site.first.attempt

    def seen(action, spec, tries, boots):
        executed.append((action.service, action.action, spec.parameters.get("ip")))
        attempt(action, spec, tries, boots)
    site.first.attempt = seen
    site.first.stored = Store.open(tmp_path / "sm.db", rows)
    old = site.catalogue.services["oam-ipv4"].parameters["ip"]
    parameters = "ip=192.168.10.99,cidr_netmask=24,nic=eth-oam"
    site.first.stored.change(edits.service_instance("oam-ipv4", "oam-ip", parameters), "sm-configure service_instance")
    site.first.say(Verb.CONFIGURATION)

    def changes():
        return [(kind, ip) for name, kind, ip in executed if name == "oam-ipv4" and "audit" not in kind]
    site.until(lambda: len(changes()) == 2 and site.first.running["oam-ipv4"] is UP, 10_000)
    assert changes() == [(ServiceAction.DISABLE, old), (ServiceAction.ENABLE, "192.168.10.99")]
    site.first.stored.close()
