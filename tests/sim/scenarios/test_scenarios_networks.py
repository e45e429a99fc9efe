# SPDX-License-Identifier: Apache-2.0
"""Acceptance scenarios of power and networks: 16, 17, 19-26, with whole controllers.

StarlingX guesses where it hears nothing; here a controller is promoted only by a fence, a lease or an operator's word,
and networks are judged by carriers and by targets that answer or do not.
"""
import pytest

from sm.contract.control import Verb
from sm.contract.states import Policy
from sm.core.reachability import PROBE_MS, SILENT_PROBES
from tests.sim.domainworld import PATHS, PRODUCT, lab
from tests.sim.scenariohosts import UP
from tests.sim.scenarioworld import Site

pytestmark = pytest.mark.soak

BMC_MS = 2_000
"""A BMC answers within that time, and the answer is heard at the next beat."""
FENCED_MS = PRODUCT.silent_ms + PRODUCT.fence_delay_ms + BMC_MS
MAJORITY_MS = PRODUCT.silent_ms + PRODUCT.majority_delay_ms + BMC_MS
ELECTED_MS = PRODUCT.lease_ms + 2 * PRODUCT.stagger_ms + PRODUCT.silent_ms
MINUTE = 60_000
ALARMED_MS = 32_000
"""400.005 is raised after 30 s."""


def ports(host, *paths):
    return [(host, path) for path in paths or PATHS]


def leads(host):
    return lambda: host.up and host.view.leading


def taken_over(site, decided_ms):
    """C1 has the lease in time, then addresses and database, then everything."""
    site.until(leads(site.second), decided_ms, "the decision")
    first = ("management-ipv4", "oam-ipv4", "postgres")
    site.until(lambda: all(site.second.running[name] is UP for name in first), MINUTE)
    site.until(lambda: site.active_is(site.second), 3 * MINUTE)
    assert site.promotions == ["controller-0", "controller-1"]


@pytest.mark.parametrize(("timing", "decided_ms"), [(PRODUCT, FENCED_MS), (lab(), 4_500)])
def test_scenario_16_the_active_controller_of_a_standard_system_loses_power(seed, timing, decided_ms):
    site = Site("standard", seed=seed, timing=timing).begin()
    site.power_off(site.first)
    taken_over(site, decided_ms)
    assert site.fences == 1
    assert all(site.told(site.first, group).state == "disabled" for group in site.catalogue.groups)
    site.until(lambda: site.lost_redundancy() == set(site.catalogue.groups), 10_000)
    site.until(lambda: site.path_alarms() == {("controller-1", path) for path in PATHS}, ALARMED_MS)
    site.power_on(site.first)
    site.until(lambda: site.redundant(site.second), MINUTE)
    site.until(lambda: site.alarms == {} and site.path_alarms() == set(), ALARMED_MS)


def test_scenario_16_with_a_witness_on_a_worker(seed):
    site = Site("standard", seed=seed, witness=True, bmc=False).begin()
    site.power_off(site.first)
    taken_over(site, ELECTED_MS)
    site.power_on(site.first)
    site.until(lambda: site.redundant(site.second), MINUTE)


def test_scenario_16_with_a_witness_and_a_bmc(seed):
    site = Site("standard", seed=seed, witness=True).begin()
    site.power_off(site.first)
    site.holds(lambda: not site.second.view.leading, PRODUCT.silent_ms + PRODUCT.majority_delay_ms - 200)
    taken_over(site, MAJORITY_MS)
    assert site.fences == 1 and min(FENCED_MS, ELECTED_MS) > MAJORITY_MS
    site.power_on(site.first)
    site.until(lambda: site.redundant(site.second), MINUTE)


def test_scenario_17_the_active_controller_loses_power_and_is_fenced(seed):
    site = Site(seed=seed).begin()
    site.power_off(site.first)
    site.holds(lambda: not site.second.view.leading, PRODUCT.silent_ms + PRODUCT.fence_delay_ms - 200)
    taken_over(site, BMC_MS + 200)
    assert "controller-0: it is switched off" in site.second.view.reason


