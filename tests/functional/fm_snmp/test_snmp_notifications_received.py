# SPDX-License-Identifier: Apache-2.0
"""What a real snmptrapd receives from the real outputs over a database. Costs about 5 seconds."""
from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from flock.conf import options as shared_options
from flock.db import Database, new_uuid
from flock.testing.daemons import write_conf
from flock.testing.fixtures import private_conf
from flock.testing.services.process import wait_for
from fm.contract.enums import AlarmState, AlarmType, Severity, SuppressionStatus
from fm.contract.fault import AlarmKey, Fault
from fm.contract.rpc import FaultRequest
from fm.core.retention import Limits
from fm.db.tables import EVENT_SUPPRESSION, METADATA, NOTIFICATION
from fm.manager.catalogue import synchronise
from fm.manager.endpoint import Manager
from fm.manager.outputs.configured import outputs_from
from fm.manager.outputs.relay import Outputs
from fm.manager.writer import Settings, Writer
from tests.functional.fm_snmp.netsnmp import Received, Snmptrapd

ROOT = "1.3.6.1.4.1.731.1.1.1.1"
ENGINE = "800002db05aabbccddeeff"
WHERE = "region=RegionOne.system=system."
WARM_START_HOLD_S = 0.5
USERS = {f"-e 0x{ENGINE} private": "SHA-256 authpass1 AES privpass1", f"-e 0x{ENGINE} signed": "SHA-512 authpass2",
         f"-e 0x{ENGINE} strong": "SHA-384 authpass3 AES-256 privpass3", f"-e 0x{ENGINE} open": "",
         f"-e 0x{ENGINE} middle": "SHA-224 authpass5 AES-192 privpass5",
         f"-e 0x{ENGINE} aged": "SHA authpass6 AES privpass6",
         "informed": "SHA-256 authpass4 AES privpass4"}
V3 = {"version": "3", "auth_protocol": "SHA-256"}
DESTINATIONS: dict[str, dict[str, Any]] = {
    "v2c-trap": {"community": "public"}, "v2c-inform": {"community": "public", "inform": True},
    "private": {**V3, "user_name": "private", "auth_key": "authpass1", "priv_protocol": "AES", "priv_key": "privpass1"},
    "signed": {**V3, "user_name": "signed", "auth_protocol": "SHA-512", "auth_key": "authpass2"},
    "strong": {**V3, "user_name": "strong", "auth_protocol": "SHA-384", "auth_key": "authpass3",
               "priv_protocol": "AES-256", "priv_key": "privpass3"},
    "middle": {**V3, "user_name": "middle", "auth_protocol": "SHA-224", "auth_key": "authpass5",
               "priv_protocol": "AES-192", "priv_key": "privpass5"},
    "aged": {**V3, "user_name": "aged", "auth_protocol": "SHA", "auth_key": "authpass6", "priv_protocol": "AES",
             "priv_key": "privpass6"},
    "open": {"version": "3", "user_name": "open"},
    "informed": {**V3, "user_name": "informed", "auth_key": "authpass4", "priv_protocol": "AES",
                 "priv_key": "privpass4", "inform": True}}
SENDERS = {"v2c-trap": "TRAP2, SNMP v2c, community public", "v2c-inform": "INFORM, SNMP v2c, community public",
           "private": "TRAP2, SNMP v3, user private", "signed": "TRAP2, SNMP v3, user signed",
           "strong": "TRAP2, SNMP v3, user strong", "middle": "TRAP2, SNMP v3, user middle",
           "aged": "TRAP2, SNMP v3, user aged", "open": "TRAP2, SNMP v3, user open",
           "informed": "INFORM, SNMP v3, user informed"}


