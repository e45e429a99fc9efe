# SPDX-License-Identifier: Apache-2.0
"""Notices reach each output in order, again after a failure, whatever the others do, and never suppressed ones."""
from __future__ import annotations

import json
import math
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from prometheus_client import REGISTRY

from flock.core.errors import Unavailable
from flock.db import Database, deadletters, new_uuid
from flock.db.outbox import ERRORS_MAX, REFUSALS_MAX, Outbox
from flock.testing.services.process import wait_for
from fm.contract.enums import AlarmState, AlarmType, Severity, SuppressionStatus
from fm.contract.fault import AlarmKey, Fault
from fm.contract.rpc import FaultRequest
from fm.core.retention import Limits
from fm.db.tables import EVENT_SUPPRESSION, METADATA, NOTIFICATION
from fm.manager.catalogue import synchronise
from fm.manager.endpoint import Manager
from fm.manager.outputs.output import ALARMS, Output, Sink, Undeliverable
from fm.manager.outputs.relay import Outputs, attempts_max, relay_of
from fm.manager.outputs.sinks import SystemLog, TrapAgent, server_address
from fm.manager.writer import Settings, Writer
from fm.resources.event_suppression import store as suppression

FAULT = Fault("200.005", AlarmState.SET, "host", "host=compute-3", Severity.MAJOR, "degraded", AlarmType.COMMUNICATION,
              "unknown", "look", service_affecting=True, suppression=True, timestamp="2026-03-01 10:20:30.05")


def wired(database: Database, sinks: dict[str, Sink], **options: Any) -> tuple[Manager, Outputs]:
    METADATA.create_all(database.engine)
    synchronise(database)
    outputs = Outputs(database, [Output(name, sink, **options) for name, sink in sinks.items()], 1000, 30.0,
                      retry_min_s=0.1)
    writer = Writer(database, lambda: Settings(Limits(1000)), outputs.publish, outputs.committed)
    return Manager(database, writer, outputs.suppression_changed), outputs


def put(manager: Manager, *requests: dict[str, Any]) -> None:
    manager.apply(requests=[FaultRequest(new_uuid(), **request) for request in requests])


def told(outputs: Outputs, condition: Callable[[], Any]) -> None:
    """Deliver until ``condition`` holds."""
    outputs.start()
    try:
        wait_for(condition, 20, "the notices")
    finally:
        outputs.stop()


def stored(database: Database) -> list[tuple[str, dict[str, Any]]]:
    """What waits, as (key, payload)."""
    with database.reader() as conn:
        return [(key, payload) for key, payload in conn.execute(
            sa.select(NOTIFICATION.c.key, NOTIFICATION.c.payload).order_by(NOTIFICATION.c.id))]


