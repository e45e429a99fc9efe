# SPDX-License-Identifier: Apache-2.0
from dataclasses import replace

import pytest

from mtce.contract.states import HostAction
from mtce.core.settings import HeartbeatAction, Settings
from mtce.core.view import Stage

CRITICAL_BOTH = {("200.005", ".network=Management", "critical"), ("200.009", ".network=Cluster-host", "critical")}


def seconds_of(s, alarm_id, severity, what="set"):
    return [(at - s.cut_ms) / 1000 for at, did, alarm in s.alarm_log
            if did == what and alarm[0] == alarm_id and (severity is None or alarm[2] == severity)]


def cut(s):
    s.forget_story()
    s.cut_ms = s.now_ms
    return s


def test_power_pulled_without_bmc(story):
    s = cut(story().enabled())
    s.power_off().run_s(13)
    assert seconds_of(s, "200.005", "major")[0] <= 7
    assert seconds_of(s, "200.005", "critical")[0] <= 11
    assert set(s.view.alarms) == CRITICAL_BOTH
    assert s.view.states() == ("unlocked", "disabled", "failed")
    assert s.view.task == "Graceful Recovery"
    assert s.states[0] == "unlocked-enabled-degraded"
    s.run_s(7)
    assert 15 <= seconds_of(s, "200.004", "critical")[0] <= 20
    assert s.view.task == "Graceful Recovery Wait"
    s.until_states("unlocked-disabled-offline", 15)
    assert (s.now_ms - s.cut_ms) / 1000 <= 30
    assert s.machine.reboot_commands == 1
    s.until(lambda v: v.action is HostAction.ENABLE, 760)
    assert s.tasks[-1] == "Graceful Recovery Failed, re-enabling"


def test_power_restored_after_a_minute(story):
    s = cut(story().enabled())
    s.power_off().run_s(60)
    s.power_on().until_states("unlocked-enabled-available", 200)
    assert s.alarms() == set()
    assert s.machine.reboot_commands == 1
    assert s.tasks[:4] == ["Graceful Recovery", "Graceful Recovery Wait", "Testing", "Initializing"]
    assert s.view.task == "Gracefully Recovered"
    assert s.logs == ["200.022 status=failed", "200.022 status=offline", "200.022 status=online",
                      "200.022 state=enabled"]
    s.run_s(31)
    assert s.view.task == ""


def test_hung_host_gets_exactly_one_bmc_reset_after_the_delay(story):
    s = cut(story(bmc=True).enabled())
    s.hang().run_s(300)
    assert s.machine.resets == 0
    s.run_s(25)
    assert s.machine.resets == 1
    assert s.machine.power_ons == 0
    s.until_states("unlocked-enabled-available", 300)
    assert s.machine.resets == 1
    assert s.alarms() == set()


def test_hung_host_that_never_boots_again_is_reset_once_before_the_boot_timeout(story):
    s = cut(story(bmc=True).enabled())
    s.machine.boots = False
    s.hang().run_s(1_030)
    assert s.machine.resets == 1
    assert s.view.stage is Stage.RECOVERY_BOOT
    s.until(lambda v: v.action is HostAction.ENABLE, 60)


def test_host_without_power_is_switched_on_without_the_reset_delay(story):
    s = cut(story(bmc=True).enabled())
    s.power_off().run_s(25)
    assert s.machine.power_ons == 1
    assert s.machine.resets == 0
    s.until_states("unlocked-enabled-available", 200)
    assert s.machine.resets == 0


def test_host_that_comes_back_while_the_reset_is_pending_is_not_reset(story):
    s = cut(story(bmc=True).enabled())
    s.hang().run_s(100)
    assert s.view.stage is Stage.RECOVERY_BMC_WAIT
    s.reboot_by_itself().until_states("unlocked-enabled-available", 200)
    assert s.machine.resets == 0


def test_unreachable_bmc_ends_in_waiting_not_in_a_reset(story):
    s = cut(story(bmc=True).enabled())
    s.machine.bmc_answers = False
    s.hang().until(lambda v: v.stage is Stage.RECOVERY_BOOT, 400)
    assert s.machine.resets == 0


def test_cable_out_for_twelve_seconds_needs_no_reboot_and_no_tests(story):
    s = cut(story().enabled())
    s.machine.mgmt_cut = True
    s.run_s(12.5)
    assert s.view.states() == ("unlocked", "disabled", "failed")
    s.machine.mgmt_cut = False
    s.until_states("unlocked-enabled-available", 90)
    assert s.machine.reboot_commands == 0
    assert "200.004" not in {alarm[0] for _, _, alarm in s.alarm_log}
    assert s.tasks[0] == "Graceful Recovery"
    assert "Testing" not in s.tasks
    assert s.alarms() == set()


