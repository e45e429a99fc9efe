# SPDX-License-Identifier: Apache-2.0
"""Networks, bus and heartbeat daemons that fail under a healthy host: it is never struck. A dead host is recovered.

The world of these stories refuses every strike for silence of a host that can be heard.
"""
from dataclasses import replace
from random import Random

import pytest

from flock.sim import seeds
from mtce.contract.states import HostAction
from mtce.core.settings import HeartbeatAction, Settings
from mtce.core.view import Level, Network, Stage

QUICK = Settings(bmc_reset_delay_ms=60_000, bmc_reset_lead_ms=20_000, heartbeat_soak_ms=5_000,
                 worker_boot_timeout_ms=200_000, recovery_attempts_max=50)


def struck(s):
    return s.machine.resets, s.machine.reboot_commands, s.machine.power_ons, s.strikes


@pytest.mark.parametrize("seconds", [12, 30, 600, 14_400])
def test_management_cut_and_healed_costs_neither_strike_nor_tests(story, seconds):
    s = story(bmc=True).enabled().forget_story()
    boot = s.machine.boot
    s.machine.mgmt_cut = True
    s.run_s(seconds)
    if seconds > 20:
        assert s.view.states() == ("unlocked", "disabled", "failed")
        assert s.view.alarms == (("200.005", ".network=Management", "critical"),)
        assert s.view.task == "No heartbeat on Management, alive on cluster-host"
        assert s.view.stage is Stage.HOLD
        assert len(s.view.task) <= 63
    s.machine.mgmt_cut = False
    s.until_states("unlocked-enabled-available", 60)
    assert struck(s) == (0, 0, 0, [])
    assert s.machine.boot == boot
    assert "Testing" not in s.tasks
    assert s.alarms() == set()
    assert s.view.task == "Gracefully Recovered"
    assert len(s.tasks) < 8


def test_host_that_dies_behind_the_cut_is_recovered(story):
    s = story(bmc=True).enabled().forget_story()
    s.machine.mgmt_cut = True
    s.run_s(300)
    s.hang().run_s(400)
    assert s.machine.resets == 1
    s.machine.mgmt_cut = False
    s.until_states("unlocked-enabled-available", 200)
    assert s.machine.resets == 1
    assert [reason.partition(":")[0] for _, reason in s.strikes] == ["silence", "silence"]


def test_host_that_reboots_behind_the_cut_is_tested_when_it_is_back(story):
    s = story(bmc=True).enabled().forget_story()
    s.machine.mgmt_cut = True
    s.run_s(60)
    s.machine.boot_ms = 3_000
    s.reboot_by_itself().run_s(600)
    assert s.view.states() == ("unlocked", "disabled", "failed")
    s.machine.mgmt_cut = False
    s.until_states("unlocked-enabled-available", 60)
    assert struck(s) == (0, 0, 0, [])
    assert "Testing" in s.tasks


@pytest.mark.parametrize("blind", ["bus_down", "pulses_down"])
def test_conductor_that_hears_less_than_all_ways_does_not_strike_until_it_does(story, blind):
    s = story(bmc=True).enabled().forget_story()
    setattr(s.machine, blind, True)
    s.run_s(30)
    s.hang().run_s(1_200)
    assert struck(s) == (0, 0, 0, [])
    setattr(s.machine, blind, False)
    s.run_s(400)
    assert s.machine.resets == 1


def test_bus_outage_alone_touches_nobody(story):
    s = story(bmc=True).enabled().forget_story()
    s.machine.bus_down = True
    s.run_s(3_600)
    assert (s.states, s.tasks, struck(s)) == ([], [], (0, 0, 0, []))


def test_host_whose_heartbeat_daemon_died_is_held_as_its_agent_lives(story):
    s = story(bmc=True).enabled().forget_story()
    s.machine.pulseless = True
    s.run_s(3_600)
    assert s.view.states() == ("unlocked", "disabled", "failed")
    assert s.view.task == "No heartbeat on Management, Cluster-host, alive on message bus"
    assert s.alarms() == {"200.005", "200.009"}
    s.machine.pulseless = False
    s.until_states("unlocked-enabled-available", 60)
    assert struck(s) == (0, 0, 0, [])


