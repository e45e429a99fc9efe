# SPDX-License-Identifier: Apache-2.0
"""The rules of an alarm's life one by one, on the manager and its tables: set, clear, logs, hiding, size, catalogue."""
from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
import yaml

from flock.db import Database, new_uuid
from fm.contract import catalogue
from fm.contract.enums import AlarmState, AlarmType, Severity, SuppressionStatus
from fm.contract.errors import InvalidFault
from fm.contract.fault import AlarmKey, Fault
from fm.contract.rpc import FaultOutcome, FaultRequest
from fm.core.policy import LifePolicy
from fm.core.retention import Limits
from fm.db.tables import EVENT_LOG, EVENT_SUPPRESSION, METADATA, NOTIFICATION
from fm.manager import endpoint
from fm.manager.catalogue import synchronise
from fm.manager.endpoint import Manager
from fm.manager.outputs.output import EVENTS, TRAPS, Output
from fm.manager.outputs.relay import Outputs
from fm.manager.writer import Settings, Writer
from fm.resources.alarm import store as alarms
from fm.resources.event_log import store as events
from fm.resources.event_suppression import store as suppression

NOW = datetime(2026, 3, 1, tzinfo=UTC)
GIVEN = "0f6cbb5e-2a0e-4c0e-8f0e-0d8c5c0a1b77"
FAULT = Fault("100.101", AlarmState.SET, "host", "host=a", Severity.MAJOR, "reason", AlarmType.OTHER, "unknown", "do")


class World:
    """One manager over one database, with a trap output and a system log that nobody empties."""

    def __init__(self, db: Database, limits: Limits, policy: LifePolicy, path: str | None) -> None:
        self.db, self.limits, self.policy, self.now = db, limits, policy, NOW
        METADATA.create_all(db.engine)
        synchronise(db, path)
        outputs = Outputs(db, [Output("trap", lambda payload: None, kinds=TRAPS, warm_start=True),
                               Output("syslog", lambda payload: None, kinds=EVENTS, hidden_too=True)], 10**6)
        self.writer = Writer(db, lambda: Settings(self.limits, self.policy), outputs.publish, clock=lambda: self.now)
        self.manager = Manager(db, self.writer, outputs.suppression_changed, lambda: self.now)

    def set(self, **changes: Any) -> FaultOutcome:
        return self.ask(fault=replace(FAULT, **changes))

    def clear(self, entity: str = "host=a", alarm_id: str = "100.101") -> int:
        return self.ask(clear=AlarmKey(alarm_id, entity)).count

    def ask(self, **request: Any) -> FaultOutcome:
        self.now += timedelta(seconds=1)
        (outcome,) = self.manager.apply(requests=[FaultRequest(new_uuid(), **request)])
        return outcome

    def alarms(self, include_suppress: bool = False) -> list[dict[str, Any]]:
        with self.db.reader() as conn:
            return alarms.listing(conn, filters=[], include_suppress=include_suppress, sort=(), marker=None,
                                  limit=1000, now=self.now) or []

    def events(self, include_suppress: bool = True) -> list[dict[str, Any]]:
        with self.db.reader() as conn:
            return events.listing(conn, filters=[], states=(), include_suppress=include_suppress, marker=None,
                                  limit=None, sort=(("id", False),), now=self.now) or []

    def told(self, output: str = "trap") -> list[tuple[str, str]]:
        with self.db.reader() as conn:
            rows = conn.execute(sa.select(NOTIFICATION.c.payload).where(NOTIFICATION.c.kind == output)
                                .order_by(NOTIFICATION.c.id)).scalars().all()
        return [(row["kind"], row.get("entity_instance_id", "")) for row in rows]

    def states(self) -> list[str]:
        return [event["state"] for event in self.events()]

    def suppress(self, alarm_id: str, status: SuppressionStatus = SuppressionStatus.SUPPRESSED) -> None:
        with self.db.reader() as conn:
            uuid = conn.execute(sa.select(EVENT_SUPPRESSION.c.uuid)
                                .where(EVENT_SUPPRESSION.c.alarm_id == alarm_id)).scalar_one()
        self.manager.update_suppression(uuid=uuid, status=status)


