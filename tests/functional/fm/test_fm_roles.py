# SPDX-License-Identifier: Apache-2.0
"""Who may do what, with real tokens; and which requests need none."""
from __future__ import annotations

import json
from typing import Any

import pytest
import requests

BODY = {"alarm_id": "200.004", "alarm_state": "set", "entity_instance_id": "host=worker-0", "severity": "critical",
        "alarm_type": "operational-violation", "probable_cause": "unknown"}
TABLE = [
    ("reader", "other", 200, 403), ("reader", "admin", 200, 403), ("operator", "services", 200, 403),
    ("operator", "other", 200, 403), ("configurator", "services", 200, 200), ("configurator", "admin", 200, 200),
    ("configurator", "other", 200, 403), ("admin", "admin", 200, 200), ("admin", "other", 200, 403)]


@pytest.mark.parametrize(("role", "project", "read", "write"), TABLE)
def test_role_table(fm: Any, role: str, project: str, read: int, write: int) -> None:
    http = fm.http(role, project)
    uuid = fm.raiser().raise_now("200.004", host="worker-1")
    entry = fm.http().get(f"{fm.base}/v1/event_suppression").json()["event_suppression"][0]["uuid"]
    for path in ("alarms", "alarms/summary", "alarms/detail", f"alarms/{uuid}", "event_log", f"event_log/{uuid}",
                 "event_suppression", f"event_suppression/{entry}"):
        assert http.get(f"{fm.base}/v1/{path}").status_code == read, path
    assert http.post(f"{fm.base}/v1/alarms", json=BODY).status_code == write
    assert http.put(f"{fm.base}/v1/alarms/{uuid}", json={"severity": "minor"}).status_code == write
    patch = [{"path": "/suppression_status", "value": "unsuppressed", "op": "replace"}]
    assert http.patch(f"{fm.base}/v1/event_suppression/{entry}", json=patch).status_code == write
    deleted = http.delete(f"{fm.base}/v1/alarms/{uuid}")
    assert deleted.status_code == (204 if write == 200 else write)
    if write == 403:
        assert json.loads(deleted.json()["error_message"]) == {"code": 403, "title": "Forbidden", "description": None}


@pytest.mark.parametrize(("role", "project", "status"), [
    ("reader", "admin", 403), ("operator", "admin", 200), ("operator", "other", 403),
    ("configurator", "services", 200)])
def test_operators_acknowledge(fm: Any, role: str, project: str, status: int) -> None:
    uuid = fm.raiser().raise_now("200.004", host="worker-1")
    http = fm.http(role, project)
    reply = http.put(f"{fm.base}/v1/alarms/{uuid}/acknowledgement", json={"comment": "on it"})
    assert reply.status_code == status
    if status == 200:
        assert (reply.json()["user"], reply.json()["comment"]) == (f"{role}-{project}", "on it")


def test_only_the_version_documents_are_public(fm: Any) -> None:
    root = requests.get(f"{fm.base}/", timeout=10)
    assert root.status_code == 200 and root.json()["default_version"]["id"] == "v1"
    version = requests.get(f"{fm.base}/v1/", timeout=10)
    assert version.status_code == 200 and version.json()["event_log"][0]["href"] == f"{fm.base}/v1/event_log/"
    for headers in ({}, {"X-Auth-Token": "forged"}, {"X-Roles": "admin", "X-Project-Name": "admin"},
                    {"User-Agent": "vim/1.0"}):
        for path in ("v1/alarms", "alarms", "v1/event_log", "v1/alarms/summary"):
            reply = requests.get(f"{fm.base}/{path}", headers=headers, timeout=10)
            assert reply.status_code == 401 and "WWW-Authenticate" in reply.headers
    assert requests.delete(f"{fm.base}/v1/alarms/x", timeout=10).status_code == 401


def test_paths_without_version_and_with_a_trailing_slash(fm: Any) -> None:
    http = fm.http()
    uuid = fm.raiser().raise_now("200.004", host="worker-1")
    for path in ("alarms", "alarms/", "v1/alarms/"):
        assert [a["uuid"] for a in http.get(f"{fm.base}/{path}").json()["alarms"]] == [uuid]
    reply = http.get(f"{fm.base}/v1/alarms")
    assert reply.headers["X-Openstack-Request-Id"].startswith("req-")
    assert http.post(f"{fm.base}/v1/event_log", json={}).status_code == 405
    assert http.get(f"{fm.base}/v1/nothing").status_code == 404
