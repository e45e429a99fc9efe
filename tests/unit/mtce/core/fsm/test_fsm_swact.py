# SPDX-License-Identifier: Apache-2.0
"""Swact of the active controller: its order, its patience, its end on either controller."""
from __future__ import annotations

from dataclasses import replace

import pytest

from mtce.contract.states import HostAction
from mtce.core import actions as act
from mtce.core import events as ev
from mtce.core.arbiter import refusal
from mtce.core.fsm import step
from mtce.core.settings import Settings
from mtce.core.view import Level, Stage, first_view
from tests.unit.mtce.core.conftest import host_record

SETTINGS = Settings(service_management=True)
RECORD = host_record("controller-0", personality="controller", states="unlocked-enabled-available")


class Swact:
    """controller-0, and a service management that answers what the test says."""

    def __init__(self, action=HostAction.SWACT):
        self.view = replace(first_view(RECORD), is_active=True)
        self.now_ms, self.actions, self.tasks = 1_000_000, [], []
        self.feed(ev.Command(action, "request-1"))

    def feed(self, event):
        self.view, self.actions = step(self.view, event, self.now_ms, SETTINGS)
        if not self.tasks or self.tasks[-1] != self.view.task:
            self.tasks.append(self.view.task)
        return self

    def answer(self, ok, active=None, reason=""):
        return self.feed(ev.ManagerAnswer(self.view.command_id, ok, active, reason))

    def tick(self):
        due_ms = self.view.due_ms()
        self.now_ms = max(self.now_ms, due_ms if due_ms is not None else self.now_ms)
        return self.feed(ev.Tick())

    def asked(self, kind):
        return [one for one in self.actions if isinstance(one, kind)]


def test_services_move_and_the_conductor_of_the_other_controller_completes_it():
    s = Swact()
    assert act.Log("200.021", "command=swact") in s.actions and s.asked(act.AskManager)
    s.answer(True, active=True)
    assert s.asked(act.Swact) == [act.Swact(s.view.command_id, False)] and s.view.stage is Stage.SWACT_REQUEST
    s.answer(True)
    assert s.view.stage is Stage.SWACT_WAIT and s.view.deadline_ms == s.now_ms + 60_000
    s.view = replace(s.view, is_active=False)
    s.feed(ev.Resume("boot-of-controller-1"))
    assert (s.view.stage, s.view.action, s.view.action_failed) == (Stage.IDLE, HostAction.NONE, "")
    assert s.tasks == ["Swact: Request", "Swact: In-Progress", "Swact: Complete"]


def test_a_forced_swact_says_so():
    assert Swact(HostAction.FORCE_SWACT).answer(True, active=True).asked(act.Swact)[0].force


def test_the_end_is_seen_here_too():
    s = Swact().answer(True, active=True).answer(True).tick()
    assert s.asked(act.AskManager)
    s.answer(True, active=False)
    assert s.view.task == "Swact: Complete" and s.view.stage is Stage.IDLE


def test_services_that_stay():
    s = Swact().answer(True, active=True).answer(True)
    while s.view.stage is not Stage.IDLE:
        s.tick()
        if s.view.stage is not Stage.IDLE:
            s.answer(True, active=True)
    assert s.tasks[-1] == "Swact: Did Not Complete" and s.view.action_failed == "swact"
    assert s.now_ms <= 1_000_000 + 120_000


def test_nothing_to_move():
    s = Swact().answer(True, active=False)
    assert (s.view.task, s.view.action_failed) == ("Swact: No active services", "swact")


def test_a_service_management_that_does_not_answer():
    s, questions = Swact(), 1
    while s.view.stage is not Stage.IDLE:
        s.answer(False, reason="no connection").tick()
        questions += bool(s.asked(act.AskManager))
    assert questions == 10 and s.view.task == "Swact: Query Services Failed"
    assert s.now_ms <= 1_000_000 + 120_000