@pytest.fixture
def made(database: Database) -> Callable[..., World]:
    def make(limits: Limits = Limits(1000), policy: LifePolicy = LifePolicy(), path: str | None = None) -> World:  # noqa: B008
        return World(database, limits, policy, path)

    return make


@pytest.fixture
def world(made: Callable[..., World]) -> World:
    return made()


def code(outcome: FaultOutcome) -> Any:
    return outcome.error and outcome.error["code"]


# The same alarm

@pytest.mark.parametrize(("entity", "rows"), [
    ("host=a", 1), ("host=A", 2), ("host=a ", 2), ("host=%", 2), ("host=a.", 2), ("host=a'; DROP TABLE alarm; --", 2)])
def test_the_pair_makes_an_alarm_the_same(world: World, entity: str, rows: int) -> None:
    world.set()
    world.set(entity_instance_id=entity)
    assert len(world.alarms()) == rows


# Set

def test_a_new_alarm_has_the_uuid_of_its_event(world: World) -> None:
    uuid = world.set().uuid
    assert [row["uuid"] for row in world.alarms()] == [uuid] == [row["uuid"] for row in world.events()]


@pytest.mark.parametrize(("given", "kept"), [(GIVEN, True), (GIVEN[:-1], False), ("x" * 36, False), ("", False)])
def test_a_uuid_of_the_raiser_is_kept_when_it_is_one(world: World, given: str, kept: bool) -> None:
    assert (world.set(uuid=given).uuid == given) is kept


@pytest.mark.parametrize(("changes", "told"), [
    ({}, 1), ({"timestamp": "2027-01-01"}, 1), ({"entity_type_id": "system"}, 1), ({"uuid": GIVEN}, 1),
    ({"time_to_live_s": 60}, 1), ({"severity": Severity.MINOR}, 2), ({"reason_text": "other"}, 2),
    ({"proposed_repair_action": "other"}, 2), ({"alarm_type": AlarmType.EQUIPMENT}, 2),
    ({"probable_cause": "out-of-memory"}, 2), ({"service_affecting": True}, 2), ({"suppression": True}, 2),
    ({"inhibit_alarms": True}, 2)])
def test_an_alarm_that_is_set_again(world: World, changes: dict[str, Any], told: int) -> None:
    first = world.set().uuid
    assert world.set(**changes).uuid == first
    (row,) = world.alarms()
    assert (row["uuid"], row["created_at"]) == (first, NOW + timedelta(seconds=1))
    assert row["timestamp"] > NOW + timedelta(seconds=1) and row["last_refreshed"] == NOW + timedelta(seconds=2)
    assert world.states() == ["set"] * told and len(world.told()) == told
    # Whatever came later: the alarm's uuid finds its first event.
    assert world.events()[0]["uuid"] == first and len({event["uuid"] for event in world.events()}) == told


def test_an_unchanged_set_is_logged_on_demand(made: Callable[..., World]) -> None:
    world = made(policy=LifePolicy(log_unchanged=True))
    world.set()
    world.set()
    assert world.states() == ["set", "set"]


def test_keep_existing_keeps(world: World) -> None:
    first = world.set().uuid
    assert world.set(severity=Severity.MINOR, reason_text="new", keep_existing_alarm=True).uuid == first
    (row,) = world.alarms()
    assert (row["severity"], row["reason_text"], row["timestamp"]) == ("major", "reason", NOW + timedelta(seconds=1))
    assert (world.states(), len(world.told())) == (["set"], 1)
    assert row["last_refreshed"] == NOW + timedelta(seconds=2)


@pytest.mark.parametrize(("changes", "error"), [
    ({"alarm_id": "999.001"}, "fm.alarm.unknown_id"), ({"alarm_id": "200.021"}, "fm.alarm.unknown_id"),
    ({"severity": Severity.CLEAR}, "fm.fault.invalid"), ({"severity": Severity.NOT_APPLICABLE}, "fm.fault.invalid"),
    ({"entity_instance_id": ""}, "fm.fault.invalid"), ({"entity_instance_id": "e" * 256}, "fm.fault.invalid"),
    ({"probable_cause": "bad luck"}, "fm.fault.invalid"), ({"timestamp": "soon"}, "fm.fault.invalid")])
