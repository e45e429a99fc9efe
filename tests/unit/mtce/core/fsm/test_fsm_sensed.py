# SPDX-License-Identifier: Apache-2.0
"""What a host's sensors do to it: alarms, degrade, and the strikes that operators let them ask for."""
from dataclasses import replace

import pytest

from mtce.contract.states import HostAction
from mtce.core.events import Sensed
from mtce.core.settings import Settings
from mtce.core.view import Stage

ALARM = ("200.007", ".sensor=fan1", "critical")
CRITICAL = Sensed((ALARM,), degraded=True)
RESET = replace(CRITICAL, strike="reset", cause="fan1")
CYCLE = replace(CRITICAL, strike="power-cycle", cause="fan1")


def test_a_critical_sensor_alarms_and_degrades_until_it_is_well(story):
    s = story(bmc=True).enabled().forget_story()
    s.sensed(CRITICAL)
    assert s.view.alarms == (ALARM,) and s.view.states() == ("unlocked", "enabled", "degraded")
    s.sensed(Sensed())
    assert s.view.alarms == () and s.view.states() == ("unlocked", "enabled", "available")
    assert s.strikes == []


def test_degrade_of_sensors_survives_an_unlock_and_concerns_no_locked_host(story):
    s = story(bmc=True)
    s.sensed(CRITICAL).run_s(6)
    assert s.view.states() == ("locked", "disabled", "online") and ALARM in s.view.alarms
    s.command(HostAction.UNLOCK).until_states("unlocked-enabled-degraded")
    s.command(HostAction.LOCK).until_states("locked-disabled-online", 400)
    assert ALARM in s.view.alarms


def test_logs_of_sensors_are_written_with_their_severity(story):
    s = story(bmc=True).enabled().forget_story()
    s.sensed(Sensed(logs=(("200.007", ".sensor=fan1", "major"),)))
    assert s.logs == ["200.007 sensor=fan1"]


def test_a_sensor_resets_a_host_in_service_once_in_fifteen_minutes(story):
    s = story(bmc=True).enabled().forget_story()
    s.sensed(RESET)
    assert s.view.states() == ("unlocked", "disabled", "failed")
    assert s.view.task == "Resetting Host, critical sensor" and s.logs[0] == "200.021 action=reset"
    s.sensed(RESET).until_states("unlocked-enabled-degraded")
    assert {text for _, text in s.strikes} == {"sensor: critical sensor: fan1"} and len(s.strikes) == 1
    s.run_s(60).sensed(RESET).run_s(60)
    assert len(s.strikes) == 1 and s.view.critical == ""
    s.run_s(900).sensed(RESET)
    assert len(s.strikes) == 2


def test_a_sensor_resets_a_locked_host(story):
    s = story(bmc=True).run_s(10)
    s.sensed(RESET).until(lambda view: view.action is HostAction.NONE, 400)
    assert s.machine.resets == 1 and s.view.states()[0] == "locked"
    assert s.logs[0] == "200.021 action=reset"


@pytest.mark.parametrize("request_", [RESET, CYCLE])
def test_a_sensor_never_strikes_the_active_or_the_only_controller(story, request_):
    for name, active, simplex in (("controller-0", True, False), ("controller-0", True, True),
                                  ("controller-1", False, True)):
        s = story(name, bmc=True, personality="controller", is_active=active, settings=Settings(simplex=simplex),
                  states="unlocked-enabled-available")
        s.run_s(10).forget_story()
        s.sensed(request_).run_s(60)
        assert s.strikes == [] and s.view.critical == "" and "is critical" in s.view.withheld
        assert s.view.states() == ("unlocked", "enabled", "degraded")


@pytest.mark.parametrize("request_", [RESET, CYCLE])
def test_a_sensor_waits_while_an_action_runs_and_needs_a_bmc(story, request_):
    s = story(bmc=True).enabled().forget_story()
    s.command(HostAction.LOCK).sensed(request_)
    assert s.view.action is HostAction.LOCK and s.strikes == []
    s = story().enabled().forget_story()
    s.sensed(request_).run_s(10)
    assert s.strikes == [] and s.view.action is HostAction.NONE


