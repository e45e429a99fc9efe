# SPDX-License-Identifier: Apache-2.0
from dataclasses import replace

import pytest

from mtce.contract.states import HostAction
from mtce.core.settings import Settings
from mtce.core.view import Stage


def test_unlock_of_a_worker_tells_the_whole_story(story):
    s = story().run_s(6)
    assert s.view.states() == ("locked", "disabled", "online")
    s.command(HostAction.UNLOCK).until_states("unlocked-enabled-available")
    assert s.tasks == ["Reboot Request", "Rebooting", "Booting", "Testing", "Initializing", ""]
    assert s.states == ["unlocked-disabled-online", "unlocked-disabled-offline", "unlocked-disabled-intest",
                        "unlocked-enabled-available"]
    assert s.logs == ["200.021 command=unlock", "200.022 status=online", "200.022 state=enabled"]
    assert s.machine.reboot_commands == 1
    assert s.machine.resets == 0
    assert s.alarms() == set()
    assert s.view.monitored
    assert not s.machine.locked


def test_fast_boot_is_recognised_by_its_boot_id_without_being_seen_offline(story):
    s = story().run_s(6)
    s.machine.boot_ms = 2_000
    s.command(HostAction.UNLOCK).until_states("unlocked-enabled-available", 60)
    assert "unlocked-disabled-offline" not in s.states
    assert s.machine.reboot_commands == 1


def test_host_that_ignores_the_command_is_reset_by_bmc_once(story):
    s = story(bmc=True).run_s(6)
    s.machine.deaf = True
    s.command(HostAction.UNLOCK)
    s.run_s(49)
    assert s.machine.resets == 0
    s.run_s(252)
    assert s.view.stage is Stage.RESET_BMC_LEAVE
    s.machine.deaf = False
    s.until_states("unlocked-enabled-available")
    assert s.machine.resets == 1
    assert s.machine.reboot_commands == 5


def test_boot_timeout_alarms_and_resets_again(story):
    s = story().run_s(6)
    s.machine.boots = False
    s.command(HostAction.UNLOCK).until(lambda v: v.task == "Boot Failed, rebooting", 900)
    assert "200.004" in s.alarms()
    assert s.view.states() == ("unlocked", "disabled", "failed")
    first = s.machine.reboot_commands
    s.until(lambda v: v.stage is Stage.BOOT_WAIT, 900)
    assert s.machine.reboot_commands > first
    s.machine.boots = True
    s.power_on().until_states("unlocked-enabled-available")
    assert s.alarms() == set()


def test_failing_goenabled_is_given_up_after_three_attempts_and_rearmed_by_lock_unlock(story):
    s = story().run_s(6)
    s.machine.tests_pass = False
    s.command(HostAction.UNLOCK).until(lambda v: v.action is HostAction.NONE and v.administrative == "unlocked", 1200)
    assert s.tasks.count("In-Test Failed, re-enabling") == 2
    assert s.view.task == "In-Test Failure, threshold reached, Lock/Unlock to retry"
    assert s.view.states() == ("unlocked", "disabled", "failed")
    assert "200.004" in s.alarms()
    commands = s.machine.reboot_commands
    s.run_s(2_000)
    assert s.machine.reboot_commands == commands
    s.machine.tests_pass = True
    s.command(HostAction.LOCK).until_states("locked-disabled-online")
    assert s.alarms() == {"200.001"}
    assert s.view.task == ""
    s.command(HostAction.UNLOCK).until_states("unlocked-enabled-available")
    assert s.alarms() == set()


def test_wait_between_failed_attempts_is_thirty_seconds(story):
    s = story().run_s(6)
    s.machine.tests_pass = False
    s.command(HostAction.UNLOCK).until(lambda v: v.task == "In-Test Failed, re-enabling", 600)
    assert s.view.stage is Stage.FAILED_WAIT
    assert s.view.deadline_ms - s.view.stage_ms == 30_000


def test_failed_configuration_has_its_own_alarm_until_a_good_enable(story):
    s = story().run_s(6)
    s.machine.healthy = False
    s.command(HostAction.UNLOCK).until(lambda v: v.task == "Configuration Failed, re-enabling", 600)
    assert s.alarms() == {"200.004", "200.011"}
    s.machine.healthy = True
    s.until_states("unlocked-enabled-available")
    assert s.alarms() == set()


def test_failed_services_raise_a_major_alarm(story):
    s = story().run_s(6)
    s.machine.services_pass = False
    s.command(HostAction.UNLOCK).until(lambda v: v.task == "Start Services Failed, re-enabling", 600)
    assert s.view.alarms == (("200.004", "", "major"),)


