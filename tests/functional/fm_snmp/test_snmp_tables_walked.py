# SPDX-License-Identifier: Apache-2.0
"""The tables as real net-snmp tools read them through a real snmpd, on each engine. Costs about 30 seconds."""
from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from flock.conf import options as shared_options
from flock.core.errors import FlockError
from flock.db import Database
from flock.testing.daemons import write_conf
from flock.testing.fixtures import private_conf
from flock.testing.services.process import wait_for
from fm.db.tables import ALARM, EVENT_LOG, EVENT_SUPPRESSION, METADATA
from fm.snmp.daemon import SnmpAgentDaemon
from tests.functional.fm_snmp.netsnmp import Binding, Snmpd, ask, tool

ACTIVE = "1.3.6.1.4.1.731.1.1.1.1.1"
EVENTS = "1.3.6.1.4.1.731.1.1.1.1.4"
MANY = 100_000
MOMENT = datetime(2026, 3, 1, 10, 20, 30, 450000, tzinfo=UTC)
WHEN = bytes((0x07, 0xEA, 3, 1, 10, 20, 30, 4)) + b"+\0\0"
BASE = {"entity_type_id": "host", "timestamp": MOMENT, "severity": "major", "reason_text": "café",
        "probable_cause": "threshold-crossed", "proposed_repair_action": "cool it", "service_affecting": True,
        "suppression": False}
USER = ("reader", "SHA-256", "authpass1", "AES", "privpass1")


class Tables:
    """fm-snmp-agent over a database, behind snmpd."""

    def __init__(self, db: Database, snmpd: Snmpd, folder: Path) -> None:
        self.db, self.snmpd = db, snmpd
        METADATA.create_all(db.engine)
        with db.writer() as conn:
            conn.execute(sa.insert(EVENT_SUPPRESSION), [
                {"alarm_id": alarm_id, "description": "d", "suppression_status": status, "set_for_deletion": False,
                 "mgmt_affecting": "none", "degrade_affecting": "none"}
                for alarm_id, status in (("100.101", "unsuppressed"), ("100.102", "suppressed"))])
        write_conf(folder / "fm.conf", {
            "database": {"connection": db.url.render_as_string(hide_password=False)}, "fm": {"system_name": "s1"},
            "fm_snmp": {"agentx_address": snmpd.agentx_address, "agentx_reconnect_max_s": 1, "agentx_timeout_s": 10}})
        conf = private_conf()
        shared_options.register(conf)
        conf([], default_config_files=[str(folder / "fm.conf")])
        self.daemon = SnmpAgentDaemon(conf)
        self.daemon.start()
        self.wait_connected()

    def wait_connected(self) -> None:
        wait_for(lambda: self.daemon.health.report()[0], 20, "the session with snmpd")

    def alarms(self, numbers: range, alarm_id: str = "100.101") -> None:
        rows = [{**BASE, "id": number, "alarm_id": alarm_id, "alarm_type": "equipment", "inhibit_alarms": False,
                 "entity_instance_id": f"host=h{number}", "ack_comment": "", "last_refreshed": MOMENT}
                for number in numbers]
        with self.db.writer() as conn:
            for start in range(0, len(rows), 10_000):
                conn.execute(sa.insert(ALARM), rows[start:start + 10_000])

    def many_alarms(self) -> None:
        """``MANY`` copies of the first alarm."""
        self.alarms(range(1, 2))
        numbers = sa.select(sa.literal(2).label("number")).cte(recursive=True)
        numbers = numbers.union_all(sa.select(numbers.c.number + 1).where(numbers.c.number < MANY))
        text = sa.cast(numbers.c.number, sa.String)
        values = {**ALARM.c, "id": numbers.c.number, "uuid": text,
                  "entity_instance_id": sa.literal("host=h").concat(text)}
        copies = sa.select(*values.values()).select_from(ALARM.join(numbers, sa.true()))
        with self.db.writer() as conn:
            conn.execute(sa.insert(ALARM).from_select(list(values), copies, include_defaults=False))

    def event(self, number: int, event_log_id: str, state: str) -> None:
        with self.db.writer() as conn:
            conn.execute(sa.insert(EVENT_LOG).values({
                **BASE, "id": number, "event_log_id": event_log_id, "event_log_type": "equipment", "state": state,
                "entity_instance_id": "host=h1"}))

    def ask(self, name: str, *oids: str, options: tuple[str, ...] = ()) -> list[Binding]:
        return ask(name, self.snmpd.as_community(), *oids, options=("-t20", "-r0", *options))


@pytest.fixture
def tables(database: Database, snmpd: Snmpd, tmp_path: Path) -> Iterator[Tables]:
    if snmpd.process is None:
        snmpd.start({USER[0]: " ".join(USER[1:])})
    found = Tables(database, snmpd, tmp_path)
    yield found
    found.daemon.stop()


def shown(bindings: list[Binding], table: str) -> dict[tuple[int, int], Any]:
    """Values by column and row."""
    return {tuple(map(int, each.name.removeprefix(f"{table}.1.").split("."))): each.value  # type: ignore[misc]
            for each in bindings if each.name.startswith(f"{table}.1.")}


