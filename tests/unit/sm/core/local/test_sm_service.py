# SPDX-License-Identifier: Apache-2.0
"""The state machine of a service: starting, stopping, promotion, repair in place, and what interrupts them."""
import pytest

from sm.contract.states import (
    ActionResult,
    Condition,
    DependencyKind,
    ServiceAction,
    ServiceState,
    Status,
)
from sm.core.actions import CancelAction, RunAction, UnwatchProcess, WatchProcess
from sm.core.events import ActionDone, AuditNow, ProcessDied, Restart, SetManaged, Tick
from sm.core.model import Catalogue, Dependency
from tests.sim.service_catalogues import WARM, group, needs, service
from tests.unit.sm.core.local.engine import (
    ACTIVE,
    DISABLED,
    FAILED,
    STANDBY,
    Engine,
    chain,
    single,
)

A = ServiceAction


def test_after_boot_everything_is_looked_at_and_nothing_started():
    engine = Engine(chain(), found=None)
    assert engine.ran() == [(name, "audit-enabled") for name in ("ip", "db", "app")]
    for name in ("ip", "db", "app"):
        engine.done(name, state=DISABLED)
        assert engine.ran() == []
    assert not engine.view.is_active()


def test_services_start_after_what_they_use_and_stop_before_it():
    engine = Engine(chain())
    assert engine.order("active").ran() == [("ip", "enable")]
    assert engine.done("ip").ran() == [("db", "enable")]
    assert engine.done("db").ran() == [("app", "enable")]
    assert engine.done("app").group.state == "active"
    assert engine.order("standby").ran() == [("app", "disable")]
    assert engine.done("app").ran() == [("db", "disable")]
    assert engine.done("db").ran() == [("ip", "disable")]
    assert engine.group.state == "go-standby" and engine.view.is_active("g")
    engine.done("ip")
    assert engine.group.state == "standby" and not engine.view.is_active("g")
    assert engine["ip"].shown_state is STANDBY and engine["ip"].state is DISABLED


def test_what_runs_already_is_not_started_again():
    engine = Engine(chain(), found=ACTIVE)
    assert engine.view.is_active("g")
    assert engine.order("active").ran() == []
    assert engine.group.state == "active"
    assert {name for name in ("ip", "db", "app") if engine[name].watched} == {"ip", "db", "app"}


def test_a_process_that_dies_is_restarted_in_place_and_its_users_go_on():
    engine = Engine(chain()).up()
    engine.tell(ProcessDied("db", "killed by signal 9"))
    assert engine.actions[0] == UnwatchProcess("db") and engine.ran() == [("db", "disable")]
    assert engine.done("db").ran() == [("db", "enable")]
    assert engine.done("db").actions == (WatchProcess("db"),)
    assert engine.group.state == "active" and engine.group.status is Status.NONE
    assert engine["db"].fail_count == 1
    assert engine.wait(90_000)["db"].fail_count == 0


def test_two_deaths_within_the_countdown_are_too_many():
    engine = Engine(chain()).up()
    for _ in range(2):
        engine.tell(ProcessDied("db", "killed"))
        engine.answer("db")
    assert engine["db"].state is DISABLED and engine.running("db") is None
    assert (engine.group.status, engine.group.condition) == (Status.FAILED, Condition.RECOVERY_FAILURE)
    assert engine.group.state == "active"
    assert engine.group.reason == "db(disabled, failed, recovery-failure)"


def test_one_that_failed_too_often_is_tried_again_when_a_failure_is_forgiven():
    engine = Engine(chain()).up()
    for _ in range(2):
        engine.tell(ProcessDied("db", "killed"))
        engine.answer("db")
    engine.wait(80_000)
    assert engine["db"].state is DISABLED
    assert any(isinstance(action, RunAction) and action.action is A.ENABLE for action in engine.wait(11_000).actions)
    engine.done("db")
    assert engine["db"].condition is Condition.NONE and engine["db"].state is ACTIVE


def test_two_deaths_further_apart_are_each_repaired():
    engine = Engine(chain()).up()
    engine.tell(ProcessDied("db", "killed"))
    engine.answer("db").wait(91_000)
    engine.tell(ProcessDied("db", "killed"))
    engine.answer("db")
    assert engine["db"].state is ACTIVE and engine["db"].fail_count == 1