class Sender:
    """The writing side of fm-manager with its outputs, made from a configuration file."""

    def __init__(self, folder: Path, port: int, names: list[str]) -> None:
        sections: dict[str, dict[str, Any]] = {
            "DEFAULT": {"state_dir": folder}, "fm_snmp": {"destinations": ",".join(names), "engine_id": ENGINE}}
        for name in names:
            sections[f"fm_snmp.{name}"] = {"host": "127.0.0.1", "port": port, "timeout_s": 1, **DESTINATIONS[name]}
        write_conf(folder / "fm.conf", sections)
        conf = private_conf()
        conf([], default_config_files=[str(folder / "fm.conf")])
        shared_options.register(conf)
        self.db = Database(f"sqlite:///{folder}/fm.sqlite", sqlite_synchronous=False)
        METADATA.create_all(self.db.engine)
        synchronise(self.db)
        self.outputs = Outputs(self.db, outputs_from(conf, self.db), 1000, WARM_START_HOLD_S, retry_min_s=0.1)
        writer = Writer(self.db, lambda: Settings(Limits(1000)), self.outputs.publish, self.outputs.committed)
        self._manager = Manager(self.db, writer, self.outputs.suppression_changed)
        self.outputs.start()

    def apply(self, **request: Any) -> float:
        """Apply one request; returns the seconds it took."""
        began = time.monotonic()
        outcome, = self._manager.apply(requests=[FaultRequest(new_uuid(), **request)])
        assert outcome.error is None
        return time.monotonic() - began

    def suppress(self, alarm_id: str, status: SuppressionStatus = SuppressionStatus.SUPPRESSED) -> None:
        with self.db.reader() as conn:
            uuid = conn.execute(sa.select(EVENT_SUPPRESSION.c.uuid).where(
                EVENT_SUPPRESSION.c.alarm_id == alarm_id)).scalar_one()
        self._manager.update_suppression(uuid=uuid, status=status)

    def waiting(self) -> int:
        with self.db.reader() as conn:
            return int(conn.execute(sa.select(sa.func.count()).select_from(NOTIFICATION)).scalar_one())

    def stop(self) -> None:
        self.outputs.stop()
        self.db.dispose()


def fault(severity: Severity = Severity.MAJOR, entity: str = "host=c0", **changes: Any) -> Fault:
    values: dict[str, Any] = {
        "alarm_id": "100.101", "alarm_state": AlarmState.SET, "entity_type_id": "host", "entity_instance_id": entity,
        "severity": severity, "reason_text": "too hot", "alarm_type": AlarmType.EQUIPMENT,
        "probable_cause": "threshold-crossed", "proposed_repair_action": "cool it", "service_affecting": True,
        "suppression": True, "timestamp": "2026-03-01 10:20:30.45"}
    return Fault(**values | changes)


@pytest.fixture
def sender(tmp_path: Path, snmptrapd: Snmptrapd, request: pytest.FixtureRequest) -> Iterator[Sender]:
    found = Sender(tmp_path, snmptrapd.port, getattr(request, "param", ["v2c-trap"]))
    yield found
    found.stop()


def active(**values: Any) -> dict[str, Any]:
    """Variables of wrsAlarmActiveTable, by the number of their column."""
    return {f"{ROOT}.1.1.{column.removeprefix('c')}.0": value for column, value in values.items()}


WHEN = bytes((0x07, 0xEA, 3, 1, 10, 20, 30, 4)) + b"+\0\0"
HEAD: dict[str, Any] = {"c3": b"100.101", "c4": f"{WHERE}host=c0".encode(), "c5": WHEN}
TAIL: dict[str, Any] = {"c7": b"too hot", "c8": 4, "c9": 50, "c10": b"cool it", "c11": 1, "c12": 1}


@pytest.mark.parametrize("sender", [list(DESTINATIONS)], indirect=True)
def test_every_notice_reaches_every_destination(sender: Sender, snmptrapd: Snmptrapd) -> None:
    snmptrapd.start(USERS)
    for severity in (Severity.CRITICAL, Severity.MAJOR, Severity.MINOR, Severity.WARNING):
        sender.apply(fault=fault(severity))
    sender.apply(clear=AlarmKey("100.101", "host=c0"))
    sender.apply(fault=fault(Severity.CLEAR, alarm_id="200.021", alarm_state=AlarmState.MSG))
    sender.apply(fault=fault(entity="host=c1.port=p"))
    sender.apply(clear_all_below="host=c1")
    # A warm start has no place in the order of the others.
    expected = [f"{ROOT}.0.{number}" for number in (1, 2, 3, 4, 9, 5, 2, 99)]
    wait_for(lambda: len(snmptrapd.received()) == len(expected) * len(SENDERS), 30, "all but the warm starts")
    for status in (SuppressionStatus.SUPPRESSED, SuppressionStatus.UNSUPPRESSED):
        sender.suppress("100.102", status)
    expected.append("1.3.6.1.6.3.1.1.5.2")
    for words in SENDERS.values():
        got = snmptrapd.wait(len(expected), words)
        assert [each.name for each in got] == expected, words
        check_values(got)
    wait_for(lambda: sender.waiting() == 0, 10, "the outbox to be empty")
    assert len(snmptrapd.received()) == len(expected) * len(SENDERS)


