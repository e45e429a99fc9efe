# SPDX-License-Identifier: Apache-2.0
"""sm-api: StarlingX's bodies in and out, and what becomes of the daemon's answers."""
from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
import webob
from oslo_config import cfg

from flock import conf as flock_conf
from flock.api import build_app
from flock.core.errors import InvalidInput, Refused, Unavailable
from flock.core.records import replace
from flock.testing.identity import trusting
from sm.api.daemon import Daemon, nodes
from sm.contract.control import GroupLine, NodeLine, Reply, Request, ServiceLine, StatusReport, Verb
from sm.contract.nodecommand import ErrorCode, NodeAction, ServiceNode, Verdict
from sm.contract.states import (
    Administrative,
    Availability,
    Condition,
    GroupState,
    Impact,
    Operational,
    SchedulingState,
    ServiceState,
    Status,
)

UNLOCKED, ENABLED, AVAILABLE = Administrative.UNLOCKED, Operational.ENABLED, Availability.AVAILABLE
C0 = ServiceNode("controller-0", UNLOCKED, ENABLED, AVAILABLE, "yes", "yes")


def node(name: str) -> NodeLine:
    return NodeLine(name, UNLOCKED, ENABLED, AVAILABLE, ENABLED, True, name == "controller-0",
                    witness=name == "arbiter")


def group(name: str, where: str, state: GroupState, status: Status = Status.NONE,
          condition: Condition = Condition.NONE) -> GroupLine:
    return GroupLine(name, where, state, state, status, condition, SchedulingState.NONE, "")


def service(name: str, state: ServiceState, status: Status = Status.NONE) -> ServiceLine:
    return ServiceLine(name, "cloud-services", ServiceState.ENABLED_ACTIVE, state, status, Condition.NONE, True,
                       Impact.CRITICAL, "", "")


REPORT = StatusReport(
    "controller-0", "controller-0", 3, "", (node("controller-1"), node("controller-0"), node("arbiter")),
    (group("controller-services", "controller-0", GroupState.ACTIVE),
     group("controller-services", "controller-1", GroupState.STANDBY, Status.DEGRADED, Condition.DATA_SYNCING)),
    (service("vim", ServiceState.ENABLED_ACTIVE), service("postgres", ServiceState.ENABLED_ACTIVE)))


class Known(Daemon):
    """Answers what the test says, and remembers the questions."""

    answer: Callable[[Request], Reply]
    asked: list[Request]

    def ask(self, request: Request) -> Reply:
        self.asked.append(request)
        if request.verb is Verb.STATUS:
            return Reply("", status=REPORT)
        if request.verb is Verb.SERVICE_NODE:
            return Reply("", service_node=C0 if request.node == "controller-0" else ServiceNode(request.node))
        return self.answer(request)


class Api:
    def __init__(self) -> None:
        conf = cfg.ConfigOpts()
        flock_conf.register(conf)
        conf([], default_config_files=[], default_config_dirs=[])
        self.daemon = Known("/nowhere", 1.0)
        object.__setattr__(self.daemon, "asked", [])
        self.app = build_app(conf, "sm", deps=[(Daemon, self.daemon)], authenticate=trusting)

    def answers(self, answer: Callable[[Request], Reply]) -> None:
        object.__setattr__(self.daemon, "answer", answer)

    def call(self, path: str, body: Any = None, role: str = "service") -> webob.Response:
        request = webob.Request.blank(path, method="GET" if body is None else "PATCH", headers={
            "X-Roles": role, "X-Project-Name": "services", "X-User-Id": "u", "X-Project-Id": "p"})
        if body is not None:
            request.body, request.content_type = json.dumps(body).encode(), "application/json"
        return request.get_response(self.app)


@pytest.fixture
def api() -> Api:
    return Api()


def test_documents(api: Api) -> None:
    root = api.call("/").json
    assert set(root) == {"name", "description", "version", "default_version"}
    assert root["name"] == "System Management API" and root["version"][0]["id"] == "v1"
    assert set(api.call("/v1").json) == {"id", "links", "nodes", "service_groups", "services", "servicenode", "sm_sda"}


def test_services_of_this_controller(api: Api) -> None:
    postgres = {"id": 1, "name": "postgres", "desired_state": "enabled-active", "state": "enabled-active", "status": ""}
    assert api.call("/v1/services").json["services"][0] == postgres
    assert [one["name"] for one in api.call("/v1/services").json["services"]] == ["postgres", "vim"]
    assert api.call("/v1/services/postgres").json == api.call("/v1/services/1").json == postgres


