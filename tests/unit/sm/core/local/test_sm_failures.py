# SPDX-License-Identifier: Apache-2.0
"""Counters, pauses, limits and recovery of services that fail."""
import pytest

from sm.contract.states import ActionResult, Condition, Impact, OnFailure, ServiceAction, ServiceState, Status
from sm.core.actions import CancelAction, RebootNode, RunAction
from sm.core.events import Order, ProcessDied, Restart, Tick
from sm.core.local.failures import pause_ms
from sm.core.local.view import Settings
from tests.sim.service_catalogues import WARM
from tests.unit.sm.core.local.engine import ACTIVE, DISABLED, FAILED, Engine, chain, single

A = ServiceAction


def fail_to_start(engine, times):
    """Each start fails and is cleaned up; returns the pauses before the starts in milliseconds."""
    pauses = []
    for _ in range(times):
        begun_ms = engine.now_ms
        while engine.running("svc") is not A.ENABLE:
            assert engine.now_ms - begun_ms < 120_000, "it is not tried again"
            engine.tell(Tick(), 500)
            if engine.running("svc") is A.AUDIT_DISABLED:
                engine.done("svc", state=DISABLED)
        pauses.append(engine.now_ms - begun_ms)
        engine.done("svc", FAILED, reason="exit code 1")
        assert engine.running("svc") is A.DISABLE
        engine.done("svc")
    return pauses


@pytest.mark.parametrize(("failures", "expected"), [(0, 1_000), (1, 1_000), (2, 2_000), (5, 16_000), (7, 60_000),
                                                    (10_000, 60_000)])
def test_pauses_double_up_to_a_limit(failures, expected):
    assert pause_ms(Settings(), failures) == expected


def test_a_service_that_never_starts_fails_is_retried_with_pauses_and_given_up():
    engine = Engine(single())
    engine.order("active")
    pauses = fail_to_start(engine, 3)
    assert engine.group.status is Status.NONE
    pauses += fail_to_start(engine, 1)
    assert (engine.group.status, engine.group.condition) == (Status.FAILED, Condition.ACTION_FAILURE)
    assert engine.group.state == "go-active"
    pauses += fail_to_start(engine, 11)
    assert engine["svc"].condition is Condition.ACTION_FAILURE
    pauses += fail_to_start(engine, 1)
    assert (engine["svc"].state, engine["svc"].condition) == (ServiceState.SHUTDOWN, Condition.FATAL_FAILURE)
    assert all(pause >= expected - 1_000 for pause, expected in zip(
        pauses, (0, 1_000, 2_000, 4_000, 8_000, 16_000, 32_000, *[60_000] * 9), strict=True))
    engine.wait(3_600_000)
    assert not any(isinstance(action, RunAction) and action.action is A.ENABLE for action in engine.actions)


def test_success_clears_what_was_counted_in_a_row():
    engine = Engine(single())
    engine.order("active")
    fail_to_start(engine, 4)
    engine.wait(9_000).done("svc")
    assert engine["svc"].state is ACTIVE and engine["svc"].action_failures == 0
    assert engine["svc"].transition_failures == 4
    group = engine.group
    assert (group.state, group.status, group.condition) == ("active", Status.FAILED, Condition.NONE)
    assert engine.wait(95_000)["svc"].transition_failures == 0


def test_flapping_is_counted_although_every_second_start_succeeds():
    engine = Engine(single(max_transition_failures=5, max_failures=100))
    engine.order("active")
    for _ in range(5):
        fail_to_start(engine, 1)
        if not engine["svc"].given_up:
            engine.wait(2_000).done("svc")
            engine.tell(ProcessDied("svc", "killed")).done("svc")
    assert engine["svc"].condition is Condition.FATAL_FAILURE


def test_only_the_leader_or_an_operator_bring_back_what_has_given_up():
    engine = Engine(single(max_transition_failures=1))
    engine.order("active")
    fail_to_start(engine, 1)
    assert engine.order("active", recover=True).ran() == []
    assert engine.order("active", clear_fatal=True).ran() == [("svc", "audit-enabled")]
    assert engine.done("svc", state=DISABLED).ran() == [("svc", "enable")]
    assert engine.done("svc")["svc"].condition is Condition.NONE
    other = Engine(single(max_transition_failures=1))
    other.order("active")
    fail_to_start(other, 1)
    other.tell(Restart("svc")).answer()
    assert other.group.state == "active"