def check_values(got: list[Received]) -> None:
    for each in got:
        first, second = each.bindings[:2]
        assert (first.name, first.syntax, second.name) == ("1.3.6.1.2.1.1.3.0", "Timeticks", "1.3.6.1.6.3.1.1.4.1.0")
    for each, rank in zip(got[:4], (4, 3, 2, 1), strict=True):
        wanted = active(**HEAD, c6=rank, **TAIL)
        assert each.values == wanted and list(each.values) == list(wanted)
    clear, message, _, below, warm_start = got[4:]
    assert {**clear.values, f"{ROOT}.1.1.5.0": b""} == active(**{**HEAD, "c5": b""}, c7=b"too hot")
    assert message.values == {f"{ROOT}.4.1.{column}.0": value for column, value in (
        (3, b"200.021"), (5, HEAD["c4"]), (6, WHEN), (7, 0), (8, b"too hot"), (9, 4), (10, 50), (11, b"N/A"), (12, 1),
        (13, 0))}
    assert list(below.values) == list(active(c4=0, c5=0, c7=0))
    assert below.values[f"{ROOT}.1.1.4.0"] == f"{WHERE}host=c1".encode()
    assert warm_start.values == {}


@pytest.mark.parametrize("sender", [["v2c-trap", "private", "informed"]], indirect=True)
def test_a_receiver_that_is_away_delays_nobody_and_misses_nothing(sender: Sender, snmptrapd: Snmptrapd) -> None:
    entities = [f"host=c{number}" for number in range(20)]
    seconds = [sender.apply(fault=fault(entity=entity)) for entity in entities]
    # A sender that waited for its receiver would take the time of an attempt, several seconds.
    assert max(seconds) < 3.0
    wait_for(lambda: any(attempts(sender)), 10, "an attempt to fail")
    assert sender.waiting() == 3 * len(entities)
    snmptrapd.start(USERS)
    for words in (SENDERS["v2c-trap"], SENDERS["private"], SENDERS["informed"]):
        got = [each.values[f"{ROOT}.1.1.4.0"] for each in snmptrapd.wait(len(entities), words, timeout_s=30)]
        assert got == [f"{WHERE}{entity}".encode() for entity in entities]
    wait_for(lambda: sender.waiting() == 0, 10, "the outbox to be empty")


def attempts(sender: Sender) -> list[int]:
    with sender.db.reader() as conn:
        return list(conn.execute(sa.select(NOTIFICATION.c.attempts)).scalars())


@pytest.mark.parametrize("sender", [["informed"]], indirect=True)
def test_a_receiver_that_starts_anew_in_between_misses_nothing(sender: Sender, snmptrapd: Snmptrapd) -> None:
    snmptrapd.start(USERS)
    sender.apply(fault=fault(entity="host=c0"))
    snmptrapd.wait(1)
    snmptrapd.stop()
    sender.apply(fault=fault(entity="host=c1"))
    snmptrapd.start(USERS)
    sender.apply(fault=fault(entity="host=c2"))
    got = [each.values[f"{ROOT}.1.1.4.0"] for each in snmptrapd.wait(3, timeout_s=30)]
    assert got == [f"{WHERE}host=c{number}".encode() for number in range(3)]


def test_texts_arrive_in_utf8_and_whole_characters(sender: Sender, snmptrapd: Snmptrapd) -> None:
    snmptrapd.start(USERS)
    sender.apply(fault=fault(entity="host=café", reason_text="ж" * 300, proposed_repair_action="日" * 85 + "!"))
    values = snmptrapd.wait(1)[0].values
    assert values[f"{ROOT}.1.1.4.0"] == f"{WHERE}host=café".encode()
    assert values[f"{ROOT}.1.1.7.0"] == ("ж" * 127).encode()
    assert values[f"{ROOT}.1.1.10.0"] == ("日" * 85).encode()


def test_what_is_suppressed_is_not_told(sender: Sender, snmptrapd: Snmptrapd) -> None:
    snmptrapd.start(USERS)
    sender.suppress("100.101")
    sender.apply(fault=fault())
    sender.apply(fault=fault(alarm_id="100.103"))
    sender.apply(clear=AlarmKey("100.101", "host=c0"))
    got = snmptrapd.wait(2)
    assert [each.name for each in got] == [f"{ROOT}.0.2", "1.3.6.1.6.3.1.1.5.2"]
    assert got[0].values[f"{ROOT}.1.1.3.0"] == b"100.103"
    wait_for(lambda: sender.waiting() == 0, 10, "the outbox to be empty")
    assert len(snmptrapd.received()) == 2