def sample(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


def test_order_and_retry_per_output(database: Database) -> None:
    got: dict[str, list[str]] = {"good": [], "flaky": []}
    failures = [Unavailable(service="x", reason="y")] * 2

    def flaky(payload: dict[str, Any]) -> None:
        if failures:
            raise failures.pop()
        got["flaky"].append(payload["state"])

    manager, outputs = wired(database, {"good": lambda payload: got["good"].append(payload["state"]), "flaky": flaky})
    put(manager, {"fault": FAULT}, {"clear": AlarmKey("200.005", "host=compute-3")})
    put(manager, {"fault": FAULT})
    told(outputs, lambda: len(got["good"]) == len(got["flaky"]) == 3)
    assert got == {"good": ["set", "clear", "set"], "flaky": ["set", "clear", "set"]}


def test_suppressed_ids_are_not_told(database: Database) -> None:
    got: list[str] = []
    manager, outputs = wired(database, {"one": lambda payload: got.append(payload["event_log_id"])})
    with database.reader() as conn:
        entries = suppression.listing(conn, filters=[], marker=None, limit=None)
    entry = next(row["uuid"] for row in entries if row["alarm_id"] == "200.005")
    manager.update_suppression(uuid=entry, status=SuppressionStatus.SUPPRESSED)
    outputs.start()
    put(manager, {"fault": FAULT}, {"fault": replace(FAULT, alarm_id="200.004")})
    try:
        wait_for(lambda: got, 10, "the notice")
    finally:
        outputs.stop()
    assert got == ["200.004"]


def test_the_system_log_is_told_what_is_suppressed_too(database: Database) -> None:
    got: list[str] = []
    manager, outputs = wired(database, {"syslog": lambda payload: got.append(payload["state"])}, hidden_too=True)
    with database.writer() as conn:
        conn.execute(sa.update(EVENT_SUPPRESSION).values(suppression_status="suppressed"))
    put(manager, {"fault": FAULT}, {"clear_all_below": "host=compute-3"})
    told(outputs, lambda: len(got) == 2)
    assert got == ["set", "clear"], "a hierarchical clear is no event"


def test_changes_of_suppression_make_one_warm_start(database: Database) -> None:
    manager, _ = wired(database, {"trap": lambda payload: None}, warm_start=True)
    with database.reader() as conn:
        entries = suppression.listing(conn, filters=[], marker=None, limit=5)
    for entry in entries:
        manager.update_suppression(uuid=entry["uuid"], status=SuppressionStatus.SUPPRESSED)
    assert stored(database) == [("trap-warm-start", {"kind": "warmStart"})]


def test_what_no_output_wants_is_dropped(database: Database) -> None:
    manager, _ = wired(database, {"old": lambda payload: None})
    put(manager, {"fault": FAULT})
    assert Outputs(database, [], 1000).prune() == 1
    assert Outputs(database, [], 1000).prune() == 0


def test_beyond_the_limit_the_oldest_of_that_output_are_dropped(database: Database) -> None:
    manager, _ = wired(database, {"dead": lambda payload: None, "live": lambda payload: None})
    put(manager, *({"fault": replace(FAULT, reason_text=str(number))} for number in range(30)))
    with database.writer() as conn:
        conn.execute(sa.delete(NOTIFICATION).where(NOTIFICATION.c.key == "live", NOTIFICATION.c.id > 5))
    before = sample("fm_output_dropped_total", output="dead", reason="backlog")
    limited = Outputs(database, [Output("dead", lambda payload: None), Output("live", lambda payload: None)], 10)
    assert limited.prune() == 20
    kept = [payload["reason_text"] for key, payload in stored(database) if key == "dead"]
    assert kept == [str(number) for number in range(20, 30)]
    assert [payload["reason_text"] for key, payload in stored(database) if key == "live"] == ["0", "1"]
    assert sample("fm_output_dropped_total", output="dead", reason="backlog") - before == 20


def test_an_output_that_hangs_delays_no_other_and_no_raise(database: Database) -> None:
    hanging, release = threading.Event(), threading.Event()
    got: list[float] = []

    def hang(payload: dict[str, Any]) -> None:
        hanging.set()
        release.wait(30)

    manager, outputs = wired(database, {"good": lambda payload: got.append(time.monotonic()), "hanging": hang})
    outputs.start()
    try:
        put(manager, {"fault": FAULT})
        assert hanging.wait(10)
        for number in range(20):
            raised_at = time.monotonic()
            put(manager, {"fault": replace(FAULT, entity_instance_id=f"host=c{number}")})
            wait_for(lambda: len(got) == number + 2, 5, "the good output")  # noqa: B023
            assert got[-1] - raised_at < 2.0
    finally:
        release.set()
        outputs.stop()


@pytest.mark.parametrize(("error", "tried_before"), [
    (Undeliverable(output="picky", reason="HTTP 400"), REFUSALS_MAX - 1), (KeyError("bad"), ERRORS_MAX - 1)])
def test_a_message_that_cannot_be_told_is_a_dead_letter_after_some_attempts_and_the_next_goes_on(
        database: Database, error: Exception, tried_before: int) -> None:
    got: list[str] = []

    def picky(payload: dict[str, Any]) -> None:
        if payload["reason_text"] == "bad":
            got.append("refused")
            raise error
        got.append(payload["reason_text"])

    manager, outputs = wired(database, {"picky": picky})
    put(manager, {"fault": replace(FAULT, reason_text="bad")}, {"fault": replace(FAULT, reason_text="good")})
    with database.writer() as conn:
        conn.execute(sa.update(NOTIFICATION).values(attempts=tried_before))
    before = sample("fm_output_dropped_total", output="picky", reason="refused")
    told(outputs, lambda: "good" in got)
    assert got == ["refused", "good"]
    assert [letter.key for letter in deadletters.found(database, NOTIFICATION)] == ["picky"]
    assert sample("fm_output_dropped_total", output="picky", reason="refused") - before == 1


@pytest.mark.parametrize("error", [Unavailable(service="x", reason="y"), ConnectionRefusedError(), TimeoutError()])
def test_an_absent_peer_is_tried_for_ever(error: Exception) -> None:
    assert attempts_max(error) == math.inf


def test_another_manager_goes_on_where_one_was_killed(database: Database) -> None:
    got: list[str] = []

    def dies(payload: dict[str, Any]) -> None:
        got.append(payload["uuid"])
        if len(got) == 5:
            raise SystemExit

    manager, _ = wired(database, {"one": dies})
    put(manager, *({"fault": replace(FAULT, reason_text=str(number))} for number in range(10)))
    told_uuids = [payload["uuid"] for _, payload in stored(database)]
    relay = relay_of(Outbox(database, NOTIFICATION), Output("one", dies))
    with pytest.raises(SystemExit):
        relay.deliver_due()
    _, heir = wired(database, {"one": dies})
    told(heir, lambda: len(set(got)) == 10)
    assert list(dict.fromkeys(got)) == told_uuids, "in order, and repeated ones carry the same uuid"
    wait_for(lambda: not stored(database), 5, "an empty queue")


def test_metrics_of_outputs_and_events(database: Database) -> None:
    names = ("fm_alarms_raised_total", "fm_alarms_cleared_total", "fm_events_total")
    labels: tuple[dict[str, str], ...] = ({"severity": "major"}, {}, {"state": "clear"})
    before = [sample(name, **label) for name, label in zip(names, labels, strict=True)]
    broken = threading.Event()

    def sink(payload: dict[str, Any]) -> None:
        if not broken.is_set():
            raise Unavailable(service="x", reason="y")

    manager, outputs = wired(database, {"gauged": sink})
    put(manager, {"fault": FAULT}, {"fault": replace(FAULT, reason_text="worse")})
    put(manager, {"clear": AlarmKey("200.005", "host=compute-3")})
    after = [sample(name, **label) for name, label in zip(names, labels, strict=True)]
    assert [new - old for new, old in zip(after, before, strict=True)] == [1, 1, 1]
    outputs.start()
    try:
        wait_for(lambda: sample("fm_output_failed_total", output="gauged") >= 1, 10, "a failure")
        assert sample("fm_output_backlog", output="gauged") == 3
        assert sample("fm_output_lag_seconds", output="gauged") > 0
        broken.set()
        wait_for(lambda: sample("fm_output_backlog", output="gauged") == 0, 20, "delivery")
        assert sample("fm_output_delivered_total", output="gauged") == 3
    finally:
        outputs.stop()
    assert REGISTRY.get_sample_value("fm_output_backlog", {"output": "gauged"}) is None


def test_a_refresh_is_asked_for_once_until_it_is_delivered(database: Database) -> None:
    METADATA.create_all(database.engine)
    outputs = Outputs(database, [Output("am", lambda payload: None, ALARMS, refresh_s=60)], 1000)
    outputs.upkeep()
    outputs.upkeep()
    assert stored(database) == [("am", {"kind": "refresh"})]


def payload_of(database: Database) -> dict[str, Any]:
    got: list[dict[str, Any]] = []
    manager, outputs = wired(database, {"one": got.append})
    outputs.start()
    put(manager, {"fault": FAULT})
    try:
        wait_for(lambda: got, 10, "the notice")
    finally:
        outputs.stop()
    return got[0]


def test_system_log_line(database: Database, tmp_path: Path) -> None:
    payload = payload_of(database)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as server:
        server.bind(str(tmp_path / "log"))
        server.settimeout(5)
        SystemLog(str(tmp_path / "log"))(payload)
        line = server.recv(65536).decode()
    head, _, body = line.partition(": ")
    assert head == "<174>fmEvent"
    assert json.loads(body) == {
        "event_log_id": "200.005", "reason_text": "degraded", "entity_instance_id": "host=compute-3",
        "severity": "major", "state": "set", "proposed_repair_action": "look",
        "timestamp": "2026-03-01T10:20:30.050000"}
    with pytest.raises(Unavailable):
        SystemLog(str(tmp_path / "absent"))(payload)


def test_system_log_by_udp(database: Database) -> None:
    payload = payload_of(database)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        server.settimeout(5)
        SystemLog(f"127.0.0.1:{server.getsockname()[1]}")(payload)
        assert server.recv(65536).startswith(b'<174>fmEvent: {"event_log_id": "200.005"')


@pytest.mark.parametrize(("text", "address"), [
    ("log.example", ("log.example", 514)), ("log.example:1514", ("log.example", 1514)), ("[::1]:99", ("::1", 99)),
    ("::1", ("::1", 514))])
def test_addresses_of_log_servers(text: str, address: tuple[str, int]) -> None:
    assert server_address(text) == address


@pytest.mark.parametrize("text", ["", ":1", "host:", "host:x", "host:0", "host:70000"])
def test_a_bad_address_names_the_option(text: str) -> None:
    with pytest.raises(ValueError, match="syslog_address"):
        server_address(text)


def test_trap_message(database: Database) -> None:
    payload = payload_of(database)
    with socket.create_server(("127.0.0.1", 0)) as server:
        TrapAgent("127.0.0.1", server.getsockname()[1], "RegionOne", "sys1")(payload)
        connection, _ = server.accept()
        with connection:
            size = int.from_bytes(connection.recv(4), "big")
            message = json.loads(connection.recv(65536))
    assert size > 100 and message["operation_type"] == "wrsAlarmMajor"
    assert message["alarm"] == {
        "wrsAlarmActiveUuid": payload["uuid"], "wrsAlarmActiveAlarmId": "200.005",
        "wrsAlarmActiveEntityInstanceId": "region=RegionOne.system=sys1.host=compute-3",
        "wrsAlarmActiveDateAndTime": "2026-03-01,10:20:30.0,+0:0", "wrsAlarmActiveAlarmSeverity": "3",
        "wrsAlarmActiveReasonText": "degraded", "wrsAlarmActiveEventType": "1", "wrsAlarmActiveProbableCause": "0",
        "wrsAlarmActiveProposedRepairAction": "look", "wrsAlarmActiveServiceAffecting": "1",
        "wrsAlarmActiveSuppressionAllowed": "1"}
