# SPDX-License-Identifier: Apache-2.0
"""Writer and stores on both engines: idempotency, masking in SQL equal to the pure rule, paging, pruning, catalogue."""
from __future__ import annotations

import random
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
import yaml

from flock.db import Database, new_uuid
from flock.testing.migrations import assert_migrations_match_tables
from fm.contract import catalogue
from fm.contract.enums import AlarmState, AlarmType, Severity, SuppressionStatus
from fm.contract.errors import AlarmNotFound, SuppressionNotFound
from fm.contract.fault import AlarmKey, Fault
from fm.contract.rpc import FaultOutcome, FaultRequest
from fm.core.filters import Filter, Match, Op
from fm.core.retention import Limits
from fm.db.tables import EVENT_LOG, EVENT_SUPPRESSION, METADATA
from fm.manager.catalogue import synchronise
from fm.manager.endpoint import Manager
from fm.manager.writer import Settings, Writer
from fm.resources.alarm import store as alarms
from fm.resources.event_log import store as events
from tests.oracles.hiding import masked_uuids

FAULT = Fault("100.101", AlarmState.SET, "host", "host=a", Severity.MAJOR, "reason", AlarmType.OTHER, "unknown")
Sets = Callable[..., list[FaultOutcome]]


@pytest.fixture
def limits() -> list[int]:
    return [10000]


@pytest.fixture
def manager(database: Database, limits: list[int]) -> Manager:
    METADATA.create_all(database.engine)
    synchronise(database)
    return Manager(database, Writer(database, lambda: Settings(Limits(limits[0]))))


def put(manager: Manager, *faults: Fault) -> list[FaultOutcome]:
    return manager.apply(requests=[FaultRequest(new_uuid(), fault=fault) for fault in faults])


def listed(database: Database, **options: Any) -> list[dict[str, Any]]:
    wanted: dict[str, Any] = {"filters": [], "include_suppress": False, "sort": (("severity", False),), "marker": None,
                              "limit": 1000, **options}
    with database.reader() as conn:
        found = alarms.listing(conn, **wanted)
    assert found is not None
    return found


def test_migrations_make_the_declared_tables(database: Database) -> None:
    url = database.url.render_as_string(hide_password=False)
    assert_migrations_match_tables(url, "fm", METADATA)


def test_a_repeated_request_is_answered_and_not_applied(manager: Manager, database: Database) -> None:
    request = FaultRequest("r-1", fault=FAULT)
    first = manager.apply(requests=[request])
    manager.apply(requests=[FaultRequest("r-2", clear=AlarmKey("100.101", "host=a"))])
    assert manager.apply(requests=[request, request]) == first * 2
    assert listed(database) == []
    bad = FaultRequest("r-3", fault=replace(FAULT, alarm_id="999.001"))
    assert manager.apply(requests=[bad, bad])[0].error == manager.apply(requests=[bad])[0].error


def test_a_request_without_usable_id_is_refused_alone(manager: Manager, database: Database) -> None:
    outcomes = manager.apply(requests=[FaultRequest("", fault=FAULT), FaultRequest("x" * 65, fault=FAULT),
                                       FaultRequest("\x00", fault=FAULT), FaultRequest("ok", fault=FAULT)])
    assert [outcome.error is None for outcome in outcomes] == [False, False, False, True]


def test_parallel_writers_leave_one_row_per_pair(manager: Manager, database: Database) -> None:
    failures: list[Exception] = []

    def work(seed: int) -> None:
        dice = random.Random(seed)
        try:
            for _ in range(30):
                put(manager, *(replace(FAULT, entity_instance_id=f"host=h{dice.randrange(40)}",
                                       reason_text=str(dice.random())) for _ in range(4)))
        except Exception as error:  # noqa: BLE001
            failures.append(error)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    names = [row["entity_instance_id"] for row in listed(database)]
    assert len(names) == len(set(names)) == 40


