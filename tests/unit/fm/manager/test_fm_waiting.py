# SPDX-License-Identifier: Apache-2.0
"""The manager's thread of things that wait: released in time, after a restart too, and the warmStart of a silence."""
from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from flock.core.errors import Unavailable
from flock.db import Database, new_uuid, utcnow
from flock.testing.services.process import wait_for
from fm.contract.enums import AlarmState, AlarmType, Severity
from fm.contract.errors import SilenceNotFound, TooManySilences
from fm.contract.fault import AlarmKey, Fault
from fm.contract.rpc import FaultRequest
from fm.contract.silence import SilenceChange, SilenceRequest
from fm.core.flapping import FlapLimits
from fm.core.policy import LifePolicy
from fm.core.retention import Limits
from fm.db.tables import ALARM, FLAP_STATE, HELD_CHANGE, METADATA, NOTIFICATION, SILENCE
from fm.manager.catalogue import synchronise
from fm.manager.endpoint import Manager
from fm.manager.outputs.output import TRAPS, Output
from fm.manager.outputs.relay import Outputs
from fm.manager.silences import SilenceKeeper
from fm.manager.timers import POLL_S, RETRY_S, Timers, pause_s
from fm.manager.writer import Settings, Writer
from fm.resources.held_change import store as held_changes
from fm.resources.silence import rules

START = datetime(2026, 3, 1, tzinfo=UTC)
FAULT = Fault("100.101", AlarmState.SET, "host", "host=a", Severity.MAJOR, "r\u00e9", AlarmType.OTHER, "unknown",
              time_to_live_s=7)
POLICY = LifePolicy(raise_hold_off_s={"100.101": 1}, clear_hold_off_s={"100.101": 1},
                    flaps=FlapLimits({"100.102": 1}, 1))


@pytest.fixture
def tables(database: Database) -> Database:
    METADATA.create_all(database.engine)
    synchronise(database)
    return database


@pytest.fixture
def running(tables: Database) -> Iterator[Manager]:
    """A manager with its thread, on the real clock."""
    woken: list[Timers] = []
    writer = Writer(tables, lambda: Settings(Limits(1000), POLICY), on_wait=lambda: woken[0].nudge())
    manager = Manager(tables, writer, on_wait=lambda: woken[0].nudge())
    woken.append(Timers((writer.release_due, manager.silences.expire)))
    woken[0].start()
    yield manager
    assert woken[0].stop()


def count(db: Database, table: sa.Table) -> int:
    with db.reader() as conn:
        return int(conn.execute(sa.select(sa.func.count()).select_from(table)).scalar_one())


def put(manager: Manager, **request: object) -> str | None:
    (outcome,) = manager.apply(requests=[FaultRequest(new_uuid(), **request)])  # type: ignore[arg-type]
    assert outcome.error is None
    return outcome.uuid


def test_what_is_held_takes_effect_by_itself(tables: Database, running: Manager) -> None:
    uuid = put(running, fault=FAULT)
    assert running.get_faults(alarm_id="100.101", entity_instance_id=None, below=False) == []
    wait_for(lambda: count(tables, ALARM) == 1, 20, "the alarm")
    (fault,) = running.get_faults(alarm_id="100.101", entity_instance_id=None, below=False)
    assert (fault.uuid, fault.reason_text, fault.time_to_live_s) == (uuid, "r\u00e9", 7)
    put(running, clear=AlarmKey("100.101", "host=a"))
    assert len(running.get_faults(alarm_id="100.101", entity_instance_id=None, below=False)) == 1
    wait_for(lambda: count(tables, ALARM) == 0, 20, "the clear")
    assert count(tables, HELD_CHANGE) == 0


def test_flapping_ends_by_itself(tables: Database, running: Manager) -> None:
    fault = replace(FAULT, alarm_id="100.102")
    put(running, fault=fault)
    put(running, clear=AlarmKey("100.102", "host=a"))
    assert count(tables, ALARM) == 1
    wait_for(lambda: count(tables, ALARM) == 0 and count(tables, FLAP_STATE) == 0, 20, "the end of flapping")


def test_a_manager_that_starts_carries_out_what_became_due_meanwhile(tables: Database) -> None:
    now = [START]

    def manager() -> tuple[Manager, Writer]:
        writer = Writer(tables, lambda: Settings(Limits(1000), POLICY), clock=lambda: now[0])
        return Manager(tables, writer, clock=lambda: now[0]), writer

    uuid = put(manager()[0], fault=FAULT)
    now[0] += timedelta(hours=1)
    _, writer = manager()
    assert writer.release_due() is None
    with tables.reader() as conn:
        assert conn.execute(sa.select(ALARM.c.uuid)).scalars().all() == [uuid]


