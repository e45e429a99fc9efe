# SPDX-License-Identifier: Apache-2.0
"""What mtce asks and tells service management."""
from __future__ import annotations

from dataclasses import replace

import pytest

from flock.core.errors import Unavailable
from mtce.conductor.manager import ManagerAudit, answer
from mtce.contract.states import HostAction
from mtce.core.actions import AskManager, Swact
from mtce.core.events import ManagerAnswer
from mtce.core.view import first_view
from sm.contract.nodecommand import Fencing, NodeAction
from sysinv.contract.enums import Administrative, Availability, Operational
from tests.unit.mtce.core.conftest import host_record

C0 = replace(first_view(host_record("controller-0", personality="controller", states="unlocked-enabled-available")),
             is_active=True)
LOCKED = replace(C0, uuid="2f1c1d7e-0000-4000-8000-000000000002", hostname="controller-1", is_active=False,
                 administrative=Administrative.LOCKED, operational=Operational.DISABLED,
                 availability=Availability.ONLINE)
AWAY = Unavailable(service="sm-api", reason="no connection")


class Api:
    """Knows two controllers, and takes what it is told unless ``codes`` has another answer."""

    def __init__(self):
        self.nodes = {name: ("unlocked", "enabled", "available") for name in ("controller-0", "controller-1")}
        self.told, self.codes, self.fault, self.fencing = [], [], None, "none"

    def service_node(self, hostname):
        if self.fault is not None:
            raise self.fault
        states = self.nodes.get(hostname, ("unknown",) * 3)
        active = "yes" if hostname == "controller-0" else "no" if hostname in self.nodes else "unknown"
        return {**dict(zip(("admin", "oper", "avail"), states, strict=True)), "active_services": active,
                "swactable_services": active, "fencing": self.fencing}

    def command(self, hostname, action, admin="unknown", oper="unknown", avail=""):
        self.told.append((hostname, action, admin, oper, avail))
        code = self.codes.pop(0) if self.codes else "0"
        if code == "0":
            self.nodes[hostname] = (admin, oper, avail)
        return {"error_code": code, "error_details": None if code == "0" else "why"}


def test_differences_are_told_once():
    api = Api()
    audit = ManagerAudit(api, lambda: [C0, LOCKED, replace(C0, hostname="worker-0", personality="worker")])
    audit.audit()
    audit.audit()
    assert api.told == [("controller-1", NodeAction.LOCK, "locked", "disabled", "")]


@pytest.mark.parametrize(("view", "word"), [
    (replace(LOCKED, administrative=Administrative.UNLOCKED, availability=Availability.FAILED), NodeAction.EVENT),
    (replace(LOCKED, administrative=Administrative.UNLOCKED, action=HostAction.ENABLE), NodeAction.UNLOCK),
    (replace(LOCKED, action=HostAction.LOCK), NodeAction.LOCK)])
def test_the_word_says_why(view, word):
    api = Api()
    ManagerAudit(api, lambda: [view]).audit()
    assert [told[1] for told in api.told] == [word]


def test_what_service_management_does_with_silent_controllers_reaches_their_views():
    api, posted = Api(), []
    silent = replace(C0, uuid="2", hostname="controller-1", is_active=False)
    worker = replace(silent, uuid="3", hostname="worker-0", personality="worker")
    audit = ManagerAudit(api, lambda: [C0, silent, worker], lambda uuid, event: posted.append((uuid, event)))
    for word in ("able", "off", "none", "a word of another release", None):
        api.fencing = word
        audit.audit()
    assert [event.fencing for _, event in posted] == [Fencing.ABLE, Fencing.OFF, *[Fencing.NONE] * 3]
    assert {uuid for uuid, _ in posted} == {"2"}, "neither the active controller nor a worker"


def test_a_locked_host_is_locked_whatever_service_management_thinks():
    api = Api()
    api.codes = ["-1003"]
    ManagerAudit(api, lambda: [LOCKED]).audit()
    assert [told[1] for told in api.told] == [NodeAction.LOCK, NodeAction.EVENT]
    assert api.nodes["controller-1"] == ("locked", "disabled", "")


def test_what_is_not_taken_is_told_again_and_unknown_controllers_are_left_alone():
    api = Api()
    api.codes = ["-1001"]
    audit = ManagerAudit(api, lambda: [LOCKED, replace(LOCKED, hostname="controller-9")])
    audit.audit()
    audit.audit()
    assert len(api.told) == 2 and api.nodes["controller-1"][0] == "locked"


def test_a_service_management_that_is_away_shows_on_the_health_page():
    api = Api()
    audit = ManagerAudit(api, lambda: [LOCKED])
    api.fault = AWAY
    assert audit._pass() > 0 and "sm-api" in (audit.trouble() or "")
    api.fault = None
    audit._pass()
    assert audit.trouble() is None and api.told


def test_a_change_of_a_controller_is_told_soon():
    api = Api()
    views = [C0]
    audit = ManagerAudit(api, lambda: views)
    audit.audit()
    nudged = []
    audit._worker.nudge = lambda: nudged.append(True)
    audit.changed(C0)
    audit.changed(replace(C0, personality="worker", availability=Availability.DEGRADED))
    assert not nudged
    audit.changed(replace(C0, availability=Availability.DEGRADED))
    assert nudged


def test_answers_to_the_state_machine():
    api = Api()
    assert answer(api, C0, AskManager("1")) == ManagerAnswer("1", True, True)
    assert answer(api, C0, Swact("2", False)) == ManagerAnswer("2", True)
    assert answer(api, C0, Swact("3", True)) == ManagerAnswer("3", True)
    assert [told[1:] for told in api.told] == [
        (word, "unlocked", "enabled", "available") for word in (NodeAction.SWACT, NodeAction.SWACT_FORCE)]
    api.codes = ["-1001"]
    assert answer(api, C0, Swact("4", False)) == ManagerAnswer("4", False, reason="why")
    api.fault = AWAY
    assert answer(api, C0, AskManager("5")).ok is False


@pytest.mark.parametrize(("states", "others", "told"), [
    ("locked-disabled-online", [], False), ("unlocked-disabled-intest", [LOCKED], False),
    ("unlocked-disabled-failed", [replace(LOCKED, administrative=Administrative.UNLOCKED,
                                          operational=Operational.ENABLED)], True),
    ("unlocked-enabled-degraded", [], True)])
def test_the_active_controller_is_not_stopped_unless_another_can_take_over(states, others, told):
    """Service management would stop what could unlock or enable it."""
    api = Api()
    active = replace(first_view(host_record("controller-0", personality="controller", states=states)), is_active=True)
    ManagerAudit(api, lambda: [active, *others]).audit()
    assert any(host == "controller-0" for host, *_ in api.told) is told
