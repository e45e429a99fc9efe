# SPDX-License-Identifier: Apache-2.0
"""REST operations of operators in one process: patches, bulk delete, export. Roles have their cases in tests/rbac."""
from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from typing import Any

import pytest
import webob

from flock.api import build_app
from flock.db import Database
from flock.testing.fixtures import private_conf
from flock.testing.identity import trusting
from fm.contract.rpc import FmManager
from fm.core.retention import Limits
from fm.db.tables import METADATA
from fm.manager.catalogue import synchronise
from fm.manager.endpoint import Manager
from fm.manager.writer import Settings, Writer
from fm.resources.alarm.reading import AlarmReads

Ask = Callable[..., webob.Response]


@pytest.fixture
def ask(database: Database) -> Ask:
    METADATA.create_all(database.engine)
    synchronise(database)
    manager = Manager(database, Writer(database, lambda: Settings(Limits(1000))))
    deps = [database, AlarmReads(database), (FmManager, manager)]
    app = build_app(private_conf(), "fm", deps=deps, authenticate=trusting)

    def send(method: str, path: str, roles: str, project: str = "services", body: Any = None) -> webob.Response:
        request = webob.Request.blank(path, method=method, headers={
            "X-Roles": roles, "X-Project-Name": project, "X-User-Name": "u", "X-User-Id": "1", "X-Project-Id": "2"})
        if body is not None:
            request.body = json.dumps(body).encode()
            request.content_type = "application/json"
        return request.get_response(app)

    return send


@pytest.mark.parametrize(("patch", "text"), [
    ([{"path": "/suppression_status", "value": "hidden", "op": "replace"}],
     "Invalid event_suppression parameter suppression_status values. Valid values are: suppressed, unsuppressed"),
    ([{"path": "/alarm_id", "value": "1", "op": "replace"}], "alarm_id is not allowed to be updated"),
    ([{"path": "/description", "value": "1", "op": "replace"}], "description is not allowed to be updated"),
    ([{"path": "/colour", "value": "1", "op": "replace"}], "event_suppression invalid parameter."),
    ([{"path": "/uuid", "value": "1", "op": "replace"}], "internal attribute"),
    ([{"path": "/suppression_status", "op": "replace"}], "non-empty value"), ([], "non-empty list"), ({}, "list")])
def test_bad_patches_of_a_suppression(ask: Ask, patch: Any, text: str) -> None:
    entry = ask("GET", "/v1/event_suppression?limit=1", "admin,reader", "admin").json["event_suppression"][0]["uuid"]
    reply = ask("PATCH", f"/v1/event_suppression/{entry}", "admin", "admin", patch)
    assert reply.status_int == 400
    assert text in json.loads(reply.json["error_message"])["faultstring"]


def test_repeated_patch_elements_are_accepted(ask: Ask) -> None:
    entry = ask("GET", "/v1/event_suppression?limit=1", "admin,reader", "admin").json["event_suppression"][0]["uuid"]
    patch = [{"path": "/suppression_status", "value": "suppressed", "op": "add"}] * 3
    reply = ask("PATCH", f"/v1/event_suppression/{entry}", "admin,reader", "admin", patch)
    assert (reply.status_int, reply.json["suppression_status"], type(reply.json["id"])) == (200, "suppressed", int)


def test_bulk_delete_takes_what_matches(ask: Ask) -> None:
    body = {"alarm_id": "100.101", "alarm_state": "set", "severity": "major", "alarm_type": "other",
            "probable_cause": "unknown"}
    for host in ("a", "b", "c1"):
        reply = ask("POST", "/v1/alarms", "admin", "admin", {**body, "entity_instance_id": f"host={host}"})
        assert reply.status_int == 200
    query = "q.field=entity_instance_id&q.op=ne&q.value=host%3Dc"
    assert ask("DELETE", f"/v1/alarms?{query}", "reader", "admin").status_int == 403
    assert ask("DELETE", f"/v1/alarms?{query}&nonsense=1", "admin", "admin").status_int == 400
    assert ask("DELETE", f"/v1/alarms?{query}", "admin", "admin").json == {"deleted": 2}
    left = ask("GET", "/v1/alarms", "admin,reader", "admin").json["alarms"]
    assert [alarm["entity_instance_id"] for alarm in left] == ["host=c1"]
    assert ask("DELETE", "/v1/alarms", "admin", "admin").status_int == 400


def test_events_are_exported_as_csv(ask: Ask) -> None:
    body = {"alarm_id": "100.101", "alarm_state": "set", "severity": "major", "alarm_type": "other",
            "probable_cause": "unknown", "entity_instance_id": "host=a",
            "reason_text": 'with "quotes", commas\nand lines'}
    ask("POST", "/v1/alarms", "admin", "admin", body)
    reply = ask("GET", "/v1/event_log?format=csv", "reader", "admin")
    assert reply.headers["Content-Type"].startswith("text/csv")
    (row,) = csv.DictReader(io.StringIO(reply.text, newline=""))
    assert (row["event_log_id"], row["reason_text"]) == ("100.101", body["reason_text"])
    assert ask("GET", "/v1/event_log?format=xml", "reader", "admin").status_int == 400