@pytest.mark.parametrize("walk", ["snmpwalk", "snmpbulkwalk"])
def test_both_tables_show_every_column(tables: Tables, walk: str) -> None:
    tables.alarms(range(1, 4))
    tables.alarms(range(4, 5), "100.102")
    for number, (event_log_id, state) in enumerate((("100.101", "set"), ("100.102", "set"), ("100.101", "clear"),
                                                    ("200.021", "log")), start=1):
        tables.event(number, event_log_id, state)
    active = shown(tables.ask(walk, ACTIVE), ACTIVE)
    assert sorted(active) == [(column, row) for column in range(2, 13) for row in (1, 2, 3)]
    assert {column: active[column, 2] for column in range(3, 13)} == {
        3: b"100.101", 4: b"system=s1.host=h2", 5: WHEN, 6: 3, 7: "café".encode(), 8: 4, 9: 50, 10: b"cool it",
        11: 1, 12: 0}
    events = shown(tables.ask(walk, EVENTS), EVENTS)
    assert sorted(events) == [(column, row) for column in range(2, 14) for row in (1, 3, 4)]
    assert [events[4, row] for row in (1, 3, 4)] == [1, 0, 3]
    assert (events[3, 4], events[5, 4], events[8, 4]) == (b"200.021", b"system=s1.host=h1", "café".encode())


def test_version_3_reads_and_nobody_writes(tables: Tables) -> None:
    tables.alarms(range(1, 2))
    session = tables.snmpd.as_user(*USER)
    walked = ask("snmpbulkwalk", session, ACTIVE)
    assert len(walked) == 11
    one = f"{ACTIVE}.1.7.1"
    assert ask("snmpget", session, one)[0].value == "café".encode()
    for each in (session, tables.snmpd.as_community()):
        refused = tool("snmpset", *each, one, "s", "x", check=False)
        assert refused.rc != 0 and "no" in refused.err.lower()
    assert tables.ask("snmpget", one)[0].value == "café".encode()


def test_get_says_what_is_not_there(tables: Tables) -> None:
    tables.alarms(range(1, 2))
    found = tables.ask("snmpget", f"{ACTIVE}.1.3.1", f"{ACTIVE}.1.3.2", f"{ACTIVE}.1.1.1", f"{ACTIVE}.1.14.1")
    assert found[0].value == b"100.101"
    assert [str(each.value).split(" at")[0] for each in found[1:]] == [
        "No Such Instance currently exists", "No Such Object available on this agent",
        "No Such Object available on this agent"]
    assert [each.name for each in tables.ask("snmpgetnext", f"{ACTIVE}.1.2.1", f"{ACTIVE}.1.12.0")] == [
        f"{ACTIVE}.1.3.1", f"{ACTIVE}.1.12.1"]


def test_a_hundred_thousand_alarms_are_not_loaded(tables: Tables) -> None:
    tables.many_alarms()
    for name in ("snmpgetnext", "snmpget"):
        row = MANY - 1 if name == "snmpgetnext" else MANY
        assert tables.ask(name, f"{ACTIVE}.1.4.{row}")[0].value == f"system=s1.host=h{MANY}".encode()
    names = [f"{ACTIVE}.1.3"]
    for _ in range(10):
        names += [each.name for each in tables.ask("snmpbulkget", names[-1], options=("-Cn0", "-Cr50"))]
    assert names[1:] == [f"{ACTIVE}.1.3.{row}" for row in range(1, 501)]
    bulk = tables.ask("snmpbulkget", f"{ACTIVE}.1.3.{MANY - 2}", options=("-Cn0", "-Cr5"))
    assert [each.name.removeprefix(f"{ACTIVE}.1.") for each in bulk] == [
        f"3.{MANY - 1}", f"3.{MANY}", "4.1", "4.2", "4.3"]


def test_a_walk_while_rows_change_ends_and_shows_what_stays(tables: Tables) -> None:
    tables.alarms(range(1, 201))
    changing = threading.Event()
    failures: list[BaseException] = []

    def change() -> None:
        try:
            for number in range(2, 200, 2):
                with tables.db.writer() as conn:
                    conn.execute(sa.delete(ALARM).where(ALARM.c.id == number))
                tables.alarms(range(1000 + number, 1001 + number))
                changing.set()
        except FlockError as failure:
            failures.append(failure)

    thread = threading.Thread(target=change)
    thread.start()
    assert changing.wait(20)
    walked = [each.name for each in tables.ask("snmpwalk", f"{ACTIVE}.1.3")]
    thread.join(60)
    assert failures == [] and not thread.is_alive()
    numbers = [int(name.rpartition(".")[2]) for name in walked]
    assert numbers == sorted(set(numbers)) and set(range(1, 200, 2)) <= set(numbers)
    rows = shown(tables.ask("snmpbulkwalk", f"{ACTIVE}.1.3"), ACTIVE)
    assert sorted(row for _, row in rows) == [*range(1, 200, 2), 200, *range(1002, 1200, 2)]


def test_snmpd_may_start_anew(tables: Tables) -> None:
    tables.alarms(range(1, 2))
    assert tables.ask("snmpget", f"{ACTIVE}.1.3.1")[0].value == b"100.101"
    tables.snmpd.stop()
    wait_for(lambda: not tables.daemon.health.report()[0], 20, "the end of the session to be told")
    tables.snmpd.start({USER[0]: " ".join(USER[1:])})
    tables.wait_connected()
    assert tables.ask("snmpget", f"{ACTIVE}.1.3.1")[0].value == b"100.101"