def test_a_recovery_restarts_at_once_and_repeated_orders_do_not_hurry_it():
    engine = Engine(chain()).up()

    def die_twice():
        for _ in range(2):
            engine.tell(ProcessDied("db", "killed")).answer("db")
    die_twice()
    assert engine.order("active", recover=True).ran() == [("db", "enable")]
    engine.done("db")
    die_twice()
    assert engine["db"].condition is Condition.RECOVERY_FAILURE
    for _ in range(10):
        assert engine.order("active", recover=True).ran() == []
    assert [(action.service, action.action) for action in engine.wait(60_000, audits=False).actions
            if isinstance(action, RunAction) and action.service == "db"][-1:] == [("db", A.ENABLE)]


def test_another_order_does_not_wait_until_a_failure_is_forgiven():
    engine = Engine(single(actions=WARM)).up()
    for _ in range(2):
        engine.tell(ProcessDied("svc", "killed")).answer("svc")
    assert engine["svc"].state is DISABLED
    assert engine.order("standby").ran() == [("svc", "enable")]
    assert engine.group.status is Status.FAILED
    assert engine.order("active").done("svc").ran() == [("svc", "go-active")]


def test_a_healthy_service_is_not_touched_by_a_recovery():
    engine = Engine(chain()).up()
    before = engine.view
    assert engine.order("active", recover=True, clear_fatal=True).actions == () and engine.view == before


def test_a_recovery_that_is_due_is_dropped_when_the_service_was_given_up_meanwhile():
    engine = Engine(single(max_action_failures=1, max_transition_failures=3))
    engine.order("active")
    fail_to_start(engine, 1)
    engine.order("active", recover=True)
    fail_to_start(engine, 1)
    engine.order("active", recover=True)
    assert engine["svc"].recover_ms is not None
    fail_to_start(engine, 1)
    assert engine["svc"].given_up
    engine.wait(61_000)
    assert engine["svc"].given_up and engine["svc"].recover_ms is None


def test_a_stop_that_fails_is_retried_and_holds_the_move():
    engine = Engine(single()).up()
    engine.order("standby")
    for count in range(1, 5):
        engine.done("svc", FAILED)
        assert engine["svc"].stop_failures == count and engine.ran() == []
        if count < 4:
            engine.wait(9_000, audits=False)
    assert (engine.group.state, engine.group.condition) == ("go-standby", Condition.ACTION_FAILURE)
    assert engine.view.is_active("g") and not any(isinstance(action, RebootNode) for action in engine.actions)
    engine.wait(9_000).done("svc")
    assert engine.group.state == "standby" and engine["svc"].stop_failures == 0


def test_what_a_service_uses_does_not_wait_for_ever_for_its_stop():
    engine = Engine(chain()).up()
    engine.order("disabled")
    for _ in range(4):
        assert engine["db"].action is None
        engine.done("app", FAILED)
        if engine["app"].stop_failures < 4:
            engine.wait(9_000, audits=False)
    assert engine.ran() == [("db", "disable")]
    assert engine.done("db").ran() == [("ip", "disable")]
    assert engine.done("ip").group.state == "disabling"
    assert engine.view.is_active("g")


def test_a_new_order_does_not_wait_for_the_pause():
    engine = Engine(single()).up()
    engine.order("standby")
    engine.done("svc", FAILED)
    assert engine.order("disabled").ran() == [("svc", "disable")]


def test_an_action_is_killed_at_its_limit_and_counts_as_timed_out():
    engine = Engine(single())
    engine.order("active")
    assert engine.tell(Tick(), 299_999).actions == ()
    run_id = engine["svc"].run_id
    assert engine.tell(Tick(), 1).actions == (CancelAction("svc", run_id), RunAction("svc", A.DISABLE, run_id + 1))
    assert engine["svc"].action_failures == 1 and engine["svc"].reason == "enable: no result within 300 s"


def test_the_limit_leaves_time_for_one_attempt():
    engine = Engine(single(timeout_s=360))
    engine.order("active")
    assert engine.tell(Tick(), 369_999).actions == ()
    assert engine.tell(Tick(), 1).cancelled() == ["svc"]


def test_an_audit_whose_answer_is_lost_does_not_end_the_audits():
    engine = Engine(single()).up()
    engine.wait(30_000, audits=False)
    assert engine.running("svc") is A.AUDIT_ENABLED
    # Three attempts of 20 s, and 30 s.
    engine.wait(89_000, audits=False)
    assert engine["svc"].fail_count == 0
    engine.wait(2_000, audits=False)
    assert engine["svc"].fail_count == 1 and engine.running("svc") is A.DISABLE