def test_what_is_no_alarm_is_refused_and_stores_nothing(world: World, changes: dict[str, Any], error: str) -> None:
    assert code(world.set(**changes)) == error
    assert world.alarms() == [] == world.events()


def test_a_set_of_state_clear_clears_its_pair(world: World) -> None:
    uuid = world.set().uuid
    outcome = world.set(alarm_state=AlarmState.CLEAR, severity=Severity.CLEAR)
    assert (outcome.uuid, outcome.count, world.alarms(), world.states()) == (uuid, 1, [], ["set", "clear"])


@pytest.mark.parametrize("cause", [
    "unknown", "certificate-expiration", "excessive-vibration", "configuration-out-of-date"])
def test_what_was_sent_is_stored(world: World, cause: str) -> None:
    text = "'%_\u00e4\U0001f40f" * 340
    world.set(probable_cause=cause, alarm_type=AlarmType.DEPLOYMENT_IN_PROGRESS, reason_text=text)
    for row, kind in ((world.alarms()[0], "alarm_type"), (world.events()[0], "event_log_type")):
        assert (row["probable_cause"], row[kind], row["reason_text"]) == (cause, "deployment in progress", text)


# Clear

@pytest.mark.parametrize(("cleared", "left"), [
    ("host=controller-1", ["host=controller-1.ntp=10.0.0.1", "host=controller-10"]), ("host=controller-10", None),
    ("host=controller-1.ntp", None), ("host=controller-_", None), ("host=%", None), ("host=controller", None)])
def test_a_clear_follows_containment(world: World, cleared: str, left: list[str] | None) -> None:
    everything = ["host=controller-1", "host=controller-1.port=p", "host=controller-1,agent=x",
                  "host=controller-1.ntp=10.0.0.1", "host=controller-10"]
    for entity in everything:
        world.set(entity_instance_id=entity)
    contained = [entity for entity in everything
                 if entity == cleared or entity.startswith((cleared + ".", cleared + ","))]
    assert world.clear(cleared) == len(contained)
    assert [row["entity_instance_id"] for row in world.alarms()] == [e for e in everything if e not in contained]
    assert left is None or "host=controller-10" in left


def test_clearing_copies_the_alarm_into_an_event_of_its_own(world: World) -> None:
    uuid = world.set(reason_text="why", service_affecting=True).uuid
    world.clear()
    first, last = world.events()
    assert last["uuid"] != uuid and last["timestamp"] == NOW + timedelta(seconds=2)
    same = ("event_log_id", "entity_instance_id", "severity", "reason_text", "event_log_type", "probable_cause",
            "proposed_repair_action", "service_affecting", "suppression", "entity_type_id")
    assert [last[name] for name in same] == [first[name] for name in same]


def test_clear_all_writes_an_event_each_and_tells_once_more(world: World) -> None:
    world.set(alarm_id="300.001", entity_instance_id="host=a.port=p")
    world.set()
    world.set(entity_instance_id="host=ab")
    assert world.ask(clear_all_below="host=a").count == 2
    assert sorted(world.states()) == ["clear"] * 2 + ["set"] * 3
    assert [kind for kind, _ in world.told()][3:] == ["fm.alarm.hierarchical_clear"]
    assert world.told("syslog")[3:] == [("fm.alarm.clear", "host=a.port=p"), ("fm.alarm.clear", "host=a")]
    assert world.ask(clear_all_below="host=a").count == 0 and len(world.told()) == 4


@pytest.mark.parametrize("request_", [
    {"clear": AlarmKey("100.101", "host=b")}, {"clear": AlarmKey("100.102", "host=a")}, {"clear_all_below": "host=b"}])
