# SPDX-License-Identifier: Apache-2.0
"""Answers of other services: hosts, the system and its health, alarms."""
from __future__ import annotations

import json
from typing import Any

import pytest

from flock.core.errors import DeadlineExceeded, Refused, Unavailable
from patching.core.strategy.picture import Alarm
from patching.rest.services import Alarms, Inventory, Rest, seen_host


class Http:
    """Answers one after the other; the last one again and again."""

    def __init__(self, *answers: tuple[int, Any]) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[str, str, Any]] = []

    def endpoint(self, service_type: str) -> str:
        return f"http://{service_type}/v1"

    def request(self, method: str, url: str, body: Any = None, timeout_s: float = 30.0) -> tuple[int, bytes]:
        self.asked.append((method, url, body))
        status, found = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return status, found if isinstance(found, bytes) else json.dumps(found).encode()


ROW = {"id": 3, "uuid": "u-3", "hostname": "controller-1", "personality": "controller",
       "subfunctions": "controller,worker", "administrative": "unlocked", "operational": "enabled",
       "availability": "available", "uptime": 77,
       "capabilities": {"Personality": "Controller-Active"}, "ihost_action": None, "mtce_action": "none",
       "last_error": None, "last_error_at": None, "peers": None}


def test_hosts_of_the_inventory() -> None:
    http = Http((200, {"ihosts": [ROW, {"id": 4, "uuid": "u-4", "hostname": None, "personality": None}],
                       "next": "http://x"}),
                (200, {"ihosts": [{**ROW, "hostname": "storage-0", "personality": "storage", "uuid": "u-5",
                                   "subfunctions": "storage", "capabilities": None, "peers": {"name": "group-1"},
                                   "mtce_action": "lock", "last_error": "no", "last_error_at": "now"}]}))
    found = Inventory(Rest(http, "sysinv-api", "platform")).hosts()
    assert http.asked[1][1] == "http://platform/v1/ihosts?limit=1000&marker=u-4"
    one, two = found["controller-1"], found["storage-0"]
    assert (one.is_aio, one.is_active, one.is_busy, one.uptime_s, one.error) == (True, True, False, 77, "")
    assert (two.is_aio, two.is_active, two.is_busy, two.replication_group, two.error) == (
        False, False, True, "group-1", "no (now)")
    assert seen_host({**ROW, "ihost_action": "unlock"}).is_busy


def test_an_action_on_a_host_and_its_answers() -> None:
    http = Http((200, ROW))
    Inventory(Rest(http, "sysinv-api", "platform", "http://here:1")).act("worker/0", "lock")
    assert http.asked == [("PATCH", "http://here:1/v1/ihosts/worker%2F0", [
        {"op": "replace", "path": "/action", "value": "lock"}])]
    wrapped = {"error_message": json.dumps({"faultstring": "Host is locked already."})}
    for status, body, error in ((400, wrapped, Refused), (409, {"faultstring": "Host is locked already."}, Refused),
                                (503, wrapped, Unavailable), (504, wrapped, DeadlineExceeded)):
        with pytest.raises(error, match="Host is locked already") as told:
            Inventory(Rest(Http((status, body)), "sysinv-api", "platform")).act("w-0", "lock")
        assert type(told.value) is error
    for body in (b"<html>", {"hosts": []}, {"ihosts": [1]}):
        with pytest.raises(Unavailable):
            Inventory(Rest(Http((200, body)), "sysinv-api", "platform")).hosts()


def test_alarms_also_suppressed_ones() -> None:
    http = Http((200, {"alarms": [{"alarm_id": "100.101", "entity_instance_id": "host=a", "mgmt_affecting": "False"},
                                  {"alarm_id": "200.001", "entity_instance_id": "host=b"}]}))
    assert Alarms(Rest(http, "fm-api", "faultmanagement")).active() == (
        Alarm("100.101", "host=a", False), Alarm("200.001", "host=b", True))
    assert http.asked[0][1] == "http://faultmanagement/v1/alarms?include_suppress=True&limit=1000"


def inventory(status: int, content: Any) -> Inventory:
    return Inventory(Rest(Http((status, content)), "sysinv-api", "platform", "http://x/"))


@pytest.mark.parametrize(("status", "content"), [
    (503, b"{}"), (500, b"{}"), (404, b"{}"), (403, b""), (200, b"no json"), (200, b"[]"), (200, b'{"x": 1}'),
    (200, b"")])
def test_an_inventory_that_answers_nonsense_is_not_available(status: int, content: bytes) -> None:
    found = inventory(status, content)
    for question in (found.hosts, found.software_version, lambda: found.health("upgrade", False, [])):
        with pytest.raises(Unavailable):
            question()


def test_a_host_without_facts_and_the_version_of_the_system() -> None:
    (host,) = inventory(200, {"ihosts": [{"hostname": "c-0", "personality": "controller",
                                          "administrative": "locked"}, {"hostname": None}]}).hosts().values()
    assert (host.id, host.hostname) == (0, "c-0")
    assert host.with_agent(None).administrative == "locked" and host.with_agent(None).agent is None
    assert inventory(200, {"isystems": [{}, {"software_version": "10.0"}]}).software_version() == "10.0"
    with pytest.raises(Unavailable, match="no system yet"):
        inventory(200, {"isystems": []}).software_version()


def test_the_health_of_the_system() -> None:
    http = Http((200, [{"check": "No alarms", "ok": False, "detail": "d", "advice": "a", "skipped": False},
                       {"check": "Ceph", "ok": True, "skipped": True}]))
    found = Inventory(Rest(http, "sysinv-api", "platform", "http://x")).health("kube-upgrade", True, ["900.401"])
    assert http.asked[0][1] == "http://x/v1/health/kube-upgrade/relaxed?format=json&alarm_ignore_list=900.401"
    assert not found.is_healthy and found.absent == ("Ceph",)