@pytest.mark.parametrize("action", ["enable", "go-active", "go-standby", "audit-enabled"])
def test_a_fatal_result_shuts_the_service_down(action):
    engine = Engine(single(actions=WARM))
    engine.order("active")
    if action != "enable":
        engine.done("svc")
    if action in ("go-standby", "audit-enabled"):
        engine.done("svc")
        engine.order("standby") if action == "go-standby" else engine.wait(30_000, audits=False)
    assert engine.running("svc") == action
    assert engine.done("svc", ActionResult.FATAL, reason="not installed").ran() == [("svc", "disable")]
    engine.done("svc")
    assert engine["svc"].state is ServiceState.SHUTDOWN and engine.group.condition is Condition.FATAL_FAILURE
    assert not engine.view.is_active("g")
    engine.order("disabled")
    assert engine.group.state == "disabled"


def test_a_service_whose_stop_is_fatal_counts_as_active_until_an_audit_proves_otherwise():
    engine = Engine(single()).up()
    engine.order("disabled")
    assert engine.done("svc", ActionResult.FATAL).ran() == []
    assert engine["svc"].state is ServiceState.SHUTDOWN and engine.view.is_active("g")
    assert engine.group.state == "disabling"
    engine.wait(31_000, audits=False).done("svc", state=DISABLED)
    assert not engine.view.is_active("g") and engine["svc"].state is ServiceState.SHUTDOWN
    assert engine.group.state == "disabled"


def test_a_service_that_has_given_up_and_is_found_running_is_stopped():
    engine = Engine(single()).up()
    engine.order("disabled").done("svc", ActionResult.FATAL)
    engine.wait(31_000, audits=False)
    assert engine.done("svc", state=ACTIVE).ran() == [("svc", "disable")]
    assert engine.done("svc")["svc"].state is ServiceState.SHUTDOWN and not engine.view.is_active()


@pytest.mark.parametrize(("policy", "deaths", "status", "reboots"), [
    (OnFailure.RESTART, 2, Status.FAILED, False),
    (OnFailure.SWACT, 1, Status.FAILED, False),
    (OnFailure.DEGRADE, 2, Status.DEGRADED, False),
    (OnFailure.IGNORE, 2, Status.NONE, False),
    (OnFailure.REBOOT, 2, Status.FAILED, True)])
def test_what_follows_a_failure_is_a_matter_of_the_service(policy, deaths, status, reboots):
    engine = Engine(single(on_failure=policy)).up()
    for _ in range(deaths):
        assert engine.group.status is Status.NONE
        engine.tell(ProcessDied("svc", "killed")).answer("svc")
    assert engine.group.status is status
    engine.wait(31_000)
    assert (RebootNode("svc failed here: killed") in engine.actions) is reboots


def test_counters_without_countdown_are_never_forgiven_and_cost_nothing():
    engine = Engine(single(fail_countdown=0)).up()
    engine.tell(ProcessDied("svc", "killed")).answer("svc")
    engine.wait(200_000)
    assert engine["svc"].fail_count == 1 and engine["svc"].countdown_ms is None


def test_a_group_counts_a_failure_for_a_while_after_it_is_over():
    engine = Engine(single(impact=Impact.MAJOR, group_fields={"failure_debounce_ms": 120_000})).up()
    for _ in range(2):
        engine.tell(ProcessDied("svc", "killed")).answer("svc")
    assert (engine.group.status, engine.group.condition) == (Status.DEGRADED, Condition.RECOVERY_FAILURE)
    engine.tell(Order("g", engine.group.desired, recover=True)).done("svc")
    assert (engine.group.status, engine.group.condition) == (Status.DEGRADED, Condition.NONE)
    assert engine.group.health.degraded == 1
    engine.wait(119_000)
    assert engine.group.status is Status.DEGRADED
    assert engine.wait(2_000).group.status is Status.NONE


def test_the_reason_of_a_failure_outlives_the_cleaning_up():
    engine = Engine(single()).order("active")
    engine.done("svc", FAILED, reason="systemd svc start ended with 1")
    engine.done("svc", reason="systemd svc stop ended with 0")
    assert engine["svc"].reason == "enable: systemd svc start ended with 1"
    engine.wait(1_000).done("svc", reason="systemd svc start ended with 0")
    assert engine["svc"].state is ACTIVE and engine["svc"].reason == "enable: systemd svc start ended with 1"
    assert "systemd" not in engine.explain("svc")
