# SPDX-License-Identifier: Apache-2.0
"""A conductor that dies after any commit: what was in flight is lost, the story still ends, the BMC resets once."""
from random import Random

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, given, settings

from flock.core.clock import Instant
from flock.sim import scaled
from mtce.contract.states import HostAction
from mtce.core.settings import Settings
from mtce.core.view import from_document, to_document

pytestmark = pytest.mark.soak

QUICK = Settings(bmc_reset_delay_ms=60_000, bmc_reset_lead_ms=20_000, heartbeat_soak_ms=5_000)


def break_bus(s, seed):
    """From now on the bus is away now and then, for moments and for minutes, until ``s.machine`` is told otherwise."""
    random = Random(seed)

    def toggle():
        s.machine.bus_down = not s.machine.bus_down and not s.bus_is_mended
        longest_s = 400 if random.random() < 0.2 else 20
        s._after(int(1000 * random.uniform(0.5, longest_s if s.machine.bus_down else 60)), toggle)

    s.bus_is_mended = False
    toggle()


def shaken(story, seed, probability, **kwargs):
    s = story(settings=QUICK, seed=seed, bmc=True, **kwargs)
    s.machine.boot_ms = 20_000
    s.restart_probability = 0.0
    # The controller has just booted, so mtce spares hosts that it has not heard since; it has heard this one.
    s.machine.dead_office = True
    s.add(s.record).enabled().forget_story()
    s.restart_probability = probability
    return s


@given(seed=st.integers(0, 2**32), probability=st.floats(0.05, 0.5), what=st.sampled_from(["hang", "power", "cut"]))
@settings(max_examples=scaled(80), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_recovery_completes_with_at_most_one_reset(story, seed, probability, what):
    s = shaken(story, seed, probability)
    if what == "hang":
        s.hang()
    elif what == "power":
        s.power_off()
    else:
        s.machine.mgmt_cut = True
    s.run_s(13)
    s.machine.mgmt_cut = False
    s.until(lambda v: v.action is not HostAction.RECOVERY, 4_000)
    assert s.machine.resets <= 1
    s.until_states("unlocked-enabled-available", 8_000)
    assert s.alarms() == set()


RECOVERY_TO_RESET = ("recovery-pause", "recovery-alive", "recovery-power-query", "recovery-bmc-wait")
ENABLE_TO_RESET = ("reset-reboot-ack", "reset-bmc-wait")


def reset_after_restart(s, stage):
    """Restart the conductor on entry to ``stage``; return the seconds from there to the BMC reset."""
    s.until(lambda v: v.stage == stage, 1_200)
    assert s.machine.resets == 0
    s.restart_conductor()
    from_ms = s.now_ms
    s.machine.boots = False
    s.until(lambda _: s.machine.resets == 1, 400)
    return (s.now_ms - from_ms) / 1000


@pytest.mark.parametrize("stage", ["idle", *RECOVERY_TO_RESET])
def test_recovery_resets_a_silent_host_after_a_restart_in_any_stage_before(story, stage):
    s = shaken(story, None, 0.0)
    s.hang()
    wait_s = reset_after_restart(s, stage)
    longest_s = (QUICK.resume_grace_ms + QUICK.recovery_pause_ms + QUICK.bmc_reset_delay_ms) / 1000 + 15
    assert wait_s <= longest_s
    s.run_s(600)
    assert s.machine.resets == 1


@pytest.mark.parametrize("stage", ENABLE_TO_RESET)
def test_enable_resets_a_silent_host_after_a_restart_in_any_stage_before(story, stage):
    s = shaken(story, None, 0.0)
    s.machine.tests_pass = False
    s.reboot_by_itself().until(lambda v: v.stage == "failed-wait", 200)
    s.hang()
    assert reset_after_restart(s, stage) <= 200


def test_hold_that_ends_in_silence_leads_to_a_reset_after_a_restart(story):
    s = shaken(story, None, 0.0)
    s.machine.mgmt_cut = True
    s.until(lambda v: v.stage == "hold", 60)
    s.hang()
    assert reset_after_restart(s, "hold") <= 200


@given(seed=st.integers(0, 2**32), probability=st.floats(0.05, 0.5),
       action=st.sampled_from([HostAction.LOCK, HostAction.FORCE_LOCK]))
@settings(max_examples=scaled(40), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_lock_and_unlock_complete(story, seed, probability, action):
    s = shaken(story, seed, probability)
    s.command(action).until(lambda v: v.action is HostAction.NONE, 8_000)
    assert s.view.administrative == "locked"
    assert s.alarms() == {"200.001"}
    s.until_states("locked-disabled-online", 120)
    s.command(HostAction.UNLOCK).until_states("unlocked-enabled-available", 8_000)
    assert s.alarms() == set()


@given(seed=st.integers(0, 2**32), probability=st.floats(0.05, 0.6), action=st.sampled_from(
    [HostAction.RESET, HostAction.POWER_OFF, HostAction.REINSTALL, HostAction.REBOOT]))
@settings(max_examples=scaled(40), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_operator_actions_end(story, seed, probability, action):
    s = story(settings=QUICK, seed=seed, bmc=True).run_s(6)
    s.restart_probability = probability
    s.command(action).until(lambda v: v.action is HostAction.NONE, 8_000)
    assert s.view.administrative == "locked"
    assert s.machine.resets <= 1


@given(seed=st.integers(0, 2**32), probability=st.sampled_from([0.0, 0.1, 0.4]),
       action=st.sampled_from([None, HostAction.LOCK, HostAction.FORCE_LOCK]))
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_bus_outages_strike_nobody_in_service_and_let_every_action_end(story, seed, probability, action):
    """The world refuses a strike for silence of a host that could be heard; one in service is not struck at all."""
    s = shaken(story, seed, probability)
    boot = s.machine.boot
    break_bus(s, seed)
    s.run_s(3_000)
    assert s.machine.boot == boot
    assert s.strikes == []
    assert s.view.is_enabled
    if action is not None:
        s.command(action).until(lambda v: v.action is HostAction.NONE, 8_000)
        assert s.view.administrative == "locked"
        s.command(HostAction.UNLOCK).run_s(600)
    s.bus_is_mended = True
    s.until_states("unlocked-enabled-available", 8_000).run_s(60)
    assert s.alarms() == set()


@pytest.mark.parametrize("states", ["locked-disabled-online", "unlocked-enabled-available"])
def test_stored_view_is_the_view(story, states):
    s = story(states=states).run_s(6)
    at = Instant("boot-1", s.now_ms)
    assert from_document(to_document(s.view, at), at, is_active=False) == s.view


def test_overdue_pause_ends_soon_after_a_restart_and_an_overdue_wait_is_given_grace(story):
    s = story(settings=QUICK, bmc=True).enabled()
    s.hang().until(lambda v: v.stage == "recovery-bmc-wait", 60)
    s.now_ms = s.view.deadline_ms + 60_000
    s.restart_conductor()
    assert s.view.deadline_ms == s.now_ms + QUICK.resume_delay_ms
    s.machine.boots = False
    s.until(lambda v: v.stage == "recovery-boot", 60)
    s.now_ms = s.view.deadline_ms + 60_000
    s.restart_conductor()
    assert s.view.deadline_ms == s.now_ms + QUICK.resume_grace_ms


def test_restart_keeps_the_deadline_of_the_stage(story):
    s = story(settings=QUICK, bmc=True).enabled()
    s.hang().until(lambda v: v.stage == "recovery-bmc-wait", 60)
    deadline_ms = s.view.deadline_ms
    s.restart_conductor()
    assert s.view.deadline_ms == deadline_ms