def test_a_refused_request_is_repeated_for_two_minutes_and_its_reason_is_shown():
    s, requests = Swact().answer(True, active=True), 1
    while s.view.stage is not Stage.IDLE:
        s.answer(False, reason="service is syncing data").tick()
        requests += bool(s.asked(act.Swact))
    assert requests == 12 and s.tasks[-1] == "Swact: service is syncing data" and s.view.action_failed == "swact"
    late = Swact().answer(True, active=True).answer(False, reason="busy").tick()
    assert late.answer(True).view.stage is Stage.SWACT_WAIT


def test_a_request_without_any_answer():
    s = Swact().answer(True, active=True)
    while s.view.stage is not Stage.IDLE:
        s.tick()
    assert s.tasks[-1] == "Swact: Timeout"


@pytest.mark.parametrize("answers", [0, 1, 2])
def test_a_restart_on_the_same_controller_goes_on(answers):
    s = Swact()
    for _ in range(answers):
        s.answer(True, active=True)
    s.feed(ev.Resume("controller-boot-1"))
    assert s.asked(act.AskManager) and s.view.stage is (Stage.SWACT_WAIT if answers == 2 else Stage.SWACT_QUERY)
    assert s.view.task.startswith("Swact:")


def test_an_answer_to_another_question_does_not_count():
    s = Swact()
    s.feed(ev.ManagerAnswer("other", True, True))
    assert s.view.stage is Stage.SWACT_QUERY


def test_who_may_be_swacted():
    view = Swact().view
    idle = replace(first_view(RECORD), is_active=True)
    assert refusal(idle, HostAction.SWACT, SETTINGS) is None
    assert refusal(idle, HostAction.FORCE_SWACT, SETTINGS) is None
    assert "already in-progress" in refusal(view, HostAction.SWACT, SETTINGS).reason
    assert refusal(view, HostAction.FORCE_SWACT, SETTINGS).reason == "swact is in progress"
    assert refusal(replace(idle, is_active=False), HostAction.SWACT, SETTINGS).action == "Select the active controller"
    for other in (Settings(), Settings(service_management=True, simplex=True)):
        assert refusal(idle, HostAction.SWACT, other).reason == "No unlocked-enabled controller available"


def taken_over(states="unlocked-enabled-available", **fields):
    """The view of controller-1, stored by the conductor of the other controller, after the one here has loaded it."""
    record = host_record("controller-1", personality="controller", states=states)
    view = replace(first_view(record), **fields)
    return step(view, ev.Resume("boot-of-controller-1"), 1_000_000, SETTINGS)[0]


def test_the_standby_that_has_become_active_is_not_monitored_any_more():
    lost = {"monitored": True, "mgmt": Level.LOSS, "cluster_host": Level.LOSS, "epoch": 7,
            "degrade": ("heartbeat:cluster-host", "heartbeat:mgmt", "memory"),
            "alarms": (("200.005", ".network=Management", "critical"), ("200.009", ".network=Cluster-host", "critical"),
                       ("100.103", "", "major"))}
    view = taken_over("unlocked-enabled-degraded", is_active=True, **lost)
    assert (view.monitored, view.degrade, view.alarms) == (False, ("memory",), (("100.103", "", "major"),))
    assert view.availability == "degraded"
    view = taken_over("unlocked-enabled-degraded", is_active=True, **{**lost, "degrade": ("heartbeat:mgmt",)})
    assert view.availability == "available"


def test_the_active_one_that_has_become_standby_is_monitored():
    view = taken_over(is_active=False, monitored=False)
    assert view.monitored and view.epoch == 1_000_000
    assert taken_over(is_active=False, monitored=True, epoch=7).epoch == 7
    assert not taken_over("locked-disabled-online", is_active=False, monitored=False).monitored
    under_way = {"action": HostAction.SWACT, "stage": Stage.SWACT_WAIT, "deadline_ms": 2_000_000}
    assert taken_over(is_active=False, monitored=False, **under_way).monitored