def test_nodes_are_the_controllers(api: Api) -> None:
    assert api.call("/v1/nodes").json == {"nodes": [
        {"id": number, "name": f"controller-{number - 1}", "administrative_state": "unlocked",
         "operational_state": "enabled", "availability_status": "available", "ready_state": "enabled"}
        for number in (1, 2)]}
    assert api.call("/v1/nodes/2").json["name"] == "controller-1"


def test_a_controller_that_was_never_heard_is_one(api: Api) -> None:
    """It was missing until it had told of its groups, and the numbers of the others changed with it."""
    silent = replace(REPORT, groups=tuple(line for line in REPORT.groups if line.node == "controller-1"),
                     node="controller-1")
    assert [row["name"] for row in nodes(silent)] == ["controller-0", "controller-1"]


@pytest.mark.parametrize("name", ["service_groups", "sm_sda"])
def test_groups_of_both_controllers(api: Api, name: str) -> None:
    first, second = api.call(f"/v1/{name}").json[name]
    assert second == {"id": 2, "uuid": second["uuid"], "name": "controller", "node_name": "controller-1",
                      "service_group_name": "controller-services", "desired_state": "standby", "state": "standby",
                      "status": "degraded", "condition": "data-syncing"}
    assert first["uuid"] != second["uuid"] and api.call(f"/v1/{name}/{second['uuid']}").json == second


@pytest.mark.parametrize("path", ["services/none", "nodes/9", "service_groups/x", "sm_sda/x"])
def test_what_is_not_there_is_null(api: Api, path: str) -> None:
    reply = api.call(f"/v1/{path}")
    assert (reply.status_int, reply.body) == (200, b"null")


def test_pages(api: Api) -> None:
    assert [one["id"] for one in api.call("/v1/services?limit=1").json["services"]] == [1]
    assert [one["id"] for one in api.call("/v1/services?marker=postgres").json["services"]] == [2]
    assert [one["id"] for one in api.call("/v1/services?sort_dir=desc").json["services"]] == [2, 1]
    assert [one["id"] for one in api.call("/v1/nodes?sort_key=id&sort_dir=desc").json["nodes"]] == [2, 1]
    for wrong in ("limit=-1", "marker=none", "sort_key=pid", "sort_dir=up"):
        assert api.call(f"/v1/services?{wrong}").status_int == 400, wrong


def test_a_host_and_one_that_is_not_known(api: Api) -> None:
    assert api.call("/v1/servicenode/controller-0").json == {
        "origin": "sm", "hostname": "controller-0", "admin": "unlocked", "oper": "enabled", "avail": "available",
        "active_services": "yes", "swactable_services": "yes", "fencing": "none"}
    assert api.call("/v1/servicenode/worker-0").json == {
        "origin": "sm", "hostname": "worker-0", "admin": "unknown", "oper": "unknown", "avail": "unknown",
        "active_services": "unknown", "swactable_services": "unknown", "fencing": "none"}


CHECK = {"origin": "sysinv", "action": "swact-pre-check", "admin": "unknown", "oper": "unknown", "avail": ""}
SWACT = {"origin": "mtce", "action": "swact", "admin": "unlocked", "oper": "enabled", "avail": "available"}
SYNCING = "controller-services on controller-1 is not ready to take service, service is syncing data"


def test_a_check_that_finds_something_is_no_error(api: Api) -> None:
    api.answers(lambda request: Reply("", verdict=Verdict(ErrorCode.ACTION_FAILED, SYNCING)))
    reply = api.call("/v1/servicenode/controller-0", CHECK)
    assert (reply.status_int, reply.json) == (200, {
        "origin": "sm", "hostname": "controller-0", "action": "swact-pre-check", "admin": "unknown", "oper": "unknown",
        "avail": "", "error_code": "-1001", "error_details": SYNCING})
    assert api.call("/v1/servicenode/controller-0", SWACT).status_int == 400


def test_a_check_that_passes_says_so(api: Api) -> None:
    api.answers(lambda request: Reply("", verdict=Verdict()))
    reply = api.call("/v1/servicenode/controller-0", CHECK).json
    assert (reply["error_code"], reply["error_details"]) == ("0", None) and "impact_service_list" not in reply


def test_a_swact(api: Api) -> None:
    api.answers(lambda request: Reply("", verdict=Verdict(), service_node=C0))
    reply = api.call("/v1/servicenode/controller-0", SWACT)
    assert (reply.status_int, reply.json) == (200, {
        "origin": "sm", "hostname": "controller-0", "action": "swact", "admin": "unlocked", "oper": "enabled",
        "avail": "available", "error_code": "0"})
    asked = api.daemon.asked[-1]
    assert (asked.node, asked.action, asked.availability) == ("controller-0", NodeAction.SWACT, AVAILABLE)
    assert asked.origin == "mtce", "the journal says who has asked"