def test_a_sensor_spares_a_host_that_may_still_be_booting_after_a_power_failure(story):
    s = story(bmc=True, states="unlocked-enabled-available")
    s.machine.dead_office, s.machine.deaf, s.machine.pulseless = True, True, True
    s.view = replace(s.view, dead_office=True, seen=False)
    s.sensed(RESET)
    assert s.strikes == [] and s.view.withheld == "dead office recovery: the host may still be booting"


def cycled(s):
    return s.until(lambda view: view.action is HostAction.ENABLE, 900).until_states("unlocked-enabled-degraded", 900)


def test_a_power_cycle_lets_the_host_cool_and_brings_it_back(story):
    s = story(bmc=True).enabled().forget_story()
    s.sensed(CYCLE)
    assert s.view.states() == ("unlocked", "disabled", "failed") and "200.004" in s.alarms()
    s.until(lambda view: view.stage is Stage.CYCLE_COOL, 300)
    off_ms = s.now_ms
    assert not s.machine.power and s.view.availability == "power-off"
    assert s.view.task == "Critical Event Power-Cycle 1; recovery in 5 minute(s)"
    s.until(lambda view: view.stage is Stage.BOOT_WAIT, 400)
    assert 300_000 <= s.now_ms - off_ms < 305_000 and s.machine.power_ons == 1
    s.until_states("unlocked-enabled-degraded", 900)
    assert s.strikes[0][1] == "sensor: critical sensor: fan1" and len(s.strikes) == 1
    assert [log for log in s.logs if log.startswith("200.021")] == ["200.021 action=power-off",
                                                                    "200.021 action=power-on"]
    assert s.alarms() == {"200.007"}


def test_after_three_power_cycles_the_host_is_switched_off_for_good(story):
    s = story(bmc=True).enabled().forget_story()
    for number in (1, 2, 3):
        cycled(s.sensed(CYCLE))
        assert s.view.cycles == number
        s.sensed(CYCLE)
        assert s.view.action is HostAction.NONE, "within the pause after a power-cycle"
        s.run_s(300)
    s.sensed(CYCLE).until(lambda view: view.action is HostAction.NONE, 400)
    assert s.view.states() == ("unlocked", "disabled", "power-off") and not s.machine.power
    assert s.view.task == "Critical Event Power-Down ; due to persistent critical sensor"
    s.sensed(CYCLE).run_s(3_600)
    assert s.machine.power_ons == 3 and not s.machine.power
    s.command(HostAction.LOCK).run_s(5).command(HostAction.POWER_ON).until_states("locked-disabled-online", 400)


def test_a_power_cycle_long_after_the_last_is_the_first_again(story):
    s = story(bmc=True).enabled().forget_story()
    cycled(s.sensed(CYCLE)).run_s(1_300)
    s.sensed(CYCLE)
    assert s.view.cycles == 1


def test_a_locked_host_is_power_cycled_and_stays_locked(story):
    s = story(bmc=True).run_s(10)
    s.sensed(CYCLE).until(lambda view: view.action is HostAction.NONE, 1_500)
    assert s.view.states() == ("locked", "disabled", "online") and s.machine.power_ons == 1
    assert s.view.task == "Power-Cycle Completed"


def test_a_bmc_that_does_not_switch_off_ends_the_attempt_and_the_host_returns(story):
    s = story(bmc=True).enabled().forget_story()
    s.machine.bmc_answers = False
    s.sensed(CYCLE).until(lambda view: view.action is HostAction.ENABLE, 1_200)
    assert s.view.task == "Critical Event Power-Cycle 1; power-off failed" and s.machine.power
    s.until_states("unlocked-enabled-degraded", 2_000)


@pytest.mark.parametrize("seed", range(20))
def test_a_power_cycle_survives_restarts_of_the_conductor_anywhere(story, seed):
    s = story(bmc=True, seed=seed).enabled().forget_story()
    s.restart_probability = 0.2
    cycled(s.sensed(CYCLE))
    assert s.machine.power and s.view.cycles == 1
    assert {text for _, text in s.strikes} == {"sensor: critical sensor: fan1"}