def test_cut_during_the_tests_of_an_unlock_is_no_failure_that_the_host_reported(story):
    s = story(bmc=True).run_s(6)
    s.command(HostAction.UNLOCK).until(lambda v: v.stage is Stage.TESTING, 600)
    s.machine.mgmt_cut = True
    s.forget_story().run_s(4_000)
    assert struck(s) == (0, 0, 0, [])
    assert s.view.states() == ("unlocked", "disabled", "failed")
    assert s.view.stage is Stage.HOLD
    s.machine.mgmt_cut = False
    s.until_states("unlocked-enabled-available", 60)
    assert struck(s) == (0, 0, 0, [])
    assert s.machine.boot == 2


def test_failure_that_the_host_reports_strikes_though_it_answers_everywhere(story):
    s = story().run_s(6)
    s.machine.tests_pass = False
    s.command(HostAction.UNLOCK).until(lambda v: v.task == "In-Test Failed, re-enabling", 600)
    s.forget_story().until(lambda v: v.stage is Stage.REBOOT_LEAVE, 60)
    assert [reason for _, reason in s.strikes] == ["reported: the host reported: In-Test Failed, re-enabling"]


def test_pulses_are_watched_while_the_host_is_asked(story):
    s = story(bmc=True).enabled().forget_story()
    s.hang().until(lambda v: v.stage is Stage.RECOVERY_ALIVE, 30)
    assert s.view.monitored
    s.until(lambda v: v.stage is Stage.RECOVERY_BMC_WAIT, 30)
    assert s.view.monitored
    s.machine.up, s.machine.hung = True, False  # it only was busy
    s.until_states("unlocked-enabled-available", 60)
    assert (s.machine.resets, s.machine.boot) == (0, 2)


def test_stored_view_without_monitoring_is_watched_again(story):
    s = story(bmc=True).enabled().forget_story()
    s.hang().until(lambda v: v.stage is Stage.RECOVERY_BMC_WAIT, 60)
    s.view = replace(s.view, monitored=False, mgmt=Level.UNKNOWN, cluster_host=Level.UNKNOWN, asked_ms=None)
    s.run_s(400)
    assert s.machine.resets == 1


DEGRADED = {HeartbeatAction.DEGRADE: "degraded", HeartbeatAction.ALARM: "available"}


@pytest.mark.parametrize("action", [HeartbeatAction.DEGRADE, HeartbeatAction.ALARM])
def test_failure_action_binds_the_bring_up_too(story, action):
    s = story(settings=Settings(heartbeat_failure_action=action)).run_s(6)
    s.machine.pulseless = True
    s.command(HostAction.UNLOCK).until_states(f"unlocked-enabled-{DEGRADED[action]}", 300)
    assert s.alarms() == {"200.005", "200.009"}
    s.run_s(3_600)
    assert s.view.is_enabled
    assert s.machine.reboot_commands == 1


@pytest.mark.parametrize("record", [{}, {"personality": "controller"}])
def test_degrade_only_cluster_host_binds_the_bring_up_too(story, record):
    name = "controller-1" if record else "worker-0"
    s = story(name, settings=Settings(cluster_host_degrade_only=not record), **record).run_s(6)
    s.machine.cluster_cut = True
    s.command(HostAction.UNLOCK).until_states("unlocked-enabled-degraded", 300)
    assert s.alarms() == {"200.009"}
    assert s.machine.reboot_commands == 1


def test_attempts_that_are_used_up_do_not_lead_to_a_reboot_of_a_host_that_lives(story):
    s = story(settings=Settings(recovery_attempts_max=1)).enabled().forget_story()
    for _ in range(6):
        s.machine.mgmt_cut = True
        s.run_s(120)
        s.machine.mgmt_cut = False
        s.until_states("unlocked-enabled-available", 120)
    assert struck(s) == (0, 0, 0, [])


