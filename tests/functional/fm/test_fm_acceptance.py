# SPDX-License-Identifier: Apache-2.0
"""The acceptance cases of the fault management specification, numbered as there, against the running daemons."""
from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from flock.testing.services.process import wait_for
from fm.raiser.compat import APIException, Fault, FaultAPIs, FaultAPIsV2


def fault(alarm_id: str, entity: str, severity: str = "major", **changes: Any) -> Fault:
    made = Fault(alarm_id, "set", "host", entity, severity, "reason", "operational-violation", "unknown", "repair")
    for name, value in changes.items():
        setattr(made, name, value)
    return made


class Seen:
    """The library in both versions and the three views of the REST API."""

    def __init__(self, fm: Any) -> None:
        self.fm = fm
        self.http = fm.http()
        self.v1, self.v2 = FaultAPIs(fm.raiser()), FaultAPIsV2(fm.raiser())

    def get(self, path: str, **query: Any) -> Any:
        reply = self.http.get(f"{self.fm.base}/v1/{path}", params=query)
        assert reply.status_code == 200, reply.text
        return reply.json()

    def alarms(self, **query: Any) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.get("alarms", **query)["alarms"]
        return found

    def events(self, **query: Any) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.get("event_log", **query)["event_log"]
        return found

    def summary(self, **query: Any) -> dict[str, Any]:
        found: dict[str, Any] = self.get("alarms/summary", **query)
        return found

    def post(self, **changes: Any) -> Any:
        body = {"alarm_id": "200.004", "alarm_state": "set", "entity_instance_id": "host=w", "severity": "critical",
                "alarm_type": "operational-violation", "probable_cause": "unknown", **changes}
        return self.http.post(f"{self.fm.base}/v1/alarms", json=body)

    def suppress(self, alarm_id: str, status: str) -> Any:
        entries = self.get("event_suppression", **{"q.field": "alarm_id", "q.op": "eq", "q.value": alarm_id})
        entry = entries["event_suppression"][0]["uuid"]
        patch = [{"path": "/suppression_status", "value": status, "op": "replace"}]
        return self.http.patch(f"{self.fm.base}/v1/event_suppression/{entry}", json=patch)


@pytest.fixture
def seen(fm: Any) -> Seen:
    return Seen(fm)


def test_case_01_set(seen: Seen) -> None:
    uuid = seen.v2.set_fault(fault("200.004", "host=compute-1", "critical"))
    (alarm,) = seen.alarms()
    assert (alarm["uuid"], alarm["mgmt_affecting"], alarm["degrade_affecting"]) == (uuid, "True", "False")
    assert [(event["state"], event["uuid"]) for event in seen.events()] == [("set", uuid)]
    assert seen.summary() == {"critical": 1, "major": 0, "minor": 0, "warnings": 0, "status": "critical"}


def test_case_02_set_again_with_changes(seen: Seen) -> None:
    uuid = seen.v2.set_fault(fault("200.004", "host=compute-1", "critical"))
    before = seen.alarms()[0]["timestamp"]
    assert seen.v2.set_fault(fault("200.004", "host=compute-1", "major", reason_text="new")) == uuid
    (alarm,) = seen.alarms()
    assert alarm["severity"] == "major" and alarm["timestamp"] > before
    assert [event["state"] for event in seen.events()] == ["set", "set"]
    assert (seen.summary()["major"], seen.summary()["status"]) == (1, "degraded")


def test_case_03_identical_set(seen: Seen) -> None:
    seen.v2.set_fault(fault("200.004", "host=compute-1", "critical"))
    before = seen.alarms()[0]["timestamp"]
    seen.v2.set_fault(fault("200.004", "host=compute-1", "critical"))
    assert seen.alarms()[0]["timestamp"] > before and len(seen.events()) == 1


def test_case_04_keep_existing(seen: Seen) -> None:
    uuid = seen.v2.set_fault(fault("200.004", "host=compute-1", "critical"))
    before = seen.alarms()
    assert seen.v2.set_fault(fault("200.004", "host=compute-1", "minor", keep_existing_alarm=True)) == uuid
    assert seen.alarms() == before and len(seen.events()) == 1


def test_case_05_clear_spares_neighbours(seen: Seen) -> None:
    seen.v2.set_faults([fault("100.101", "host=controller-1"), fault("100.101", "host=controller-10")])
    uuid = seen.v1.get_fault("100.101", "host=controller-1").uuid  # type: ignore[union-attr]
    assert seen.v1.clear_fault("100.101", "host=controller-1") is True
    assert [alarm["entity_instance_id"] for alarm in seen.alarms()] == ["host=controller-10"]
    newest = seen.events()[0]
    assert (newest["state"], newest["entity_instance_id"], newest["severity"], newest["reason_text"]) == (
        "clear", "host=controller-1", "major", "reason")
    assert newest["uuid"] != uuid