def test_a_failed_audit_stops_the_users_first_and_brings_them_back():
    engine = Engine(chain()).up()
    engine.tell(AuditNow("db"))
    assert engine.ran() == [("db", "audit-enabled")]
    assert engine.done("db", ActionResult.TIMEOUT).ran() == [("app", "disable")]
    assert engine.done("app").ran() == [("db", "disable")]
    assert engine.done("db").ran() == [("db", "enable")]
    assert engine["app"].fail_count == 0 and engine["db"].fail_count == 1
    assert engine.done("db").ran() == [("app", "enable")]
    assert engine.done("app").group.state == "active"


def test_an_audit_that_finds_the_service_down_counts_like_the_death_of_its_process():
    engine = Engine(chain()).up()
    for count in (1, 2):
        engine.tell(AuditNow("db"))
        assert engine.done("db", state=DISABLED).ran() == [("db", "disable")]
        assert engine["db"].fail_count == count
        engine.answer("db")
    assert engine["db"].condition is Condition.RECOVERY_FAILURE


def test_what_a_plug_in_reports_is_stored_and_the_service_left_alone():
    engine = Engine(single(actions=WARM)).up()
    engine.tell(AuditNow("svc"))
    engine.done("svc", state=ACTIVE, status=Status.DEGRADED, condition=Condition.DATA_SYNCING)
    assert engine.ran() == [] and engine["svc"].state is ACTIVE
    assert (engine.group.status, engine.group.condition) == (Status.DEGRADED, Condition.DATA_SYNCING)
    engine.tell(AuditNow("svc"))
    assert engine.done("svc").group.status is Status.DEGRADED
    engine.tell(AuditNow("svc"))
    assert engine.done("svc", status=Status.NONE, condition=Condition.NONE).group.status is Status.NONE


def test_news_during_an_audit_cause_another_one():
    engine = Engine(single()).up()
    engine.tell(AuditNow("svc"))
    assert engine.tell(AuditNow("svc")).ran() == []
    assert engine.done("svc").ran() == [("svc", "audit-enabled")]
    assert engine.done("svc").ran() == []


def test_audits_are_repeated_a_period_after_the_last_one():
    engine = Engine(single(interval_s=30)).up()
    assert len(engine.wait(95_000).actions) == 3


def test_a_warm_service_is_promoted_and_demoted():
    engine = Engine(single(actions=WARM))
    assert engine.order("standby").ran() == [("svc", "enable")]
    assert engine.done("svc")["svc"].state is STANDBY
    assert engine.group.state == "standby" and not engine.view.is_active("g")
    assert engine.order("active").ran() == [("svc", "go-active")]
    assert engine.view.is_active("g")
    assert engine.done("svc").group.state == "active"
    assert engine.order("standby").ran() == [("svc", "go-standby")]
    assert engine.view.is_active("g")
    assert not engine.done("svc").view.is_active("g")
    assert engine.order("disabled").ran() == [("svc", "disable")]
    assert engine.done("svc").group.state == "disabled"


def test_a_demotion_may_replace_the_process():
    engine = Engine(single(actions=WARM))
    engine.order("active").done("svc")
    engine.done("svc")
    engine.order("standby")
    assert UnwatchProcess("svc") in engine.actions
    assert engine.tell(ProcessDied("svc", "ended")).ran() == []
    engine.done("svc")
    assert WatchProcess("svc") in engine.actions
    assert (engine["svc"].state, engine["svc"].fail_count) == (STANDBY, 0)


def test_a_promotion_is_killed_and_undone_when_the_order_changes():
    engine = Engine(single(actions=WARM))
    engine.order("active").done("svc")
    run_id = engine["svc"].run_id
    engine.order("standby")
    assert engine.actions == (CancelAction("svc", run_id), UnwatchProcess("svc"),
                              RunAction("svc", A.GO_STANDBY, run_id + 1))
    assert engine.view.is_active("g")
    assert not engine.done("svc").view.is_active("g")


def test_a_promotion_that_fails_is_looked_into_and_tried_again_after_a_pause():
    engine = Engine(single(actions=WARM))
    engine.order("active").done("svc")
    assert engine.done("svc", FAILED).ran() == [("svc", "audit-enabled")]
    assert engine.done("svc", state=STANDBY).ran() == []
    assert [type(action) for action in engine.wait(1_100).actions] == [RunAction]
    assert engine["svc"].state is ServiceState.ENABLED_GO_ACTIVE