def test_scenario_17_without_a_proof_the_standby_waits_for_an_operator(seed):
    site = Site(seed=seed, bmc=False).begin()
    site.power_off(site.first)
    site.holds(lambda: not site.second.view.leading, MINUTE // 2)
    assert "controller-0 is neither heard nor proven to be off" in site.second.view.reason
    site.until(lambda: site.path_alarms() == {("controller-1", path) for path in PATHS}, ALARMED_MS)
    assert "controller-1 stands for election" in site.second.say(Verb.FORCE_ACTIVE, accept_loss=True)
    taken_over(site, 2_000)


def test_scenario_17_under_promote_the_standby_follows_when_the_lease_has_ended(seed):
    site = Site(seed=seed, bmc=False, policy=Policy.PROMOTE).begin()
    site.power_off(site.first)
    site.holds(lambda: not site.second.view.leading, PRODUCT.lease_ms - 200)
    taken_over(site, ELECTED_MS)


@pytest.mark.parametrize("mode", ["duplex", "standard"])
def test_scenario_19_the_active_controller_loses_its_management_port(seed, mode):
    site = Site(mode, seed=seed).begin()
    site.cut((site.first, "mgmt"))
    took_ms = site.until(lambda: site.active_is(site.second), MINUTE)
    assert took_ms <= 10_000 and site.fences == 0 and site.first.up
    assert site.promotions == ["controller-0", "controller-1"]
    site.until(lambda: site.lost_redundancy() == set(site.catalogue.groups), 10_000)
    site.until(lambda: site.path_alarms() == {("controller-0", "mgmt")}, ALARMED_MS)
    site.mend()
    site.until(lambda: site.redundant(site.second), 20_000)
    site.until(lambda: site.alarms == {} and site.path_alarms() == set(), ALARMED_MS)
    site.holds(lambda: site.redundant(site.second), 10_000)


def test_scenario_19_the_switch_behind_the_management_port_fails(seed):
    """The port keeps its carrier; that nothing answers there any more proves the fault."""
    site = Site(seed=seed).begin()
    site.deaf.add(("controller-0", "mgmt"))
    site.part("mgmt")
    took_ms = site.until(lambda: site.active_is(site.second), MINUTE)
    assert took_ms <= (SILENT_PROBES + 2) * PROBE_MS + 10_000 and site.fences == 0
    site.until(lambda: ("controller-0", "mgmt") in site.path_alarms(), ALARMED_MS)
    site.deaf.clear()
    site.join()
    site.until(lambda: site.redundant(site.second), 20_000)


def test_scenario_20_the_standby_loses_its_management_port(seed):
    site = Site(seed=seed).begin()
    site.cut((site.second, "mgmt"))
    site.holds(lambda: site.active_is(site.first) and site.first.view.leading, ALARMED_MS)
    site.until(lambda: site.path_alarms() == {("controller-1", "mgmt")}, 3_000)
    assert site.lost_redundancy() == set(site.catalogue.groups)
    assert not site.check(site.first, "swact-pre-check").allowed
    site.mend()
    site.until(lambda: site.redundant(site.first), 20_000)
    site.until(lambda: site.alarms == {} and site.path_alarms() == set(), ALARMED_MS)
    assert site.promotions == ["controller-0"] and site.fences == 0


def test_scenario_21_the_active_controller_loses_its_oam_port(seed):
    site = Site(seed=seed).begin()
    site.cut((site.first, "oam"))
    took_ms = site.until(lambda: site.redundant(site.second), MINUTE)
    assert took_ms <= 10_000 and site.fences == 0
    site.until(lambda: site.path_alarms() == {("controller-0", "oam")}, ALARMED_MS)
    site.mend()
    site.until(lambda: site.path_alarms() == set(), ALARMED_MS)
    assert site.redundant(site.second) and site.promotions == ["controller-0", "controller-1"]


def test_scenario_22_the_direct_cable_is_cut(seed):
    site = Site("duplex-direct", seed=seed).begin()
    site.cut(*ports(site.first, "mgmt", "cluster-host"))
    site.holds(lambda: site.active_is(site.first) and site.first.view.leading, ALARMED_MS)
    both = {(host, path) for host in site.names for path in ("mgmt", "cluster-host")}
    site.until(lambda: site.path_alarms() == both, 3_000)
    assert site.promotions == ["controller-0"] and site.fences == 0
    assert site.lost_redundancy() == set(site.catalogue.groups)
    site.mend()
    site.until(lambda: site.redundant(site.first), 20_000)


@pytest.mark.parametrize("mode", ["duplex", "duplex-direct"])
def test_scenario_23_all_paths_are_lost_and_bmcs_work(seed, mode):
    site = Site(mode, seed=seed).begin()
    site.part()
    site.world.run(MINUTE)
    assert site.active_is(site.first) and site.first.view.leading and site.serving() == ["controller-0"]
    assert site.second.host_boots > 1 and site.first.host_boots == 1
    assert site.promotions == ["controller-0"]
    site.join()
    site.until(lambda: site.redundant(site.first), MINUTE)


def test_scenario_24_all_paths_are_lost_without_a_bmc_and_the_policy_is_freeze(seed):
    site = Site(seed=seed, bmc=False).begin()
    site.part()
    site.world.run(MINUTE)
    assert site.active_is(site.first) and site.first.view.leading and site.promotions == ["controller-0"]
    assert "controller-0 is neither heard nor proven to be off" in site.second.view.reason
    assert site.path_alarms() == {(host, path) for host in site.names for path in PATHS}
    assert site.lost_redundancy() == set(site.catalogue.groups)
    site.join()
    site.until(lambda: site.redundant(site.first), MINUTE)


def test_scenario_24_all_paths_are_lost_without_a_bmc_and_the_policy_is_promote(seed):
    site = Site(seed=seed, bmc=False, policy=Policy.PROMOTE).begin()
    site.part()
    site.until(lambda: site.active_is(site.second), MINUTE)
    site.world.run(MINUTE // 2)
    assert site.serving() == ["controller-1"] and site.promotions == ["controller-0", "controller-1"]
    assert site.path_alarms() == {(host, path) for host in site.names for path in PATHS}
    site.join()
    site.until(lambda: site.redundant(site.second), MINUTE)


def test_scenario_24_all_paths_are_lost_and_a_witness_decides(seed):
    site = Site(seed=seed, bmc=False, witness=True).begin()
    site.part()
    site.world.run(MINUTE)
    assert site.active_is(site.first) and site.promotions == ["controller-0"]
    site.join()
    site.until(lambda: site.redundant(site.first), MINUTE)


def test_scenario_25_the_isolated_active_controller_yields(seed):
    site = Site("standard", seed=seed).begin()
    site.cut(*ports(site.first))
    taken_over(site, FENCED_MS)
    assert site.fences == 1 and site.first.host_boots <= 2
    site.world.run(20_000)
    assert site.serving() == ["controller-1"] and not site.first.view.leading
    site.mend()
    site.until(lambda: site.redundant(site.second), MINUTE)


def test_scenario_25_with_a_witness_it_stops_before_its_lease_ends(seed):
    site = Site("standard", seed=seed, bmc=False, witness=True).begin()
    site.cut(*ports(site.first))
    taken_over(site, ELECTED_MS)
    assert site.bites == 0 and site.first.host_boots == 1
    site.mend()
    site.until(lambda: site.redundant(site.second), MINUTE)


def test_scenario_25_with_a_witness_and_a_bmc_only_the_isolated_one_is_fenced(seed):
    """The ports keep their carriers, so the isolated one cannot know that the fault is at its end."""
    site = Site("standard", seed=seed, witness=True).begin()
    site.isolate(site.first)
    taken_over(site, MAJORITY_MS)
    assert site.fences == 1 and site.second.host_boots == 1 and site.promotions == ["controller-0", "controller-1"]
    site.join()
    site.until(lambda: site.redundant(site.second), MINUTE)


@pytest.mark.parametrize("witness", [False, True])
def test_scenario_26_a_daemon_that_stands_still_loses_its_host(seed, witness):
    site = Site(seed=seed, witness=witness, bmc=not witness).begin()
    site.first.stall(10_000)
    taken_over(site, ELECTED_MS + 2_000 if witness else FENCED_MS)
    assert (site.fences, site.bites) == ((0, 1) if witness else (1, 0))
    site.until(lambda: site.redundant(site.second), MINUTE)


def test_scenario_26_without_a_proof_nothing_moves(seed):
    site = Site(seed=seed, bmc=False).begin()
    site.first.stall(10_000)
    site.holds(lambda: site.active_is(site.first) and not site.second.view.leading, 12_000)
    site.until(lambda: site.redundant(site.first), MINUTE)
    assert site.promotions == ["controller-0"] and site.first.host_boots == 1