@pytest.mark.parametrize("seed", range(8))
def test_masking_in_sql_is_the_pure_rule(manager: Manager, database: Database, seed: int) -> None:
    dice = random.Random(seed)
    entities = ["host=a", "host=a.port=p", "host=a.port=p.x=1", "host=ab", "host=a,b=c", "host=A", "host=%", "host=a_"]
    for _ in range(40):
        put(manager, replace(
            FAULT, alarm_id=dice.choice(["100.101", "200.001", "300.001"]), entity_instance_id=dice.choice(entities),
            suppression=dice.random() < 0.7, inhibit_alarms=dice.random() < 0.3))
    with database.reader() as conn:
        everything = alarms.active(conn, alarm_id=None, entity=None, below=False)
        counts = alarms.counts(conn, include_suppress=True)
        shown = {alarm.uuid: alarms.show(conn, alarm.uuid) for alarm in everything}
    masked = masked_uuids(everything)
    visible = {row["uuid"] for row in listed(database, include_suppress=True)}
    assert visible == {alarm.uuid for alarm in everything} - masked
    assert sum(counts.values()) == len(visible)
    assert {uuid for uuid, found in shown.items() if found and found[1]} == masked


def test_masking_with_many_inhibiting_alarms(manager: Manager, database: Database) -> None:
    for number in range(150):
        put(manager, replace(FAULT, alarm_id="200.001", entity_instance_id=f"host=h{number}", inhibit_alarms=True),
            replace(FAULT, entity_instance_id=f"host=h{number}.x=1", suppression=True),
            replace(FAULT, entity_instance_id=f"host=g{number}.x=1", suppression=True))
    assert {row["entity_instance_id"][5] + row["alarm_id"] for row in listed(database)} == {"h200.001", "g100.101"}


@pytest.mark.parametrize("sort", [(("severity", False), ("entity_instance_id", False)), (("timestamp", True),),
                                  (("alarm_type", True), ("alarm_id", False)), (("id", False),)])
def test_pages_join_to_the_whole_list(manager: Manager, database: Database, sort: tuple[tuple[str, bool], ...]) -> None:
    dice = random.Random(7)
    put(manager, *(replace(FAULT, entity_instance_id=f"host=h{number}", severity=dice.choice(
        [Severity.MAJOR, Severity.MINOR, Severity.CRITICAL]), alarm_type=dice.choice(list(AlarmType)),
        timestamp=f"2026-01-01 00:00:0{number % 3}") for number in range(23)))
    whole = [row["uuid"] for row in listed(database, sort=sort)]
    joined: list[str] = []
    while page := listed(database, sort=sort, limit=4, marker=joined[-1] if joined else None):
        joined += [row["uuid"] for row in page]
    assert joined == whole and len(set(whole)) == 23


@pytest.mark.parametrize(("op", "value", "found"), [
    (Op.EQ, "ma", ["major"]), (Op.NE, "ma", ["critical", "minor", "warning"]), (Op.GE, "major", ["critical", "major"]),
    (Op.LT, "minor", ["warning"]), (Op.EQ, "MAJOR", []), (Op.EQ, "%", []), (Op.EQ, "", ["critical", "major", "minor",
                                                                                        "warning"])])
def test_severity_filters(manager: Manager, database: Database, op: Op, value: str, found: list[str]) -> None:
    put(manager, *(replace(FAULT, entity_instance_id=f"host={name}", severity=Severity(name))
                   for name in ("critical", "major", "minor", "warning")))
    rows = listed(database, filters=[Filter("severity", Match.SEVERITY, op, value)])
    assert sorted(row["severity"] for row in rows) == found


def test_containment_in_sql(manager: Manager, database: Database) -> None:
    names = ["host=a", "host=a.x=1", "host=a,y=1", "host=ab", "host=A.x=1", "host=a_x", "host=a%", "host=a%.z=1"]
    put(manager, *(replace(FAULT, entity_instance_id=name) for name in names))
    for entity, expected in (("host=a", names[:3]), ("host=a%", names[-2:]), ("host=_", []), ("host", [])):
        found = manager.get_faults(alarm_id=None, entity_instance_id=entity, below=True)
        assert [fault.entity_instance_id for fault in found] == expected
    assert [f.entity_instance_id for f in manager.get_faults(
        alarm_id="100.101", entity_instance_id="host=a", below=False)] == ["host=a"]