def test_a_service_that_cannot_be_demoted_is_stopped_in_the_end():
    engine = Engine(single(actions=WARM, max_action_failures=2)).up()
    engine.order("standby")
    for _ in range(2):
        engine.done("svc", FAILED).done("svc", state=ACTIVE)
        engine.wait(3_000, audits=False)
    assert engine["svc"].state is ServiceState.DISABLING
    assert engine.done("svc").done("svc")["svc"].state is STANDBY
    assert engine.group.state == "standby"


def test_a_demotion_goes_on_when_the_service_is_wanted_active_again():
    engine = Engine(single(actions=WARM)).up()
    engine.order("standby")
    assert engine.order("active").actions == ()
    assert engine.done("svc").ran() == [("svc", "go-active")]


def test_without_a_way_to_demote_a_service_is_restarted_to_stand_by():
    engine = Engine(single(actions=(*WARM[:-1],))).up()
    assert engine.order("standby").ran() == [("svc", "disable")]
    assert engine.done("svc").ran() == [("svc", "enable")]
    assert engine.done("svc").group.state == "standby"


@pytest.mark.parametrize("state", ["standby", "disabled"])
def test_a_start_is_killed_when_the_service_is_not_wanted_any_more(state):
    engine = Engine(chain())
    engine.order("active")
    assert engine.order(state).cancelled() == ["ip"]
    assert engine.ran() == [("ip", "disable")]
    assert engine["db"].state is DISABLED
    assert engine.done("ip").group.state == state


def test_stopping_is_finished_before_the_service_starts_again():
    engine = Engine(single()).up()
    engine.order("standby")
    assert engine.order("active").actions == ()
    assert engine.done("svc").ran() == [("svc", "enable")]


def test_a_service_waiting_to_stop_is_looked_at_when_it_is_wanted_again():
    engine = Engine(chain()).up()
    engine.order("standby").order("active")
    assert engine.ran() == [("ip", "audit-enabled"), ("db", "audit-enabled")]
    engine.done("db", state=ACTIVE).done("ip", state=ACTIVE).answer("app")
    assert engine.group.state == "active" and engine["ip"].fail_count == 0


def test_a_look_that_takes_long_does_not_delay_stopping():
    engine = Engine(single(), found=None)
    assert engine.order("disabled").ran() == []
    engine.tell(Tick(), 4_000)
    assert engine.actions == ()
    assert engine.tell(Tick(), 1_000).ran() == [("svc", "disable")]
    assert engine.cancelled() == ["svc"]


def test_without_an_order_a_look_that_fails_is_repeated_after_a_pause():
    engine = Engine(single(), found=None)
    assert engine.done("svc", FAILED).ran() == []
    assert engine.tell(Tick(), 4_000).ran() == []
    assert engine.tell(Tick(), 1_000).ran() == [("svc", "audit-enabled")]
    assert engine.view.is_active("g")


def test_nobody_knows_what_runs_so_it_is_stopped_before_it_is_started():
    engine = Engine(single(), found=None)
    engine.order("active")
    assert engine.done("svc", FAILED).ran() == [("svc", "disable")]
    assert engine.done("svc").ran() == [("svc", "enable")]


def test_a_service_without_audits_is_stopped_before_it_counts_as_stopped():
    engine = Engine(single(actions=(A.ENABLE, A.DISABLE)))
    assert engine["svc"].state is DISABLED and engine.view.is_active("g")
    assert engine.order("standby").ran() == [("svc", "disable")]
    assert not engine.done("svc").view.is_active("g")


def test_a_service_that_needs_no_actions_follows_at_once():
    engine = Engine(single(actions=(A.AUDIT_DISABLED,)))
    assert engine.order("active").group.state == "active"
    assert engine.order("disabled").group.state == "disabled"


def test_a_service_started_behind_our_back_is_stopped():
    engine = Engine(single())
    engine.order("standby").tell(AuditNow("svc"))
    assert engine.done("svc").ran() == [("svc", "disable")]
    assert engine.view.is_active("g")


def test_a_restart_takes_the_users_along_unless_it_is_alone():
    engine = Engine(chain()).up()
    assert engine.tell(Restart("db")).ran() == [("app", "disable")]
    engine.answer()
    assert engine.group.state == "active"
    assert engine.tell(Restart("db", alone=True)).ran() == [("db", "disable")]
    assert engine.done("db").ran() == [("db", "enable")]
    assert engine["app"].state is ACTIVE