def test_clearing_nothing_tells_nothing(world: World, request_: dict[str, Any]) -> None:
    world.set()
    outcome = world.ask(**request_)
    assert (outcome.count, outcome.uuid, outcome.error, world.states()) == (0, None, None, ["set"])


@pytest.mark.parametrize("request_", [
    {"clear": AlarmKey("100.101", "")}, {"clear_all_below": ""}, {"clear": AlarmKey("100.101", "a\x00")},
    {"clear_all_below": "x" * 256}])
def test_an_entity_that_is_none_clears_nothing(world: World, request_: dict[str, Any]) -> None:
    world.set()
    assert code(world.ask(**request_)) == "fm.fault.invalid" and len(world.alarms()) == 1


# Logs

@pytest.mark.parametrize("state", [AlarmState.MSG, AlarmState.LOG])
@pytest.mark.parametrize(("alarm_id", "severity", "stored"), [
    ("200.021", Severity.CLEAR, "not-applicable"), ("999.999", Severity.CRITICAL, "critical"),
    ("100.101", Severity.WARNING, "warning")])
def test_a_log_is_one_event(world: World, state: AlarmState, alarm_id: str, severity: Severity, stored: str) -> None:
    outcome = world.set(alarm_state=state, alarm_id=alarm_id, severity=severity)
    (event,) = world.events()
    assert (event["uuid"], event["state"], event["severity"]) == (outcome.uuid, "log", stored)
    assert world.alarms() == [] and world.told() == [("fm.event.log", "host=a")]


def test_logs_are_neither_suppressed_nor_masked(world: World) -> None:
    world.suppress("100.101")
    world.set(alarm_id="200.001", inhibit_alarms=True)
    world.set(alarm_state=AlarmState.MSG, suppression=True)
    assert "log" in [event["state"] for event in world.events(include_suppress=False)]
    assert ("fm.event.log", "host=a") in world.told()


# Suppression by id

def test_suppression_hides_everywhere_and_loses_nothing(world: World) -> None:
    world.set()
    world.set(alarm_id="200.004")
    world.suppress("100.101")
    world.set(severity=Severity.CRITICAL)
    assert [row["alarm_id"] for row in world.alarms()] == ["200.004"]
    assert {row["alarm_id"]: row["suppression_status"] for row in world.alarms(include_suppress=True)} == {
        "100.101": "suppressed", "200.004": "unsuppressed"}
    assert {row["event_log_id"] for row in world.events(include_suppress=False)} == {"200.004"}
    assert len(world.events()) == 3
    assert [told for told in world.told() if told[0] != "warmStart"] == [("fm.alarm.set", "host=a")] * 2
    assert len(world.told("syslog")) == 3
    for below in (True, False):
        found = world.manager.get_faults(alarm_id=None, entity_instance_id="host=a", below=below)
        assert {fault.alarm_id for fault in found} == {"100.101", "200.004"}
    world.suppress("100.101", SuppressionStatus.UNSUPPRESSED)
    assert len(world.alarms()) == 2 and len(world.events(include_suppress=False)) == 3
    assert [told for told in world.told() if told[0] == "warmStart"] == [("warmStart", "")]