def test_cable_out_for_eight_seconds_only_degrades(story):
    s = cut(story().enabled())
    s.machine.mgmt_cut = True
    s.run_s(8)
    s.machine.mgmt_cut = False
    s.run_s(30)
    assert s.states == ["unlocked-enabled-degraded", "unlocked-enabled-available"]
    assert [what for _, what, alarm in s.alarm_log if alarm[0] == "200.005"] == ["set", "clear"]


@pytest.mark.parametrize(("action", "alarms", "availability"), [
    (HeartbeatAction.DEGRADE, CRITICAL_BOTH, "degraded"), (HeartbeatAction.ALARM, CRITICAL_BOTH, "available"),
    (HeartbeatAction.NONE, set(), "available")])
def test_failure_action_other_than_fail_keeps_the_host_in_service(story, action, alarms, availability):
    s = cut(story(settings=Settings(heartbeat_failure_action=action)).enabled())
    s.power_off().run_s(60)
    assert set(s.view.alarms) == alarms
    assert s.view.states() == ("unlocked", "enabled", availability)


def test_cluster_host_loss_only_degrades_a_standard_controller(story):
    s = cut(story("controller-1", personality="controller").enabled())
    s.machine.cluster_cut = True
    s.run_s(30)
    assert s.view.states() == ("unlocked", "enabled", "degraded")
    assert ("200.009", ".network=Cluster-host", "critical") in s.view.alarms


def test_reboot_nobody_missed_is_still_a_reboot(story):
    s = story().enabled()
    s = cut(s)
    s.machine.boot_ms = 2_000
    s.reboot_by_itself().until_states("unlocked-disabled-intest", 30)
    assert "200.004" in s.alarms()
    s.until_states("unlocked-enabled-available", 60)
    assert s.machine.reboot_commands == 0
    assert s.alarms() == set()


def test_loss_in_the_soak_of_a_recovery_is_a_full_enable(story):
    s = cut(story().enabled())
    s.machine.mgmt_cut = True
    s.run_s(12.5)
    s.machine.mgmt_cut = False
    s.until(lambda v: v.stage is Stage.HEARTBEAT_SOAK, 30)
    s.hang().until(lambda v: v.action is HostAction.ENABLE, 30)
    assert s.tasks[-1] == "Graceful Recovery Failed, re-enabling"
    assert s.view.deadline_ms - s.view.stage_ms == 30_000


def test_flapping_host_that_lives_is_never_reset_but_waits_after_five_recoveries(story):
    s = cut(story().enabled())
    for _ in range(5):
        s.machine.mgmt_cut = True
        s.run_s(12.5)
        s.machine.mgmt_cut = False
        s.until_states("unlocked-enabled-available", 90)
    assert s.machine.reboot_commands == 0
    s.machine.mgmt_cut = True
    s.until(lambda v: v.stage is Stage.FAILED_WAIT, 30)
    assert s.view.deadline_ms - s.view.stage_ms == 30_000
    s.machine.mgmt_cut = False
    s.until_states("unlocked-enabled-available", 400)
    assert s.machine.reboot_commands == 0
    assert "Testing" not in s.tasks


def test_lock_during_recovery_ends_it(story):
    s = cut(story().enabled())
    s.hang().run_s(60)
    s.command(HostAction.LOCK).run_s(1)
    assert s.view.states() == ("locked", "disabled", "offline")
    assert s.alarms() == {"200.001"}
    s.run_s(1_000)
    assert s.machine.resets == 0


def test_active_controller_keeps_serving_when_unhealthy(story):
    s = cut(story("controller-0", personality="controller", is_active=True).enabled())
    s.machine.healthy = False
    s.run_s(60)
    assert s.view.is_enabled
    assert s.alarms() == {"200.011"}
    s.machine.healthy = True
    s.run_s(10)
    assert s.alarms() == set()


def test_a_controller_is_degraded_while_a_group_of_services_is(story):
    s = cut(story("controller-0", personality="controller", is_active=True).enabled())
    s.machine.degraded = True
    s.run_s(6)
    assert s.view.states() == ("unlocked", "enabled", "degraded")
    s.machine.degraded = False
    s.run_s(6)
    assert s.view.states() == ("unlocked", "enabled", "available") and s.alarms() == set()


def test_worker_that_turns_unhealthy_three_times_in_a_row_is_enabled_anew(story):
    s = cut(story().enabled())
    s.machine.healthy = False
    s.run_s(9)
    assert s.view.is_enabled
    s.until(lambda v: v.task == "Configuration Failed, re-enabling", 20)
    assert replace(s.view).alarms