def test_case_06_clear_all(seen: Seen) -> None:
    seen.v2.set_faults([fault("300.001", "host=c0.port=u1"), fault("100.101", "host=c0")])
    assert seen.v2.clear_all("host=c0") is True
    assert seen.alarms() == [] and [event["state"] for event in seen.events()][:2] == ["clear", "clear"]
    assert (seen.v1.clear_all("host=c0"), seen.v2.clear_all("host=c0")) == (False, False)


def test_case_07_clear_of_nothing(seen: Seen) -> None:
    assert (seen.v1.clear_fault("100.101", "host=x"), seen.v2.clear_fault("100.101", "host=x")) == (False, False)
    assert seen.v2.clear_faults_list([("100.101", "host=x")]) is True
    assert seen.events() == []


def test_case_08_without_a_manager(seen: Seen) -> None:
    seen.fm.kill_manager()
    quick, loud = FaultAPIs(seen.fm.raiser(), timeout=0.5), FaultAPIsV2(seen.fm.raiser(), timeout=0.5)
    for limit_s, call, expected in ((7, lambda: seen.v1.set_fault(fault("100.101", "host=x")), None),
                                    (1.5, lambda: quick.get_faults("host=x"), None),
                                    (1.5, lambda: quick.get_faults_strict("host=x"), False)):
        started = time.monotonic()
        assert call() is expected
        assert time.monotonic() - started < limit_s
    for refused in (lambda: loud.set_fault(fault("100.101", "host=x")), lambda: loud.get_faults("host=x")):
        with pytest.raises(APIException):
            refused()


def test_case_09_asynchronous_calls_wait_for_the_manager(seen: Seen) -> None:
    seen.fm.kill_manager()
    seen.v2.set_fault_async(fault("100.101", "host=a", "minor"))
    seen.v2.clear_fault_async("100.101", "host=a")
    seen.v2.set_fault_async(fault("100.101", "host=b"))
    seen.v2.set_fault_async(fault("100.101", "host=a", "critical"))
    seen.fm.start_manager()
    wait_for(lambda: len(seen.alarms()) == 2, 10, "the spooled requests")
    assert {alarm["entity_instance_id"]: alarm["severity"] for alarm in seen.alarms()} == {
        "host=a": "critical", "host=b": "major"}


def test_case_10_unknown_id(seen: Seen) -> None:
    assert seen.v1.set_fault(fault("999.001", "host=x")) is None
    with pytest.raises(APIException):
        seen.v2.set_fault(fault("999.001", "host=x"))
    assert seen.post(alarm_id="999.001").status_code == 400
    assert seen.alarms() == []


def test_case_11_log(seen: Seen) -> None:
    uuid = seen.v2.set_fault(fault("200.021", "host=c0.command=unlock", "clear", alarm_state="msg"))
    (event,) = seen.events()
    assert (event["uuid"], event["state"], event["severity"], event["suppression_status"]) == (
        uuid, "log", "not-applicable", "None")
    assert seen.alarms() == []


def test_case_13_and_14_suppression(seen: Seen) -> None:
    seen.v2.set_fault(fault("100.101", "host=c0"))
    env = {**os.environ, **seen.fm.keystone.credentials("configurator", "services"), "FM_URL": seen.fm.base}
    program = str(Path(sys.prefix) / "bin" / "fm")

    def fm_cli(*argv: str) -> str:
        return subprocess.run([program, *argv], env=env, capture_output=True, text=True, timeout=60, check=True).stdout

    assert fm_cli("event-suppress", "--alarm_id", "100.101").startswith("Alarm ID: 100.101 suppressed.\n")
    assert seen.alarms() == [] and seen.events() == []
    (hidden,) = seen.alarms(include_suppress=True)
    assert hidden["suppression_status"] == "suppressed"
    assert (seen.summary()["major"], seen.summary(include_suppress=True)["major"]) == (0, 1)
    assert len(seen.v1.get_faults("host=c0") or []) == 1
    assert "S(100.101)" in fm_cli("alarm-list", "--include_suppress")
    assert fm_cli("event-unsuppress", "--alarm_id", "100.101").startswith("Alarm ID: 100.101 unsuppressed.\n")
    assert len(seen.alarms()) == 1 and len(seen.events()) == 1


def test_case_15_masking(seen: Seen) -> None:
    seen.v2.set_fault(fault("100.101", "host=c1", suppression=True))
    seen.v2.set_fault(fault("200.001", "host=c1", "warning", inhibit_alarms=True))
    seen.v2.set_fault(fault("100.101", "host=c1.x=1", suppression=True))
    assert [alarm["alarm_id"] for alarm in seen.alarms()] == ["200.001"]
    assert (seen.summary()["warnings"], seen.summary()["major"]) == (1, 0)
    hidden = seen.v1.get_fault("100.101", "host=c1")
    assert hidden is not None
    reply = seen.http.get(f"{seen.fm.base}/v1/alarms/{hidden.uuid}")
    assert reply.status_code == 404 and "[HTTP 404] Resource could not be found." in reply.text
    seen.v2.clear_fault("200.001", "host=c1")
    assert [alarm["alarm_id"] for alarm in seen.alarms()] == ["100.101", "100.101"]


