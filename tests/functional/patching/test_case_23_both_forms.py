# SPDX-License-Identifier: Apache-2.0
"""Scenario 23: paths of older clients, bodies of newer ones; and what neither may send."""
from __future__ import annotations

from typing import Any

import pytest

from tests.functional.patching.running import Cloud

UNTIMED = ("request_id",)


def told(cloud: Cloud, path: str, body: Any, **options: Any) -> dict[str, Any]:
    reply = cloud.as_admin.post(f"{cloud.base}{path}", json=body, **options)
    assert reply.status_code == 200, reply.text
    assert reply.headers["Content-Type"] == "application/json"
    return {key: value for key, value in reply.json().items() if key not in UNTIMED}


def test_case_23_old_and_new_clients_get_the_same(cloud: Cloud) -> None:
    cloud.upload(cloud.patch("10.0.1"))
    old = told(cloud, "/v1/deploy/starlingx-10.0.1/precheck", {"force": "true"})
    new = told(cloud, "/v1/deploy/precheck", {"releases": ["starlingx-10.0.1"], "force": True})
    assert old == new and new["system_healthy"] is True
    none = cloud.as_admin.post(f"{cloud.base}/v1/deploy/starlingx-10.0.1/precheck", headers={"Content-Type": ""})
    empty = cloud.as_admin.post(f"{cloud.base}/v1/deploy/starlingx-10.0.1/precheck",
                                headers={"Content-Type": "application/json"})
    assert none.status_code == empty.status_code == 200
    assert told(cloud, "/v1/deploy/starlingx-10.0.1/start", None)["error"] == ""
    cloud.reaches("start-done")
    cloud.done("DELETE", "/v1/deploy")
    assert told(cloud, "/v1/deploy/start", {"releases": ["starlingx-10.0.1"], "options": ["a=b"]})["error"] == ""
    cloud.reaches("start-done")
    assert cloud.get("/v1/deploy")[0]["options"] == {"a": "b"}
    assert cloud.get("/v1/deploy?from_release=10.0.0&to_release=10.0.1")["state"] == "start-done"
    assert cloud.get("/v1/deploy?from_release=9.0.0") == []


@pytest.mark.parametrize(("body", "words"), [
    ({}, "Name one release"), ({"releases": []}, "Name one release"),
    ({"releases": ["starlingx-10.0.1"], "pre_upgrade_deploy": True}, "Deployments before an upgrade"),
    ({"releases": ["starlingx-10.0.1"], "options": ["snapshot=true"]}, "Snapshots"),
    ({"releases": ["starlingx-10.0.9"]}, "Release starlingx-10.0.9 does not exist"),
])
def test_case_23_what_is_not_done_is_said(shared_cloud: Cloud, body: dict[str, Any], words: str) -> None:
    for step in ("precheck", "start"):
        assert words in shared_cloud.refused("POST", f"/v1/deploy/{step}", body)


@pytest.mark.parametrize(("body", "words"), [
    ([], "body: must be a JSON object"), ({"releases": "x"}, "releases: must be a list"),
    ({"releases": ["x"], "options": ["nonsense"]}, "options: must be a list of key=value"), ("{", "valid JSON")])
def test_case_23_malformed_bodies_are_told_with_the_field(shared_cloud: Cloud, body: Any, words: str) -> None:
    data = {"data": body} if isinstance(body, str) else {"json": body}
    reply = shared_cloud.as_admin.post(f"{shared_cloud.base}/v1/deploy/precheck", **data)
    assert reply.status_code == 400 and words in reply.json()["error"], reply.text
    assert reply.json()["description"] == reply.json()["error"]


def test_case_23_every_error_is_json_with_three_texts(shared_cloud: Cloud) -> None:
    cases = [("GET", "/v1/release/starlingx-9.9.9", 404), ("GET", "/v1/nothing", 404), ("PUT", "/v1/deploy", 405),
             ("GET", "/v1/deploy?what=1", 400)]
    for method, path, status in cases:
        reply = shared_cloud.call(method, path)
        assert reply.status_code == status, reply.text
        assert {"info", "warning", "error", "code", "description"} <= reply.json().keys()
    reply = shared_cloud.http("").get(f"{shared_cloud.base}/v1/release")
    assert reply.status_code == 401 and reply.json()
    assert shared_cloud.http("reader").post(f"{shared_cloud.base}/v1/deploy/abort").status_code == 403
    assert shared_cloud.http("reader").get(f"{shared_cloud.base}/v1/release").status_code == 200
    root = shared_cloud.http("").get(f"{shared_cloud.base}/").json()
    assert {"name", "description", "versions", "default_version"} <= root.keys()
    for path, expected in (("/v1/system_deploy", []), ("/v1/deploy", []), ("/v1/deploy_host", []),
                           ("/v1/deploy/software_upgrade", None), ("/v1/deploy_host/next?hostname=x", False),
                           ("/v1/software/in_sync_controller", {"in_sync": False})):
        assert shared_cloud.get(path) == expected, path
    shared_cloud.agents["controller-0"].tell_mirror(shared_cloud.software / "feed")
    shared_cloud.wait(lambda: shared_cloud.get("/v1/software/in_sync_controller")["in_sync"], "controllers to agree")
    assert shared_cloud.call("POST", "/v1/deploy/software_sync", {}).json() == {"result": "in-sync"}
