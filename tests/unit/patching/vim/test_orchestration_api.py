# SPDX-License-Identifier: Apache-2.0
"""The orchestration API: its routes over a stored strategy and an orchestrator in this process; bodies and errors as
VIM's clients read them."""
from __future__ import annotations

import json
from typing import Any

import pytest
import webob
from oslo_config import cfg

from flock import conf as flock_conf
from flock.api import build_app
from flock.db import Database
from flock.testing.identity import trusting
from patching.contract.orchestration import Orchestration
from patching.core.strategy.parameters import Kind
from patching.orchestrator.daemon import Requests
from patching.orchestrator.store import Store
from tests.unit.patching.core.strategy.pictures import BODY
from tests.unit.patching.core.systems import a_release
from tests.unit.patching.orchestrator.cloud import Cloud
from tests.unit.patching.orchestrator.driven import Driven

PATH = "/api/orchestration/sw-upgrade/strategy"


class Api:
    def __init__(self, database: Database) -> None:
        conf = cfg.ConfigOpts()
        flock_conf.register(conf)
        conf([], default_config_files=[], default_config_dirs=[])
        self.driven = Driven(Cloud("STD", a_release("10.0.1")), database)
        self.app = build_app(conf, "patching.vim", authenticate=trusting, deps=[
            Store(database), (Orchestration, Requests(self.driven.keeper))])

    def call(self, method: str, path: str, body: Any = None, role: str = "admin") -> webob.Response:
        request = webob.Request.blank(path, method=method, headers={
            "X-Roles": role, "X-Project-Name": "admin", "X-User-Id": "u", "X-Project-Id": "p"})
        if body is not None:
            request.body, request.content_type = json.dumps(body).encode(), "application/json"
        return request.get_response(self.app)

    def fault(self, method: str, path: str, body: Any = None) -> tuple[int, str]:
        found = self.call(method, path, body)
        return found.status_int, found.json["faultstring"]


@pytest.fixture
def api(database: Database) -> Api:
    return Api(database)


def test_from_creation_to_deletion(api: Api) -> None:
    assert api.call("GET", PATH).json == {"strategy": None}
    made = api.call("POST", PATH, {**BODY, "release": "starlingx-10.0.1"})
    assert (made.status_int, made.json["strategy"]["state"]) == (200, "building")
    assert made.json["strategy"]["release"] == "starlingx-10.0.1", "in the form in which it was posted"
    api.driven.until(lambda: api.driven.state == "ready-to-apply")
    uuid = made.json["strategy"]["uuid"]
    assert api.call("GET", f"{PATH}/{uuid}").json == api.call("GET", PATH).json
    assert api.call("GET", "/api/orchestration/sw-patch/strategy").json == {"strategy": None}
    begun = api.call("POST", f"{PATH}/actions", {"action": "apply-stage", "stage-id": "0"})
    assert (begun.status_int, begun.json["strategy"]["state"]) == (202, "applying")
    assert api.call("GET", "/api/orchestration/current-strategy/strategy").json == {
        "strategy": {"name": "sw-upgrade", "state": "applying"}}
    assert api.fault("DELETE", PATH) == (
        409, "The strategy is applying. Abort it, or wait for its end, before it is deleted.")
    deleted = api.call("DELETE", PATH, {"force": True})
    assert (deleted.status_int, deleted.body, deleted.content_type) == (204, b"", None)
    assert api.fault("DELETE", PATH, {})[0] == 404
    assert api.call("GET", "/api/orchestration/current-strategy/strategy").json == {"strategy": None}


def test_every_key_is_there_and_no_text_is_null(api: Api) -> None:
    api.driven.create()
    found = api.call("GET", PATH).json["strategy"]
    assert {"uuid", "name", "release", "release-id", "metapackages", "pre-upgrade-deploy", "kube-version", "state",
            "controller-apply-type", "storage-apply-type", "swift-apply-type", "worker-apply-type", "current-phase",
            "max-parallel-worker-hosts", "default-instance-action", "alarm-restrictions", "build-phase", "apply-phase",
            "abort-phase", "current-phase-completion-percentage"} <= set(found)
    build = found["build-phase"]
    assert (build["total-stages"], build["current-stage"], build["stop-at-stage"], build["timeout"]) == (1, 1, 1, 182)
    assert build["stages"][0]["stage-name"] == "sw-upgrade-query" and build["stages"][0]["timeout"] == 181
    for name in ("build-phase", "apply-phase", "abort-phase"):
        assert set(found[name]) == {
            "phase-name", "timeout", "total-stages", "current-stage", "stop-at-stage", "inprogress", "result",
            "completion-percentage", "reason", "response", "start-date-time", "end-date-time", "stages"}
        for stage in found[name]["stages"]:
            for step in stage["steps"]:
                assert set(step) == {"step-id", "step-name", "timeout", "entity-type", "entity-uuids", "entity-names",
                                     "result", "reason", "start-date-time", "end-date-time"}
                assert None not in step.values()
    assert build["start-date-time"] == "1970-01-12 13:46:40" and found["apply-phase"]["start-date-time"] == ""


@pytest.mark.parametrize(("method", "path", "body", "status", "text"), [
    ("POST", PATH, {}, 400, "Invalid input for controller-apply-type: must be given"),
    ("POST", PATH, {**BODY, "release": ["../x"]}, 400, "Invalid input for release: must be a component and a version"),
    ("POST", PATH, {**BODY, "rollback": True}, 400, "Invalid input for release: must not be given with rollback"),
    ("POST", PATH, [], 400, "The body must be a JSON object."),
    ("POST", f"{PATH}/actions", {"action": "explode"}, 400, "Invalid input for action: must be one of apply-all"),
    ("POST", f"{PATH}/actions", {"action": "apply-stage", "stage-id": "-1"}, 400, "Invalid input for stage-id"),
    ("POST", f"{PATH}/actions", {"action": "apply-all"}, 404, "There is no strategy of the kind sw-upgrade."),
    ("DELETE", PATH, {"force": "yes"}, 400, "Invalid input for force"),
    ("GET", f"{PATH}/123", None, 404, "There is no strategy of the kind sw-upgrade with the uuid 123."),
    ("GET", "/api/orchestration/kube-upgrade/strategy", None, 404,
     "Strategies of the kind kube-upgrade are not supported"),
])
def test_refusals_say_why(api: Api, method: str, path: str, body: Any, status: int, text: str) -> None:
    found = api.fault(method, path, body)
    assert found[0] == status and found[1].startswith(text), found


def test_roles(api: Api) -> None:
    assert api.call("GET", PATH, role="reader").status_int == 200
    for method, path in (("POST", PATH), ("DELETE", PATH), ("POST", f"{PATH}/actions")):
        for role in ("reader", "operator"):
            refused = api.call(method, path, BODY, role=role)
            assert refused.status_int == 403 and refused.json["faultstring"]
    assert api.call("POST", PATH, BODY, role="configurator").status_int == 200


def test_a_preview(api: Api) -> None:
    seen = api.call("POST", f"{PATH}?dry_run=true", BODY).json["strategy"]
    assert (seen["uuid"], seen["state"], len(seen["apply-phase"]["stages"])) == ("", "ready-to-apply", 7)
    assert api.driven.store.load() is None
    assert api.driven.create(Kind.PATCH).state == "ready-to-apply"
    assert api.fault("POST", PATH, BODY)[0] == 409