def test_case_16_filters(seen: Seen) -> None:
    for severity in ("critical", "major", "minor"):
        seen.v2.set_fault(fault("100.101", f"host={severity}", severity))

    def filtered(op: str, value: str) -> list[str]:
        return [alarm["severity"] for alarm in seen.alarms(**{"q.field": "severity", "q.op": op, "q.value": value})]

    assert filtered("eq", "major") == filtered("eq", "ma") == ["major"]
    assert filtered("ne", "major") == ["critical", "minor"]
    assert seen.http.get(f"{seen.fm.base}/v1/alarms?q.field=colour&q.value=x").status_code == 400


@pytest.mark.parametrize("query", ["", "&q.field=entity_instance_id&q.op=eq&q.value=host", "&sort_key=timestamp"])
def test_case_17_pages(seen: Seen, query: str) -> None:
    for number in range(5):
        seen.v2.set_fault(fault("100.101", f"host=h{number}", ("major", "minor")[number % 2]))
    whole = [a["uuid"] for a in seen.http.get(f"{seen.fm.base}/v1/alarms?{query[1:]}").json()["alarms"]]
    url, pages = f"{seen.fm.base}/v1/alarms?limit=2{query}", []
    while url:
        answer = seen.http.get(url).json()
        pages.append([alarm["uuid"] for alarm in answer["alarms"]])
        url = answer.get("next")
    assert [len(page) for page in pages] == [2, 2, 1] and sum(pages, []) == whole


def test_case_18_false_is_false(seen: Seen) -> None:
    seen.v2.set_fault(fault("100.101", "host=c0"))
    assert seen.suppress("100.101", "suppressed").status_code == 200
    assert seen.alarms(include_suppress="False") == [] and len(seen.alarms(include_suppress="true")) == 1


def test_case_19_post_twice(seen: Seen) -> None:
    uuids = [json.loads(seen.post().json())["uuid"] for _ in range(2)]
    (alarm,) = seen.alarms()
    assert uuids == [alarm["uuid"]] * 2 and alarm["timestamp"]


def test_case_20_post_clear(seen: Seen) -> None:
    uuid = json.loads(seen.post().json())["uuid"]
    assert json.loads(seen.post(alarm_state="clear", uuid=uuid).json())["uuid"] == uuid
    uuid = json.loads(seen.post().json())["uuid"]
    assert json.loads(seen.post(alarm_state="clear").json())["uuid"] == uuid
    assert seen.post(alarm_state="clear").status_code == 404


def test_case_21_delete(seen: Seen) -> None:
    url = f"{seen.fm.base}/v1/alarms"
    uuid = json.loads(seen.post().json())["uuid"]
    assert [seen.http.delete(f"{url}/{uuid}").status_code for _ in range(2)] == [204, 404]
    uuid = json.loads(seen.post().json())["uuid"]
    assert seen.http.delete(url, json={"id": uuid}).status_code == 204
    missing = seen.http.delete(url)
    assert missing.status_code == 400 and 'Missing argument: \\\\\\"id' in missing.text
    assert [event["state"] for event in seen.events()].count("clear") == 2


def test_case_24_texts_are_exact(seen: Seen) -> None:
    entity, reason = "host=a'b%_ü東", "r'%_" * 150
    uuid = seen.v2.set_fault(fault("100.101", entity, reason_text=reason))
    seen.v2.set_fault(fault("100.101", "host=a'bX_ü東"))
    shown = seen.get(f"alarms/{uuid}")
    assert (shown["entity_instance_id"], shown["reason_text"]) == (entity, reason)
    assert seen.v2.clear_fault("100.101", entity) is True
    assert [alarm["entity_instance_id"] for alarm in seen.alarms()] == ["host=a'bX_ü東"]


def test_case_25_many_clients(seen: Seen) -> None:
    def work(worker: int) -> None:
        library = FaultAPIsV2(seen.fm.raiser(f"client-{worker}"))
        for number in range(100):
            library.set_fault(fault("100.101", f"host=w{worker}-{number}"))

    started = time.monotonic()
    threads = [threading.Thread(target=work, args=(worker,)) for worker in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    took_s = time.monotonic() - started
    print(f"1000 acknowledged sets from 10 clients: {took_s:.1f} s")
    entities = [alarm["entity_instance_id"] for alarm in seen.alarms()]
    assert len(entities) == len(set(entities)) == 1000 and took_s < 20
