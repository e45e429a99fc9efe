# SPDX-License-Identifier: Apache-2.0
"""Notices reach system log, webhook and trap agent, in order, again after a failure, and never suppressed ones."""
from __future__ import annotations

import http.server
import json
import socket
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from flock.core.errors import Unavailable
from flock.db import Database, new_uuid
from flock.testing.services.process import wait_for
from fm.contract.enums import AlarmState, AlarmType, Severity, SuppressionStatus
from fm.contract.fault import AlarmKey, Fault
from fm.contract.rpc import FaultRequest
from fm.core.retention import Limits
from fm.db.tables import METADATA
from fm.manager.catalogue import synchronise
from fm.manager.endpoint import Manager
from fm.manager.outputs.relay import Outputs, Sink
from fm.manager.outputs.sinks import SystemLog, TrapAgent, Webhook
from fm.manager.writer import Settings, Writer
from fm.resources.event_suppression import store as suppression

FAULT = Fault("200.005", AlarmState.SET, "host", "host=compute-3", Severity.MAJOR, "degraded", AlarmType.COMMUNICATION,
              "unknown", "look", service_affecting=True, suppression=True, timestamp="2026-03-01 10:20:30.05")


def wired(database: Database, sinks: dict[str, Sink]) -> tuple[Manager, Outputs]:
    METADATA.create_all(database.engine)
    synchronise(database)
    outputs = Outputs(database, sinks, 1000)
    writer = Writer(database, lambda: Settings(Limits(1000)), outputs.publish, outputs.nudge)
    return Manager(database, writer, outputs.suppression_changed), outputs


def put(manager: Manager, *requests: dict[str, Any]) -> None:
    manager.apply(requests=[FaultRequest(new_uuid(), **request) for request in requests])


def test_order_and_retry_per_output(database: Database) -> None:
    got: dict[str, list[str]] = {"good": [], "flaky": []}
    failures = [Unavailable(service="x", reason="y")] * 2

    def flaky(payload: dict[str, Any]) -> None:
        if failures:
            raise failures.pop()
        got["flaky"].append(payload["state"])

    manager, outputs = wired(database, {"good": lambda payload: got["good"].append(payload["state"]), "flaky": flaky})
    outputs.start()
    put(manager, {"fault": FAULT}, {"clear": AlarmKey("200.005", "host=compute-3")})
    put(manager, {"fault": FAULT})
    try:
        wait_for(lambda: len(got["good"]) == len(got["flaky"]) == 3, 20, "the notices")
    finally:
        outputs.stop()
    assert got == {"good": ["set", "clear", "set"], "flaky": ["set", "clear", "set"]}


def test_suppressed_ids_are_not_told(database: Database) -> None:
    got: list[str] = []
    manager, outputs = wired(database, {"one": lambda payload: got.append(payload["event_log_id"])})
    with database.reader() as conn:
        entries = suppression.listing(conn, filters=[], marker=None, limit=None) or []
    entry = next(row["uuid"] for row in entries if row["alarm_id"] == "200.005")
    manager.update_suppression(uuid=entry, status=SuppressionStatus.SUPPRESSED)
    outputs.start()
    put(manager, {"fault": FAULT}, {"fault": replace(FAULT, alarm_id="200.004")})
    try:
        wait_for(lambda: got, 10, "the notice")
    finally:
        outputs.stop()
    assert got == ["200.004"]


def test_changes_of_suppression_make_one_warm_start(database: Database) -> None:
    manager, outputs = wired(database, {"trap": lambda payload: None})
    with database.reader() as conn:
        entries = suppression.listing(conn, filters=[], marker=None, limit=5) or []
    for entry in entries:
        manager.update_suppression(uuid=entry["uuid"], status=SuppressionStatus.SUPPRESSED)
    with database.reader() as conn:
        assert conn.exec_driver_sql("SELECT payload FROM notification").scalars().all() == ['{"kind":"warmStart"}']


def test_what_no_output_wants_is_dropped(database: Database) -> None:
    manager, _ = wired(database, {"old": lambda payload: None})
    put(manager, {"fault": FAULT})
    assert Outputs(database, {}, 1000).prune() == 1


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


@pytest.fixture
def receiver() -> Iterator[tuple[str, list[dict[str, Any]], list[int]]]:
    bodies: list[dict[str, Any]] = []
    answers: list[int] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            bodies.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(answers.pop(0) if answers else 200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Quiet."""

    server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/", bodies, answers
    server.shutdown()
    server.server_close()


def test_webhook(database: Database, receiver: tuple[str, list[dict[str, Any]], list[int]]) -> None:
    url, bodies, answers = receiver
    payload = payload_of(database)
    Webhook(url)(payload)
    (alert,) = bodies[0]["alerts"]
    assert (bodies[0]["status"], alert["labels"]["alertname"], alert["labels"]["severity"]) == (
        "firing", "200.005", "major")
    Webhook(url)({**payload, "state": "clear"})
    assert bodies[1]["status"] == "resolved" and bodies[1]["alerts"][0]["endsAt"] == "2026-03-01T10:20:30.050000Z"
    answers.append(500)
    with pytest.raises(Unavailable):
        Webhook(url)(payload)
    with pytest.raises(Unavailable):
        Webhook("http://127.0.0.1:9/")(payload)


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
