# SPDX-License-Identifier: Apache-2.0
"""Who may do what: the role cases of tests/rbac/fm.yaml with real tokens, and which requests need none. About 10 s."""
from __future__ import annotations

import json

import pytest
import requests

from tests.functional.fm.service import FaultManagement
from tests.rbac.role_cases import RoleCase, role_cases

CASES = role_cases("fm")


def things(fm: FaultManagement, names: str) -> dict[str, str]:
    """The uuids that a case names."""
    made = {"$alarm": fm.raiser().raise_now("200.004", host="worker-1")}
    if "$entry" in names:
        found = fm.http().get(f"{fm.base}/v1/event_suppression", params={"limit": 1}).json()
        made["$entry"] = found["event_suppression"][0]["uuid"]
    if "$silence" in names:
        reply = fm.http().post(f"{fm.base}/v1/silences", json={"entity_instance_id": "host=q"})
        made["$silence"] = reply.json()["uuid"]
    return made


def ask(fm: FaultManagement, case: RoleCase) -> requests.Response:
    """Send the case's request."""
    text = json.dumps({"uuid": case.uuid, "query": dict(case.query), "body": case.body})
    for name, uuid in things(fm, text).items():
        text = text.replace(name, uuid)
    filled = json.loads(text)
    session = fm.http(case.role, case.project) if case.role else requests.Session()
    return session.request(case.method, fm.base + case.path.replace("{uuid}", filled["uuid"]), json=filled["body"],
                           params=filled["query"], stream=case.stream, timeout=10)


@pytest.mark.usefixtures("member_alone")
@pytest.mark.parametrize("running", ["sqlite"], indirect=True)  # roles are judged before any database is asked
@pytest.mark.parametrize("operation", sorted({case.operation for case in CASES}))
def test_role_cases(fm: FaultManagement, operation: str) -> None:
    cases = [case for case in CASES if case.operation == operation]
    answered = {}
    for case in cases:
        with ask(fm, case) as reply:
            answered[case.name] = reply.status_code
            if reply.status_code == 403:
                assert json.loads(reply.json()["error_message"]) == {
                    "code": 403, "title": "Forbidden", "description": None}
            if reply.status_code == 401:
                assert "WWW-Authenticate" in reply.headers
    assert answered == {case.name: case.status for case in cases}


def test_an_acknowledgement_names_its_author(fm: FaultManagement) -> None:
    uuid = fm.raiser().raise_now("200.004", host="worker-1")
    url = f"{fm.base}/v1/alarms/{uuid}/acknowledgement"
    reply = fm.http("operator", "admin").put(url, json={"comment": "on it"})
    assert (reply.json()["user"], reply.json()["comment"]) == ("operator-admin", "on it")
    reply = fm.http("reader", "admin").get(url)
    assert (reply.json()["user"], reply.json()["comment"]) == ("operator-admin", "on it")


def test_only_the_version_documents_are_public(fm: FaultManagement) -> None:
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


def test_paths_without_version_and_with_a_trailing_slash(fm: FaultManagement) -> None:
    http = fm.http()
    uuid = fm.raiser().raise_now("200.004", host="worker-1")
    for path in ("alarms", "alarms/", "v1/alarms/"):
        assert [a["uuid"] for a in http.get(f"{fm.base}/{path}").json()["alarms"]] == [uuid]
    reply = http.get(f"{fm.base}/v1/alarms")
    assert reply.headers["X-Openstack-Request-Id"].startswith("req-")
    assert http.post(f"{fm.base}/v1/event_log", json={}).status_code == 405
    assert http.get(f"{fm.base}/v1/nothing").status_code == 404
