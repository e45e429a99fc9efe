# SPDX-License-Identifier: Apache-2.0
"""Alarms are raised when things change, corrected when fm has others, and never cleared for want of knowledge."""
from __future__ import annotations

from typing import Any

import pytest

from flock.core.errors import InvalidInput, Unavailable
from flock.core.records import replace
from fm.contract.enums import AlarmState, AlarmType, Severity
from fm.contract.fault import Fault
from patching.alarms.keeper import Keeper
from patching.alarms.wanted import Facts
from patching.contract.states import DeployState as D
from patching.contract.states import HostState as H
from patching.contract.states import ReleaseState as R
from patching.contract.version import Version
from patching.core.model import Deploy, HostRow, View
from tests.unit.patching.core.systems import a_release, a_system

FAILED, LOCKED = ("900.021", "host=controller-0"), ("900.020", "host=controller-1")


class World:
    """An fm, and the state of things."""

    def __init__(self) -> None:
        self.active_now: dict[tuple[str, str], str] = {}
        self.requests: list[str] = []
        self.is_away = False
        self.view, self.facts, self.hosts_known = a_system("DX"), Facts(), True

    def raise_alarm(self, alarm_id: str, *, entity_instance_id: str, reason_text: str) -> str:
        self.active_now[alarm_id, entity_instance_id] = reason_text
        self.requests.append(f"+{alarm_id}")
        return "id"

    def clear_alarm(self, alarm_id: str, *, entity_instance_id: str, exact: bool) -> str:
        assert exact
        self.active_now.pop((alarm_id, entity_instance_id), None)
        self.requests.append(f"-{alarm_id}")
        return "id"

    def active(self, *, alarm_id: str) -> list[Fault]:
        if self.is_away:
            raise Unavailable(service="fm-manager", reason="no connection")
        return [Fault(key[0], AlarmState.SET, "host", key[1], Severity.MAJOR, reason, AlarmType.EQUIPMENT, "unknown")
                for key, reason in self.active_now.items() if key[0] == alarm_id]

    def look(self) -> tuple[View, Facts, bool]:
        return self.view, self.facts, self.hosts_known


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def keeper(world: World) -> Keeper:
    return Keeper(world, world.look)


def a_failure(**fields: Any) -> View:
    view = a_system("DX", a_release("10.0.1", R.DEPLOYING))
    return replace(view, deploy=Deploy(Version.parse("10.0.0"), Version.parse("10.0.1"), D.HOST_FAILED,
                                       ("starlingx-10.0.1",)),
                   rows={"controller-0": HostRow("controller-0", H.FAILED, error="disk full", **fields)})


def test_changes_are_told_once_and_without_an_answer_of_fm(world: World, keeper: Keeper) -> None:
    world.is_away = True
    world.view = a_failure()
    keeper.changed()
    keeper.changed()
    assert sorted(world.requests) == ["+900.021", "+900.023"] and FAILED in world.active_now
    world.view = a_system("DX", a_release("10.0.1", R.DEPLOYED))
    keeper.changed()
    assert not world.active_now


def test_a_reason_that_changes_is_told(world: World, keeper: Keeper) -> None:
    world.view = a_failure()
    keeper.changed()
    world.requests.clear()
    world.view = replace(world.view, rows={"controller-0": HostRow("controller-0", H.FAILED, error="no space")})
    keeper.changed()
    assert world.requests == ["+900.021"] and world.active_now[FAILED].endswith("no space")


def test_an_audit_corrects_what_fm_has(world: World, keeper: Keeper) -> None:
    """One that an operator deleted comes back, one that an earlier conductor left goes, those of others stay."""
    other = ("200.006", "host=controller-0")
    world.active_now = {("900.024", "host=controller"): "old", other: "not ours"}
    world.view = a_failure()
    keeper.audit()
    assert set(world.active_now) == {FAILED, ("900.023", "host=controller"), other}
    del world.active_now[FAILED]
    keeper.changed()
    assert FAILED not in world.active_now
    keeper.audit()
    assert FAILED in world.active_now


def test_an_audit_without_fm_changes_nothing(world: World, keeper: Keeper) -> None:
    world.is_away = True
    world.view = a_failure()
    with pytest.raises(Unavailable):
        keeper.audit()
    assert not world.requests


def test_what_nobody_can_say_stays(world: World, keeper: Keeper) -> None:
    world.active_now = {LOCKED: "locked", ("900.004", "host=controller-1"): "other version", FAILED: "gone"}
    world.view, world.hosts_known = replace(a_system("DX"), hosts={}), False
    keeper.audit()
    assert set(world.active_now) == {LOCKED, ("900.004", "host=controller-1")}
    world.hosts_known = True
    keeper.changed()
    assert not world.active_now


def test_an_alarm_that_is_refused_keeps_no_other_from_being_raised(world: World, monkeypatch: pytest.MonkeyPatch,
                                                                  caplog: pytest.LogCaptureFixture) -> None:
    world.view = a_failure()
    keeper = Keeper(world, world.look)
    keeper.changed()
    before = dict(world.active_now)
    assert len(before) == 2
    world.active_now.clear()
    refused = next(iter(before))
    accept = world.raise_alarm

    def picky(alarm_id: str, *, entity_instance_id: str, reason_text: str) -> str:
        if (alarm_id, entity_instance_id) == refused:
            raise InvalidInput(field="reason_text", rule="must not contain NUL")
        return accept(alarm_id, entity_instance_id=entity_instance_id, reason_text=reason_text)

    monkeypatch.setattr(world, "raise_alarm", picky)
    keeper.audit()
    assert world.active_now.keys() == before.keys() - {refused}
    assert "cannot be raised" in caplog.text
    monkeypatch.undo()
    keeper.changed()
    assert world.active_now == before, "it is tried again"