def test_a_restart_forgets_failures():
    engine = Engine(chain()).up()
    for _ in range(2):
        engine.tell(ProcessDied("db", "killed"))
        engine.answer("db")
    assert engine.tell(Restart("db")).ran() == [("app", "disable")]
    engine.answer()
    assert engine["db"].state is ACTIVE and engine["db"].fail_count == 0


def test_a_restart_of_a_service_that_is_down_takes_its_users_along_also_during_an_audit():
    engine = Engine(chain()).up()
    for _ in range(2):
        engine.tell(ProcessDied("db", "killed")).answer("db")
    engine.tell(AuditNow("db"))
    assert engine.tell(Restart("db")).cancelled() == ["db"]
    assert engine.ran() == [("app", "disable")]


def test_what_is_stopped_for_standby_is_not_restarted():
    engine = Engine(single())
    before = engine.order("standby").view
    assert engine.tell(Restart("svc")).actions == () and engine.view == before


def test_an_audit_that_confirms_a_stop_does_not_cost_a_waiting_service_its_place():
    engine = Engine(chain())
    engine.tell(AuditNow("app")).order("active")
    since_ms = engine["app"].since_ms
    engine.done("app", state=DISABLED)
    assert (engine["app"].state, engine["app"].since_ms) == (ServiceState.ENABLING_THROTTLE, since_ms)


def test_an_audit_that_finds_a_waiting_service_running_spares_its_start():
    engine = Engine(chain())
    engine.tell(AuditNow("app")).order("active").done("app", state=ACTIVE)
    assert engine["app"].state is ACTIVE


@pytest.mark.parametrize("event", [Restart("svc"), Restart("nobody"), ProcessDied("nobody", ""), AuditNow("nobody"),
                                   SetManaged("nobody", False), SetManaged("svc", True), ProcessDied("svc", "")])
def test_events_that_concern_nothing_here_change_nothing(event):
    engine = Engine(single())
    before = engine.view
    assert engine.tell(event).actions == () and engine.view == before


def test_an_unmanaged_service_is_left_alone_and_taken_back():
    engine = Engine(chain()).up()
    engine.tell(SetManaged("app", False))
    assert engine.actions == (UnwatchProcess("app"),)
    assert engine.tell(ProcessDied("app", "killed")).actions == ()
    assert engine["app"].state is ACTIVE
    assert engine.tell(SetManaged("app", True)).ran() == [("app", "audit-enabled")]
    assert engine.done("app", state=DISABLED).ran() == [("app", "enable")]
    assert engine.done("app").group.state == "active"


def test_an_unmanaged_service_passes_and_counts_as_active_until_an_audit_proves_it_stopped():
    engine = Engine(single()).up()
    engine.tell(SetManaged("svc", False))
    assert engine.order("standby").ran() == []
    assert engine.group.state == "standby" and engine.view.is_active("g")
    assert [action.action for action in engine.wait(31_000, audits=False).actions] == [A.AUDIT_DISABLED]
    engine.done("svc", state=ACTIVE)
    assert engine.view.is_active("g")
    engine.wait(31_000, audits=False)
    assert not engine.done("svc", state=DISABLED).view.is_active("g")
    assert engine.order("active").ran() == [] and engine.group.state == "active"


def test_answers_of_other_runs_are_ignored():
    engine = Engine(single())
    engine.order("active")
    run_id = engine["svc"].run_id
    for event in (ActionDone("svc", A.ENABLE, run_id - 1, FAILED), ActionDone("svc", A.DISABLE, run_id, FAILED),
                  ActionDone("nobody", A.ENABLE, run_id, FAILED)):
        before = engine.view
        assert engine.tell(event).actions == () and engine.view == before
    engine.done("svc")
    before = engine.view
    assert engine.tell(ActionDone("svc", A.ENABLE, run_id, FAILED)).view == before


def test_what_must_hold_while_a_service_is_enabled_takes_it_down_when_it_is_lost():
    catalogue = Catalogue({"g": group("g", ["a", "b"])}, {"a": service("a"), "b": service("b")},
                          (Dependency("b", A.ENABLE, "a", ACTIVE, DependencyKind.STATE),))
    engine = Engine(catalogue)
    assert engine.order("active").ran() == [("a", "enable")]
    assert engine.done("a").ran() == [("b", "enable")]
    engine.done("b").tell(ProcessDied("a", "killed"))
    assert sorted(engine.ran()) == [("a", "disable"), ("b", "disable")]
    engine.answer()
    assert engine.group.state == "active" and engine["b"].state is ACTIVE


