# SPDX-License-Identifier: Apache-2.0
import pytest

from mtce.contract.states import HostAction
from mtce.core.changes import failure
from mtce.core.view import Stage


def test_lock_stops_services_then_locks(story):
    s = story().enabled().forget_story()
    s.command(HostAction.LOCK)
    assert s.view.stage is Stage.STOP_SERVICES
    assert s.view.is_enabled
    assert not s.view.monitored
    s.until_states("locked-disabled-online", 10)
    assert s.tasks == ["Disabling Services", ""]
    assert s.logs == ["200.021 command=lock", "200.022 state=disabled"]
    assert s.view.alarms == (("200.001", "", "warning"),)
    assert s.machine.locked
    assert s.machine.reboot_commands == 0


def test_lock_of_a_silent_host_ends_after_the_service_timeout(story):
    s = story().enabled().forget_story()
    s.machine.deaf = True
    s.command(HostAction.LOCK).run_s(304)
    assert s.view.administrative == "unlocked"
    s.run_s(2)
    assert s.view.administrative == "locked"


def test_force_lock_of_a_hung_host_without_bmc(story):
    s = story().enabled().hang().forget_story()
    s.command(HostAction.FORCE_LOCK)
    assert s.view.administrative == "locked"
    assert s.view.operational == "disabled"
    assert s.view.task == "Force Lock Reset in Progress"
    s.until(lambda v: v.action is HostAction.NONE, 120)
    assert s.view.states() == ("locked", "disabled", "offline")
    assert s.logs[0] == "200.021 command=force-lock"
    assert s.alarms() == {"200.001"}


def test_force_lock_of_a_host_that_will_not_go_ends_by_power_off(story):
    s = story(bmc=True).enabled().forget_story()
    s.machine.boots = True
    s._boot = lambda: None  # neither command nor BMC reset has any effect
    s.command(HostAction.FORCE_LOCK).until(lambda v: v.action is HostAction.NONE, 2_400)
    assert s.view.states() == ("locked", "disabled", "power-off")
    assert s.alarms() == {"200.001"}


def test_actions_wait_for_a_force_lock(story):
    s = story().enabled().hang().forget_story()
    s.command(HostAction.FORCE_LOCK).command(HostAction.UNLOCK)
    assert s.view.action is HostAction.FORCE_LOCK
    assert s.view.queued == ((HostAction.UNLOCK, "req-1"),)
    s.until(lambda v: v.action is HostAction.ENABLE, 200)
    s.power_on().until_states("unlocked-enabled-available", 400)


def test_waiting_action_that_the_host_no_longer_allows_is_refused_and_strikes_nobody(story):
    s = story(bmc=True).run_s(6).forget_story()
    s.command(HostAction.FORCE_LOCK).command(HostAction.UNLOCK).command(HostAction.RESET)
    s.until_states("unlocked-enabled-available", 900).run_s(1)
    assert s.machine.resets == 0
    assert s.view.action_failed == "reset"
    assert s.view.task == "reset refused: Host is Unlocked"
    s.run_s(31)
    assert s.view.task == ""
    assert s.view.queued == ()


def test_reboot_of_a_locked_host(story):
    s = story().run_s(6).forget_story()
    s.command(HostAction.REBOOT).until(lambda v: v.action is HostAction.NONE)
    assert s.tasks == ["Reboot Request", "Rebooting", ""]
    s.until_states("locked-disabled-online", 90)
    assert s.machine.boot == 2
    assert s.logs[0] == "200.021 command=reboot"


def test_reboot_needs_an_online_host(story):
    s = story(states="locked-disabled-offline").hang().run_s(1)
    s.command(HostAction.REBOOT)
    assert s.view.task == "Reboot Failed, try again when host is 'online'"
    assert s.view.action_failed == "reboot"


def test_reset_by_bmc(story):
    s = story(bmc=True).run_s(6).forget_story()
    s.command(HostAction.RESET).until(lambda v: v.task == "Reset Completed")
    assert s.tasks == ["Reset Requested", "Resetting", "Resetting: waiting for offline", "Reset Completed"]
    assert s.machine.resets == 1
    assert s.view.states() == ("locked", "disabled", "offline")
    s.run_s(31)
    assert s.view.task == ""
    s.until_states("locked-disabled-online", 60)


def test_reset_of_a_host_without_power_says_so(story):
    s = story(bmc=True).run_s(6).power_off().forget_story()
    s.command(HostAction.RESET).run_s(1)
    assert s.view.task == "Reset Failed - worker-0 is powered off"
    assert s.view.states() == ("locked", "disabled", "power-off")
    assert s.machine.resets == 0


def test_power_off_and_on(story):
    s = story(bmc=True).run_s(6).forget_story()
    s.command(HostAction.POWER_OFF).until_states("locked-disabled-power-off")
    assert s.tasks == ["Power-Off Requested", "Powering Off", "Power-Off Completed"]
    s.forget_story().command(HostAction.POWER_ON).until_states("locked-disabled-online", 200)
    assert s.tasks[:3] == ["Power-On Requested", "Powering On", "Power-On Completed"]
    assert s.machine.power_ons == 1