def test_nothing_is_asked_of_empty_tables(tables: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    writer = Writer(tables, lambda: Settings(Limits(1000), POLICY))
    manager = Manager(tables, writer)
    assert writer.release_due() is None  # it looked once
    asked: list[str] = []
    for name in ("held", "flaps", "due_entities"):
        monkeypatch.setattr(held_changes, name, lambda *args, _name=name, **options: asked.append(_name) or [])
    put(manager, fault=replace(FAULT, alarm_id="100.103"))
    put(manager, clear_all_below="host=a")
    assert writer.release_due() is None and asked == []


def test_what_another_manager_left_is_found(tables: Database) -> None:
    now = [START]
    writers = [Writer(tables, lambda: Settings(Limits(1000), POLICY), clock=lambda: now[0]) for _ in range(2)]
    assert writers[0].release_due() is None
    put(Manager(tables, writers[1]), fault=FAULT)
    now[0] += timedelta(seconds=2)
    writers[0].release_due()
    assert (count(tables, ALARM), count(tables, HELD_CHANGE)) == (1, 0)


def test_more_than_one_pass_when_much_is_due(tables: Database) -> None:
    now = [START]
    writer = Writer(tables, lambda: Settings(Limits(10**6), POLICY), clock=lambda: now[0])
    manager = Manager(tables, writer)
    for start in range(0, 600, 300):
        manager.apply(requests=[FaultRequest(new_uuid(), fault=replace(FAULT, entity_instance_id=f"host=h{number}"))
                                for number in range(start, start + 300)])
    now[0] += timedelta(seconds=2)
    passes = 0
    while writer.release_due() is not None:
        passes += 1
    assert passes == 1 and (count(tables, ALARM), count(tables, HELD_CHANGE)) == (600, 0)


def test_a_held_id_that_leaves_the_catalogue_is_kept_until_it_is_released(tables: Database, tmp_path: object) -> None:
    now = [START]
    writer = Writer(tables, lambda: Settings(Limits(1000), POLICY), clock=lambda: now[0])
    put(Manager(tables, writer), fault=FAULT)
    with tables.writer() as conn:
        conn.exec_driver_sql("UPDATE event_suppression SET set_for_deletion = 1 WHERE alarm_id = '100.101'")
    now[0] += timedelta(seconds=2)
    writer.release_due()
    assert count(tables, ALARM) == 1


@pytest.mark.parametrize("stored", ["{}", "[]", "5", '{"alarm_id": "100.101", "severity": "loud"}'])
def test_a_held_raise_that_makes_no_fault_is_dropped_and_stops_no_other(tables: Database, stored: str) -> None:
    now = [START]
    writer = Writer(tables, lambda: Settings(Limits(1000), POLICY), clock=lambda: now[0])
    manager = Manager(tables, writer)
    put(manager, fault=FAULT)
    put(manager, fault=replace(FAULT, entity_instance_id="host=b"))
    with tables.writer() as conn:
        conn.execute(sa.update(HELD_CHANGE).where(HELD_CHANGE.c.entity_instance_id == "host=a")
                     .values(fault=sa.literal(stored, sa.Text)))
    now[0] += timedelta(seconds=2)
    assert writer.release_due() is None
    assert (count(tables, ALARM), count(tables, HELD_CHANGE)) == (1, 0)


def test_a_held_raise_of_a_newer_version_is_understood(tables: Database) -> None:
    now = [START]
    writer = Writer(tables, lambda: Settings(Limits(1000), POLICY), clock=lambda: now[0])
    put(Manager(tables, writer), fault=FAULT)
    with tables.writer() as conn:
        fault = conn.execute(sa.select(HELD_CHANGE.c.fault)).scalar_one()
        conn.execute(sa.update(HELD_CHANGE).values(fault={**fault, "colour": "red"}))
    now[0] += timedelta(seconds=2)
    writer.release_due()
    assert count(tables, ALARM) == 1


def test_an_ended_silence_makes_one_warm_start(tables: Database) -> None:
    now = [START]
    outputs = Outputs(tables, [Output("trap", lambda payload: None, kinds=TRAPS, warm_start=True)], 1000)
    keeper = SilenceKeeper(tables, outputs.suppression_changed, lambda: now[0])

    def warm_starts() -> int:
        found = count(tables, NOTIFICATION)
        with tables.writer() as conn:
            conn.execute(sa.delete(NOTIFICATION))
        return found

    end = (START + timedelta(seconds=60)).isoformat()
    uuid = keeper.create(SilenceRequest("100.101", None, end))
    assert warm_starts() == 1
    keeper.change(uuid, SilenceChange(comment="why"))
    assert warm_starts() == 0
    keeper.change(uuid, SilenceChange(without_end=True))
    keeper.change(uuid, SilenceChange(expires_at=end))
    assert warm_starts() == 1
    assert keeper.expire() == START + timedelta(seconds=60)
    now[0] += timedelta(seconds=60)
    with pytest.raises(SilenceNotFound):
        keeper.delete(uuid)
    assert keeper.expire() is None and warm_starts() == 1 and count(tables, SILENCE) == 0
    assert keeper.expire() is None and warm_starts() == 0


def test_silences_are_limited(tables: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules, "SILENCES_MAX", 2)
    keeper = SilenceKeeper(tables)
    for _ in range(2):
        uuid = keeper.create(SilenceRequest("100.101", None))
    with pytest.raises(TooManySilences):
        keeper.create(SilenceRequest("100.101", None))
    keeper.delete(uuid)
    keeper.create(SilenceRequest("100.101", None))


@pytest.mark.parametrize(("due_s", "wait_s"), [(None, POLL_S), (-5, 0.01), (0, 0.01), (2, 2), (10**6, POLL_S)])
def test_pauses(due_s: int | None, wait_s: float) -> None:
    due = None if due_s is None else START + timedelta(seconds=due_s)
    assert pause_s(due, START) == pytest.approx(wait_s)


def test_a_task_that_fails_is_tried_again_and_stops_no_other() -> None:
    done = threading.Event()
    calls: list[str] = []

    def broken() -> datetime | None:
        calls.append("broken")
        raise Unavailable(service="database", reason="away") if len(calls) < 2 else ValueError("a mistake")

    def works() -> datetime | None:
        done.set()
        return None

    timers = Timers((broken, works))
    assert timers.run_once() == RETRY_S and done.is_set()
    assert timers.run_once() == RETRY_S and calls == ["broken"] * 2
    assert Timers((lambda: utcnow() + timedelta(seconds=20),)).run_once() == pytest.approx(20, abs=1)