@pytest.mark.parametrize("field", ["origin", "avail"])
@pytest.mark.parametrize("value", [5, ["x"], "x" * 256, "a\nb"])
def test_texts_that_are_none_are_refused(api: Api, field: str, value: Any) -> None:
    reply = api.call("/v1/servicenode/controller-0", {**SWACT, field: value})
    assert reply.status_int == 400 and f"{field}: must be a text of at most 255 printable" in reply.text


def test_a_lock_that_takes_the_last_provider_away(api: Api) -> None:
    api.answers(lambda request: Reply("", verdict=Verdict(
        ErrorCode.SOLE_PROVIDER, "controller-1 is the sole provider of some services.", ("dns",))))
    checked = api.call("/v1/servicenode/controller-1", {**CHECK, "action": "lock-pre-check"})
    assert (checked.status_int, checked.json["error_code"]) == (200, "-1003")
    assert checked.json["impact_service_list"] == ["dns"]
    locked = api.call("/v1/servicenode/controller-1", {**SWACT, "action": "lock", "admin": "locked"})
    assert (locked.status_int, locked.json["error_code"]) == (400, "-1003")


@pytest.mark.parametrize(("action", "admin", "oper"), [
    ("lock", "locked", "disabled"), ("unlock", "unlocked", "enabled"), ("event", "unlocked", "disabled")])
def test_states_are_acknowledged(api: Api, action: str, admin: str, oper: str) -> None:
    told = {"origin": "mtce", "action": action, "admin": admin, "oper": oper, "avail": "online"}
    api.answers(lambda request: Reply("", verdict=Verdict(), service_node=ServiceNode(
        request.node, request.administrative, request.operational, request.availability)))
    reply = api.call("/v1/servicenode/controller-1", told)
    assert (reply.status_int, reply.json["admin"], reply.json["oper"], reply.json["error_code"]) == (
        200, admin, oper, "0")
    api.answers(lambda request: Reply("", verdict=Verdict(), service_node=ServiceNode(request.node)))
    reply = api.call("/v1/servicenode/controller-1", told)
    assert (reply.status_int, reply.json["error_code"], reply.json["error_details"]) == (500, "-1001", "action failed")


@pytest.mark.parametrize("body", [
    {}, [], {"action": "leave"}, {"action": 1}, {**SWACT, "admin": "away"}, {**SWACT, "oper": 1},
    {**SWACT, "avail": ["x"]}, {**SWACT, "avail": "x" * 300}])
def test_bodies_that_break_a_rule(api: Api, body: Any) -> None:
    reply = api.call("/v1/servicenode/controller-0", body)
    assert reply.status_int == 400
    assert "Invalid input for" in json.loads(reply.json["error_message"])["faultstring"]


def test_what_the_daemon_refuses(api: Api) -> None:
    def other_leads(request: Request) -> Reply:
        raise Refused(detail="'swact' is the leader's work; ask controller-1")

    api.answers(other_leads)
    reply = api.call("/v1/servicenode/controller-0", SWACT)
    assert (reply.status_int, reply.json["error_code"]) == (400, "-1001")
    assert reply.json["error_details"].endswith("ask controller-1")
    assert api.call("/v1/servicenode/controller-0", CHECK).status_int == 200

    def wrong(request: Request) -> Reply:
        raise InvalidInput(field="admin", rule="must be known")

    api.answers(wrong)
    reply = api.call("/v1/servicenode/controller-0", SWACT)
    assert (reply.status_int, json.loads(reply.json["error_message"])["faultstring"]) == (
        400, "Invalid input for admin: must be known")


def test_a_daemon_that_does_not_answer(api: Api) -> None:
    def silent(request: Request) -> Reply:
        raise Unavailable(service="sm", reason="no answer within 6 s")

    api.answers(silent)
    assert api.call("/v1/servicenode/controller-0", SWACT).status_int == 503


def test_who_may(api: Api) -> None:
    assert api.call("/v1/nodes", role="reader").status_int == 200
    assert api.call("/v1/nodes", role="member").status_int == 403
    assert api.call("/v1/servicenode/controller-0", SWACT, role="configurator").status_int == 403


def test_the_health_check_asks_the_daemon() -> None:
    with pytest.raises(Unavailable):
        Daemon("/nowhere/control", 0.5).trouble()