def test_a_user_that_does_not_need_it_to_start_also_stops_first():
    rows = (Dependency("fs", A.DISABLE, "nfs", DISABLED),)
    services = {"fs": service("fs"), "nfs": service("nfs")}
    engine = Engine(Catalogue({"g": group("g", services)}, services, rows)).up()
    assert engine.tell(Restart("fs")).ran() == [("nfs", "disable")]
    assert engine.done("nfs").ran() == [("fs", "disable")]
    assert sorted(engine.done("fs").ran()) == [("fs", "enable"), ("nfs", "enable")]


def test_what_was_pressed_without_an_order_is_left_again_when_the_pressure_ends():
    catalogue = Catalogue({"g": group("g", ["ip"]), "h": group("h", ["app", "top"])},
                          {name: service(name) for name in ("ip", "app", "top")},
                          (*needs("app", "ip"), *needs("top", "app")))
    engine = Engine(catalogue, found=ACTIVE)
    engine.order("disabled")
    assert engine.ran() == [("top", "disable")]
    engine.order("active")
    assert engine.ran() == [("ip", "audit-enabled"), ("app", "audit-enabled")]
    engine.done("ip", state=ACTIVE).done("app", state=ACTIVE)
    assert engine["app"].state is ACTIVE and engine.ran() == []


@pytest.mark.parametrize(("found", "expected"), [(DISABLED, []), (STANDBY, []), (ACTIVE, [("drbd", "go-standby")])])
def test_a_warm_service_without_an_order_makes_way_and_is_not_started(found, expected):
    catalogue = Catalogue({"g": group("g", ["ip"]), "h": group("h", ["drbd"])},
                          {"ip": service("ip"), "drbd": service("drbd", WARM)}, tuple(needs("drbd", "ip")))
    engine = Engine(catalogue, found=None)
    engine.done("ip", state=ACTIVE).done("drbd", state=found).order("disabled")
    stop = [] if expected else [("ip", "disable")]
    assert engine.ran() == [*expected, *stop]
    engine.answer()
    assert engine.group.state == "disabled" and engine["drbd"].state is (STANDBY if found is not DISABLED else DISABLED)


def test_a_warm_service_found_in_another_state_is_driven_back():
    engine = Engine(single(actions=WARM)).up()
    engine.tell(AuditNow("svc"))
    assert engine.done("svc", state=STANDBY).ran() == [("svc", "go-active")]
    assert engine["svc"].fail_count == 0
    engine.done("svc").order("standby").done("svc").tell(AuditNow("svc"))
    assert engine.done("svc", state=ACTIVE).ran() == [("svc", "go-standby")]
    assert engine.view.is_active("g")


def test_a_service_without_standby_that_reports_standing_by_is_active():
    engine = Engine(single()).up()
    engine.tell(AuditNow("svc"))
    assert engine.done("svc", state=STANDBY).ran() == [] and engine["svc"].state is ACTIVE


def test_a_demotion_that_stops_the_service_is_followed_by_a_start():
    engine = Engine(single(actions=WARM)).up()
    engine.order("standby")
    assert engine.done("svc", state=DISABLED).ran() == [("svc", "enable")]


@pytest.mark.parametrize("promoted", [True, False])
def test_promotions_and_demotions_are_killed_when_the_service_shall_stop(promoted):
    engine = Engine(single(actions=WARM))
    engine.order("active").done("svc")
    if not promoted:
        engine.done("svc").order("standby")
    assert engine.order("disabled").cancelled() == ["svc"]
    assert engine.ran() == [("svc", "disable")]
    assert engine.done("svc").group.state == "disabled"


def test_without_an_order_an_audit_that_fails_leads_to_looks_and_nothing_else():
    engine = Engine(single(), found=ACTIVE)
    engine.tell(AuditNow("svc"))
    assert engine.done("svc", FAILED).ran() == [] and engine["svc"].state is ServiceState.UNKNOWN
    assert engine.tell(Tick(), 5_000).ran() == [("svc", "audit-enabled")]
    assert engine.done("svc", state=ACTIVE).ran() == []


def test_cycles_do_not_hang():
    rows = (*needs("a", "b"), *needs("b", "a"))
    engine = Engine(Catalogue({"g": group("g", ["a", "b"])}, {"a": service("a"), "b": service("b")}, rows)).up()
    assert engine.group.state == "active"
    assert engine.order("disabled").answer().group.state == "disabled"