def test_a_question_about_more_alarms_than_one_reply_should_hold_is_refused(
        world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(endpoint, "PAGE_MAX", 2)
    for number in range(2):
        world.set(entity_instance_id=f"host=a.port={number}")
    asked = {"alarm_id": None, "entity_instance_id": "host=a", "below": True}
    assert len(world.manager.get_faults(**asked)) == 2
    world.set(entity_instance_id="host=a.port=2")
    with pytest.raises(InvalidFault, match="must match at most 2 alarms; get_faults_page gives more"):
        world.manager.get_faults(**asked)
    assert len(world.manager.get_faults_page(**asked).faults) == 2


def test_every_alarm_id_of_the_catalogue_can_be_suppressed_and_no_log(world: World) -> None:
    with world.db.reader() as conn:
        ids = set(conn.execute(sa.select(EVENT_SUPPRESSION.c.alarm_id)).scalars())
    assert ids == {entry.alarm_id for entry in catalogue.load().alarms()} and "200.021" not in ids


# Masking

@pytest.mark.parametrize("order", [("victim", "lock"), ("lock", "victim"), ("victim", "lock", "victim")])
@pytest.mark.parametrize(("entity", "suppression", "masked"), [
    ("host=a", True, True), ("host=a.port=p", True, True), ("host=a", False, False), ("host=ab", True, False)])
def test_masking(world: World, order: tuple[str, ...], entity: str, suppression: bool, masked: bool) -> None:
    for what in order:
        if what == "lock":
            world.set(alarm_id="200.001", inhibit_alarms=True)
        else:
            world.set(entity_instance_id=entity, suppression=suppression)
    assert {row["alarm_id"] for row in world.alarms(True)} == ({"200.001"} if masked else {"200.001", "100.101"})
    assert len(world.manager.get_faults(alarm_id="100.101", entity_instance_id=None, below=False)) == 1
    with world.db.reader() as conn:
        assert sum(alarms.counts(conn, include_suppress=True).values()) == (1 if masked else 2)
    world.ask(clear=AlarmKey("200.001", "host=a"))
    assert [row["alarm_id"] for row in world.alarms()] == ["100.101"]


def test_clear_all_unmasks(world: World) -> None:
    world.set(alarm_id="200.001", entity_instance_id="host=a.x=y", inhibit_alarms=True)
    world.set(entity_instance_id="host=a.x=y.z=1", suppression=True)
    world.set(alarm_id="200.001", inhibit_alarms=True)
    world.set(alarm_id="300.001", entity_instance_id="cluster=c", suppression=True)
    world.manager.delete_alarm(uuid=next(row["uuid"] for row in world.alarms(True)
                                         if row["entity_instance_id"] == "host=a.x=y"))
    assert {row["alarm_id"] for row in world.alarms()} == {"200.001", "300.001"}
    world.ask(clear=AlarmKey("200.001", "host=a"), clear_exact=True)
    assert {row["entity_instance_id"] for row in world.alarms()} == {"host=a.x=y.z=1", "cluster=c"}


# Size of the log

def test_the_log_keeps_the_newest_events_and_obeys_a_new_limit(made: Callable[..., World]) -> None:
    world = made(limits=Limits(20))
    for number in range(25):
        world.set(entity_instance_id=f"host=h{number}")
    assert [event["entity_instance_id"] for event in world.events()] == [f"host=h{number}" for number in range(5, 25)]
    ids = [event["id"] for event in world.events()]
    assert ids == sorted(set(ids)) and len(world.alarms()) == 25
    world.limits = Limits(10)
    assert world.writer.prune() == 10 and len(world.events()) == 10
    world.limits = Limits(1000)
    world.set(entity_instance_id="host=new")
    assert len(world.events()) == 11 and world.events()[-1]["id"] > ids[-1]


def test_old_events_go_with_their_age(made: Callable[..., World]) -> None:
    world = made(limits=Limits(1000, age_days_max=2))
    world.set(entity_instance_id="host=old")
    world.now += timedelta(days=2)
    world.set()
    assert world.writer.prune() == 1
    assert [event["entity_instance_id"] for event in world.events()] == ["host=a"]


def test_numbers_of_events_are_never_used_again(made: Callable[..., World]) -> None:
    world = made()
    world.set()
    (before,) = world.events()
    with world.db.writer() as conn:
        conn.execute(sa.delete(EVENT_LOG))
    world.clear()
    assert world.events()[0]["id"] > before["id"]


# Catalogue

@pytest.fixture
def entries(tmp_path: Path) -> Callable[..., str]:
    """Writes a catalogue of these ids out of the shipped one."""
    shipped = yaml.load(catalogue.DEFAULT_PATH.read_text(), yaml.CSafeLoader)

    def write(*ids: str, **changes: Any) -> str:
        path = tmp_path / f"{new_uuid()}.yaml"
        path.write_text(yaml.safe_dump({ident: {**shipped[ident], **changes} for ident in ids}))
        return str(path)

    return write


def stored(world: World) -> dict[str, dict[str, Any]]:
    with world.db.reader() as conn:
        return {row["alarm_id"]: dict(row) for row in conn.execute(sa.select(EVENT_SUPPRESSION)).mappings()}


def shown(world: World) -> list[str]:
    with world.db.reader() as conn:
        return [row["alarm_id"] for row in suppression.listing(conn, filters=[], marker=None, limit=None)]


def test_the_catalogue_is_loaded_and_refreshed(made: Callable[..., World], entries: Callable[..., str]) -> None:
    world = made(path=entries("100.101", "100.102", "200.021"))
    assert shown(world) == ["100.101", "100.102"]
    world.suppress("100.101")
    path = entries("100.101", "100.102", "100.103", description="Another text.", mgmt_affecting_severity="minor",
                   degrade_affecting_severity="major")
    plan = synchronise(world.db, path)
    assert [row.alarm_id for row in plan.inserted] == ["100.103"]
    row = stored(world)["100.101"]
    assert (row["suppression_status"], row["description"], row["mgmt_affecting"], row["degrade_affecting"]) == (
        "suppressed", "Another text.", "minor", "major")
    again = synchronise(world.db, path)
    assert (again.inserted, again.refreshed, again.marked, again.deleted) == ((), (), (), ())


def test_a_long_description_is_cut(made: Callable[..., World], entries: Callable[..., str]) -> None:
    world = made(path=entries("100.101", description="d" * 250))
    assert stored(world)["100.101"]["description"] == "d" * 250
    synchronise(world.db, entries("100.101", description="d" * 251))
    assert stored(world)["100.101"]["description"] == "d" * 250 + " ..."


@pytest.mark.parametrize("used", ["never", "active", "event", "log"])
def test_an_id_that_leaves_the_catalogue(made: Callable[..., World], entries: Callable[..., str], used: str) -> None:
    world = made(path=entries("100.101", "100.102"))
    world.suppress("100.101")
    if used == "log":
        world.set(alarm_state=AlarmState.MSG)
    elif used != "never":
        world.set()
    if used == "event":
        world.clear()
    synchronise(world.db, entries("100.102"))
    assert shown(world) == ["100.102"]
    if used in ("never", "log"):
        assert set(stored(world)) == {"100.102"}
        return
    row = stored(world)["100.101"]
    assert (row["set_for_deletion"], row["suppression_status"]) == (True, "unsuppressed")
    assert code(world.set(entity_instance_id="host=b")) == "fm.alarm.unknown_id"
    if used == "active":
        assert [alarm["alarm_id"] for alarm in world.alarms()] == ["100.101"] and world.clear() == 1
    # Nothing refers to it any more: it goes. Back in the catalogue it is as new.
    with world.db.writer() as conn:
        conn.execute(sa.delete(EVENT_LOG))
    synchronise(world.db, entries("100.102"))
    assert set(stored(world)) == {"100.102"}


def test_an_id_that_comes_back_may_be_raised_again(made: Callable[..., World], entries: Callable[..., str]) -> None:
    world = made(path=entries("100.101", "100.102"))
    world.set()
    synchronise(world.db, entries("100.102"))
    synchronise(world.db, entries("100.101", "100.102"))
    assert world.set(severity=Severity.MINOR).error is None and shown(world) == ["100.101", "100.102"]


def test_a_broken_catalogue_changes_nothing(made: Callable[..., World], tmp_path: Path) -> None:
    world = made()
    before = stored(world)
    (tmp_path / "broken.yaml").write_text('"100.101": {type: Alarm}')
    with pytest.raises(catalogue.CatalogueError):
        synchronise(world.db, str(tmp_path / "broken.yaml"))
    assert stored(world) == before


# Staleness

def test_who_may_be_stale(world: World) -> None:
    world.set(time_to_live_s=60)
    world.set(alarm_id="100.102")
    world.set(alarm_id="100.103")
    with world.db.reader() as conn:
        found = alarms.refreshed(conn, {"100.103"})
    assert sorted(found) == [("100.101", 60, NOW + timedelta(seconds=1)), ("100.103", 0, NOW + timedelta(seconds=3))]