@pytest.mark.parametrize("network", list(Network))
def test_link_of_the_controller_that_is_down_touches_nobody(story, network):
    s = story(bmc=True).enabled().forget_story()
    s.machine.unpulsed = (network,)
    s.run_s(3_600)
    assert (s.states, s.tasks, s.alarms(), struck(s)) == ([], [], set(), (0, 0, 0, []))
    assert s.view.level(network) is Level.UNKNOWN


@pytest.mark.parametrize("network", list(Network))
def test_host_that_dies_while_a_link_of_the_controller_is_down_is_recovered(story, network):
    s = story(bmc=True, settings=QUICK).enabled().forget_story()
    s.machine.unpulsed = (network,)
    s.run_s(30)
    s.hang().run_s(400)
    assert s.machine.resets == 1
    other = next(name for name in Network if name is not network)
    assert f"{other} for" in s.strikes[-1][1].replace("management", "mgmt")


def test_host_that_dies_without_any_pulses_going_out_is_not_struck(story):
    s = story(bmc=True).enabled().forget_story()
    s.machine.unpulsed = tuple(Network)
    s.run_s(30)
    s.hang().run_s(3_600)
    assert struck(s) == (0, 0, 0, [])


@pytest.mark.parametrize("seed", seeds(8))
def test_random_links_of_the_controller_never_lead_to_a_strike_of_a_host_that_answers(story, seed):
    """Links of the controller and of the host fail in any mix over hours; then the host dies and is recovered."""
    random = Random(seed)
    s = story(settings=QUICK, seed=seed, bmc=True).enabled().forget_story()
    s.machine.boot_ms = 20_000
    for _ in range(25):
        s.machine.unpulsed = tuple(random.sample(list(Network), k=random.randint(0, 2)))
        name = random.choice(["mgmt_cut", "cluster_cut", "pulses_down"])
        setattr(s.machine, name, random.random() < 0.4)
        s.run_s(random.choice([3, 9, 14, 31, 90, 700]) * random.uniform(0.5, 1.5))
    s.machine.unpulsed, s.machine.mgmt_cut, s.machine.cluster_cut, s.machine.pulses_down = (), False, False, False
    s.until_states("unlocked-enabled-available", 2_000).run_s(15)
    s.machine.unpulsed = (random.choice(list(Network)),)
    s.forget_story().hang().run_s(700)
    assert s.machine.resets == 1
    s.until_states("unlocked-enabled-available", 600)


CUTS = ("mgmt_cut", "cluster_cut", "bus_down", "pulses_down", "pulseless")


@pytest.mark.parametrize("seed", seeds(8))
def test_random_cuts_never_strike_a_host_that_answers_and_a_dead_one_comes_back(story, seed):
    """Any mix of cuts, outages and restarts of the conductor over hours; then the host dies and is recovered."""
    random = Random(seed)
    s = story(settings=QUICK, seed=seed, bmc=True).enabled().forget_story()
    s.machine.boot_ms = 20_000
    s.restart_probability = random.choice([0.0, 0.0, 0.1])
    for _ in range(25):
        for name in random.sample(CUTS, k=random.randint(1, 3)):
            setattr(s.machine, name, random.random() < 0.6)
        s.run_s(random.choice([0.7, 3, 5.2, 9, 14, 31, 90, 700]) * random.uniform(0.5, 1.5))
        if random.random() < 0.05:
            s.machine.boot_ms = random.choice([500, 20_000])
            s.reboot_by_itself()
    for name in CUTS:
        setattr(s.machine, name, False)
    s.until_states("unlocked-enabled-available", 2_000).run_s(15)
    assert s.alarms() == set()
    s.forget_story().hang().run_s(400)
    assert s.machine.resets == 1
    s.until_states("unlocked-enabled-available", 600)