def test_unreachable_bmc_is_named(story):
    s = story(bmc=True).run_s(6).forget_story()
    s.machine.bmc_answers = False
    s.command(HostAction.POWER_OFF).until(lambda v: v.action is HostAction.NONE, 400)
    assert s.tasks[1] == "Power-Off Failed - BMC not accessible, retry 1 of 10"
    assert s.view.task == "Power-Off Failed - BMC is not accessible"
    assert s.view.action_failed == "power-off"


def told_errors(s, *, until, seconds):
    """Run until the action ends; return the errors told to sysinv, without repeats."""
    errors, before = [], s.view
    for _ in range(seconds):
        s.run_s(1)
        error = failure(before, s.view)
        if error and error not in errors[-1:]:
            errors.append(error)
        before = s.view
        if until(s.view):
            return errors
    raise AssertionError(f"still {s.view.stage} after {seconds} s")


@pytest.mark.parametrize(("action", "end"), [
    (HostAction.POWER_OFF, "Power-Off Failed - BMC is not accessible"),
    (HostAction.RESET, "Reset Failed - BMC is not accessible"),
    (HostAction.REINSTALL, "Reinstall Failed ; could not power off host")])
def test_reason_of_the_bmc_is_told_in_the_retries_and_at_the_end(story, action, end):
    s = story(bmc=True).run_s(6)
    s.machine.bmc_answers = False
    s.command(action)
    assert told_errors(s, until=lambda v: v.action is HostAction.NONE, seconds=1_500) == ["timeout", f"{end}: timeout"]
    assert s.view.task == end


def test_reason_of_the_bmc_is_forgotten_when_the_bmc_answers(story):
    s = story(bmc=True).run_s(6)
    s.machine.bmc_answers = False
    s.command(HostAction.POWER_OFF).until(lambda v: v.bmc_error == "timeout", 60)
    s.machine.bmc_answers = True
    s.until(lambda v: v.action is HostAction.NONE, 400)
    assert (s.view.task, s.view.bmc_error, s.view.action_failed) == ("Power-Off Completed", "", "")


def test_reason_of_a_former_action_is_not_that_of_the_next(story):
    s = story(bmc=True).run_s(6)
    s.machine.bmc_answers = False
    s.command(HostAction.POWER_OFF).until(lambda v: v.action is HostAction.NONE, 400)
    assert s.view.bmc_error == "timeout"
    s.command(HostAction.REBOOT)
    assert s.view.bmc_error == ""


def test_recovery_tells_why_the_bmc_did_not_help(story):
    s = story(bmc=True).enabled()
    s.machine.bmc_answers = False
    s.hang()
    errors = told_errors(s, until=lambda v: v.action is HostAction.ENABLE, seconds=2_000)
    assert "timeout" in errors
    assert errors[-1] == "Graceful Recovery Failed, re-enabling: timeout"


def test_reinstall_boots_from_the_network_and_ends_online(story):
    s = story(bmc=True).run_s(6).forget_story()
    s.machine.boot_ms = 600_000
    s.command(HostAction.REINSTALL).run_s(5)
    assert s.machine.netboots == 1
    assert s.machine.power_ons == 1
    assert s.view.states() == ("locked", "disabled", "offline")
    s.until(lambda v: v.task == "Reinstall Succeeded", 700)
    assert s.view.states() == ("locked", "disabled", "online")
    assert s.logs == ["200.021 command=reinstall", "200.022 status=reinstall-complete"]


@pytest.mark.parametrize(("bmc_answers", "task"), [
    (False, "Reinstall Failed ; could not power off host"), (True, "Reinstall Failed ; timeout waiting for online")])
def test_reinstall_that_fails_tells_why(story, bmc_answers, task):
    s = story(bmc=True).run_s(6).forget_story()
    s.machine.bmc_answers, s.machine.boots = bmc_answers, False
    s.command(HostAction.REINSTALL).until(lambda v: v.action is HostAction.NONE, 4_000)
    assert s.view.task == task
    assert s.view.action_failed == "reinstall"
    assert s.logs[-1] == "200.022 status=reinstall-failed"


def test_locked_host_goes_offline_and_online_with_its_mtcalive(story):
    s = story().run_s(20)
    s.hang().run_s(20)
    assert s.view.states() == ("locked", "disabled", "offline")
    s.power_on().run_s(70)
    assert s.view.states() == ("locked", "disabled", "online")
    assert s.logs[-2:] == ["200.022 status=offline", "200.022 status=online"]


def test_locked_flag_of_the_host_is_repaired(story):
    s = story()
    s.machine.locked = False
    s.run_s(12)
    assert s.machine.locked