def test_heartbeat_that_never_starts_fails_the_enable_with_its_own_interval(story):
    s = story().run_s(6)
    s.command(HostAction.UNLOCK).until(lambda v: v.stage is Stage.SERVICES, 600)
    s.hang().until(lambda v: v.task == "Enable Heartbeat Failure, re-enabling", 700)
    assert s.view.deadline_ms - s.view.stage_ms == 600_000
    assert "200.004" in s.alarms()


@pytest.mark.parametrize(("cut", "alarm", "text"), [
    ("cluster_cut", "200.009", "No heartbeat on Cluster-host, alive on management"),
    ("mgmt_cut", "200.005", "No heartbeat on Management, alive on cluster-host")])
def test_heartbeat_that_is_missed_on_one_network_holds_the_enable_without_a_strike(story, cut, alarm, text):
    s = story(bmc=True).run_s(6)
    s.command(HostAction.UNLOCK).until(lambda v: v.stage is Stage.HEARTBEAT_WAIT, 600)
    s.forget_story()
    setattr(s.machine, cut, True)
    s.until(lambda v: v.task == text, 200).run_s(3_600)
    assert s.view.states() == ("unlocked", "disabled", "failed")
    assert s.alarms() == {"200.004", alarm}
    assert s.view.task == text
    setattr(s.machine, cut, False)
    s.until_states("unlocked-enabled-available", 90)
    assert (s.machine.resets, s.machine.reboot_commands, s.strikes) == (0, 0, [])
    assert s.alarms() == set()


def test_host_that_comes_back_in_its_old_boot_is_not_taken_for_rebooted(story):
    s = story().run_s(6)
    s.machine.deaf = True
    s.command(HostAction.UNLOCK).until(lambda v: v.stage is Stage.BOOT_WAIT, 300)
    s.machine.deaf = False
    s.until(lambda v: v.task == "Boot Failed, rebooting", 60)
    s.until_states("unlocked-enabled-available")
    assert s.machine.boot == 2


def test_active_controller_unlocks_itself_by_a_lazy_reboot_and_needs_no_heartbeat(story):
    s = story("controller-0", personality="controller", is_active=True).run_s(6)
    s.command(HostAction.UNLOCK)
    assert s.view.states() == ("unlocked", "disabled", "offline")
    assert s.view.task == "Unlocking active controller, please stand-by while it reboots"
    assert s.alarms() == set()
    s.run_s(14)
    assert s.machine.boot == 1
    s.machine.boot_ms = 30_000
    s.run_s(2).restart_conductor().until_states("unlocked-enabled-available", 120)
    assert s.machine.boot == 2
    assert s.machine.reboot_commands == 1
    assert not s.view.monitored
    assert s.logs[-1] == "200.022 state=enabled"


def test_simplex_has_its_own_words(story):
    s = story("controller-0", personality="controller", is_active=True, settings=Settings(simplex=True)).run_s(6)
    s.command(HostAction.UNLOCK)
    assert s.view.task == "Unlocking, please stand-by while the system gracefully reboots"[:63]


def test_active_controller_is_never_failed(story):
    s = story("controller-0", personality="controller", is_active=True).run_s(6)
    s.machine.tests_pass = False
    s.command(HostAction.UNLOCK).until(lambda v: v.action is HostAction.NONE, 600)
    assert s.view.states() == ("unlocked", "enabled", "degraded")
    assert s.view.task == "Critical failure.Please provision/enable standby controller"
    assert s.alarms() == {"200.004"}
    s.run_s(3_600)
    assert s.machine.reboot_commands == 1


def test_simplex_reboots_itself_until_the_threshold(story):
    settings = Settings(simplex=True)
    s = story("controller-0", personality="controller", is_active=True, settings=settings).run_s(6)
    s.machine.tests_pass = False
    s.command(HostAction.UNLOCK).until(lambda v: v.action is HostAction.NONE, 3_600)
    assert s.machine.reboot_commands == 3
    assert s.view.states() == ("unlocked", "enabled", "degraded")
    assert s.view.task == "In-Test Failure, threshold reached, Lock/Unlock to retry"


def test_message_of_a_former_boot_changes_nothing(story):
    s = story().enabled()
    before = s.view
    s.machine.boot = 1
    s._send_alive()
    assert s.view.states() == before.states()
    assert s.view.boot_id == "boot-2"


def test_missing_bus_declares_nobody_offline(story):
    from mtce.core import events as ev
    from mtce.core.fsm import step
    s = story().run_s(6)
    view = s.view
    assert view.silent_ms is not None
    later, _ = step(view, ev.Tick(bus_ok=False), view.silent_ms + 1, s.settings)
    assert later.availability == "online"
    later, _ = step(replace(view), ev.Tick(bus_ok=True), view.silent_ms + 1, s.settings)
    assert later.availability == "offline"