def test_the_event_log_keeps_the_newest(manager: Manager, database: Database, limits: list[int]) -> None:
    limits[0] = 20
    for number in range(25):
        put(manager, replace(FAULT, entity_instance_id=f"host=h{number}"))
    with database.reader() as conn:
        rows = conn.execute(sa.select(EVENT_LOG.c.id, EVENT_LOG.c.entity_instance_id).order_by(EVENT_LOG.c.id)).all()
    assert [row[1] for row in rows] == [f"host=h{number}" for number in range(5, 25)]
    assert [row[0] for row in rows] == sorted({row[0] for row in rows})
    assert len(listed(database)) == 25
    limits[0] = 3
    put(manager, replace(FAULT, entity_instance_id="host=more"))
    with database.reader() as conn:
        assert events.newest_id(conn) > rows[-1][0]
        assert conn.execute(sa.select(sa.func.count()).select_from(EVENT_LOG)).scalar() == 3


def test_suppression_hides_and_shows(manager: Manager, database: Database) -> None:
    put(manager, FAULT)
    with database.reader() as conn:
        entry = conn.execute(sa.select(EVENT_SUPPRESSION.c.uuid).where(
            EVENT_SUPPRESSION.c.alarm_id == "100.101")).scalar_one()
    assert manager.update_suppression(uuid=entry, status=SuppressionStatus.SUPPRESSED) == "100.101"
    assert listed(database) == [] and len(listed(database, include_suppress=True)) == 1
    assert len(manager.get_faults(alarm_id="100.101", entity_instance_id=None, below=False)) == 1
    manager.update_suppression(uuid=entry, status=SuppressionStatus.UNSUPPRESSED)
    assert len(listed(database)) == 1
    for wrong in (new_uuid(), "x", "\x00"):
        with pytest.raises(SuppressionNotFound):
            manager.update_suppression(uuid=wrong, status=SuppressionStatus.SUPPRESSED)


def test_acknowledge_delete_and_modify(manager: Manager, database: Database) -> None:
    uuid = put(manager, FAULT)[0].uuid or ""
    manager.acknowledge(uuid=uuid, user="operator", comment="on it")
    assert (listed(database)[0]["ack_user"], listed(database)[0]["ack_comment"]) == ("operator", "on it")
    manager.modify_alarm(uuid=uuid, fault=replace(FAULT, alarm_id="300.001", severity=Severity.MINOR))
    (row,) = listed(database)
    assert (row["alarm_id"], row["severity"], row["ack_user"]) == ("100.101", "minor", "")
    assert manager.delete_alarms(uuids=[uuid, new_uuid(), "x"]) == 1
    for call in (lambda: manager.delete_alarm(uuid=uuid), lambda: manager.acknowledge(uuid=uuid, user="u", comment=""),
                 lambda: manager.modify_alarm(uuid=uuid, fault=FAULT)):
        with pytest.raises(AlarmNotFound):
            call()


def test_the_catalogue_is_brought_in_line(manager: Manager, database: Database, tmp_path: Path) -> None:
    put(manager, FAULT)
    document = yaml.safe_load(catalogue.DEFAULT_PATH.read_text())
    for gone in ("100.101", "100.102"):
        del document[gone]
    document["100.103"]["description"] = "Changed by this test."
    document["199.001"] = {**document["100.104"], "description": "New in this test."}
    changed = tmp_path / "events.yaml"
    changed.write_text(yaml.safe_dump(document))
    with database.reader() as conn:
        keep = conn.execute(sa.select(EVENT_SUPPRESSION.c.uuid).where(
            EVENT_SUPPRESSION.c.alarm_id == "100.103")).scalar_one()
    manager.update_suppression(uuid=keep, status=SuppressionStatus.SUPPRESSED)
    plan = synchronise(database, str(changed))
    assert (plan.marked, plan.deleted) == (("100.101",), ("100.102",))
    with database.reader() as conn:
        rows = {row.alarm_id: row for row in conn.execute(sa.select(EVENT_SUPPRESSION))}
    assert rows["100.101"].set_for_deletion and "100.102" not in rows
    assert (rows["100.103"].description, rows["100.103"].suppression_status) == ("Changed by this test.", "suppressed")
    assert rows["199.001"].suppression_status == "unsuppressed"
    assert put(manager, replace(FAULT, entity_instance_id="host=b"))[0].error is not None
    assert put(manager, replace(FAULT, alarm_id="199.001"))[0].error is None
