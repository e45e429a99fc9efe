# SPDX-License-Identifier: Apache-2.0
"""Acceptance cases 1 to 12 of the specification: set, clear, log, query; on each engine. About 12 s per engine."""
from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import sqlalchemy as sa

from flock.testing.services.process import wait_for
from fm.db.tables import EVENT_LOG
from fm.raiser.compat import APIException, FaultAPIs, FaultAPIsV2
from tests.functional.fm.cases import Seen, fault

NOT_THERE_S = 5.0
SLACK_S = 0.7


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
    assert (alarm["uuid"], alarm["severity"], alarm["reason_text"]) == (uuid, "major", "new")
    assert alarm["timestamp"] > before
    newest, first = seen.events()
    assert [newest["state"], first["state"]] == ["set", "set"] and first["uuid"] == uuid != newest["uuid"]
    assert seen.summary() == {"critical": 0, "major": 1, "minor": 0, "warnings": 0, "status": "degraded"}


def test_case_03_identical_set(seen: Seen) -> None:
    uuid = seen.v2.set_fault(fault("200.004", "host=compute-1", "critical"))
    before = seen.alarms()[0]["timestamp"]
    assert seen.v2.set_fault(fault("200.004", "host=compute-1", "critical")) == uuid
    (alarm,) = seen.alarms()
    assert alarm["uuid"] == uuid and alarm["timestamp"] > before
    assert len(seen.events()) == 1


def test_case_04_keep_existing(seen: Seen) -> None:
    uuid = seen.v2.set_fault(fault("200.004", "host=compute-1", "critical"))
    before = seen.get("alarms/detail")
    assert seen.v2.set_fault(fault("200.004", "host=compute-1", "minor", keep_existing_alarm=True)) == uuid
    assert seen.get("alarms/detail") == before and len(seen.events()) == 1


def test_case_05_clear_spares_neighbours(seen: Seen) -> None:
    seen.v2.set_fault(fault("100.101", "host=controller-1"))
    seen.v2.set_fault(fault("100.101", "host=controller-10"))
    gone = seen.v1.get_fault("100.101", "host=controller-1")
    assert gone is not None
    assert seen.v1.clear_fault("100.101", "host=controller-1") is True
    assert [alarm["entity_instance_id"] for alarm in seen.alarms()] == ["host=controller-10"]
    newest = seen.events()[0]
    assert (newest["state"], newest["entity_instance_id"], newest["severity"], newest["reason_text"]) == (
        "clear", "host=controller-1", "major", "reason")
    assert newest["uuid"] not in {gone.uuid, *(event["uuid"] for event in seen.events()[1:])}


def test_case_06_clear_all(seen: Seen) -> None:
    seen.v2.set_fault(fault("300.001", "host=six.port=u1"))
    seen.v2.set_fault(fault("100.101", "host=six"))
    assert seen.v2.clear_all("host=six") is True
    assert seen.alarms() == []
    assert [event["state"] for event in seen.events()] == ["clear", "clear", "set", "set"]
    assert (seen.v1.clear_all("host=six"), seen.v2.clear_all("host=six")) == (False, False)
    seen.delivered()
    assert seen.traps.of_entity("host=six").count("wrsAlarmHierarchicalClear") == 1
    assert "wrsAlarmHierarchicalClear" not in seen.traps.of_entity("host=six.port=u1")
    assert len(seen.events()) == 4


def test_case_07_clear_of_nothing(seen: Seen) -> None:
    assert (seen.v1.clear_fault("100.101", "host=x"), seen.v2.clear_fault("100.101", "host=x")) == (False, False)
    assert seen.v2.clear_faults_list([("100.101", "host=x")]) is True
    assert seen.events() == []


def test_case_08_without_a_manager(seen: Seen) -> None:
    seen.fm.kill_manager()
    one, two = FaultAPIs(seen.fm.raiser()), FaultAPIsV2(seen.fm.raiser())

    def answer(call: Callable[[], Any]) -> tuple[Any, float]:
        started = time.monotonic()
        try:
            result = call()
        except APIException as error:
            result = type(error)
        return result, time.monotonic() - started

    calls: list[tuple[Callable[[], Any], Any]] = [
        (lambda: one.set_fault(fault("100.101", "host=x")), None),
        (lambda: two.set_fault(fault("100.101", "host=x")), APIException),
        (lambda: one.get_faults("host=x"), None),
        (lambda: two.get_faults("host=x"), APIException),
        (lambda: one.get_faults_strict("host=x"), False),
        (lambda: one.get_faults_by_id_strict("100.101"), False)]
    with ThreadPoolExecutor(len(calls)) as pool:
        answers = list(pool.map(answer, [call for call, _ in calls]))
    assert [result for result, _ in answers] == [expected for _, expected in calls]
    assert max(took_s for _, took_s in answers) < NOT_THERE_S + SLACK_S


def test_case_09_asynchronous_calls_wait_for_the_manager(seen: Seen) -> None:
    seen.fm.kill_manager()
    seen.v2.set_fault_async(fault("100.101", "host=a", "minor"))
    seen.v2.set_fault_async(fault("100.101", "host=b"))
    seen.v2.clear_fault_async("100.101", "host=a")
    seen.v2.set_fault_async(fault("100.103", "host=a"))
    seen.v2.clear_all_async("host=b")
    seen.v2.set_fault_async(fault("100.101", "host=a", "critical"))
    seen.v2.clear_fault_async("100.103", "host=a")
    seen.fm.start_manager()
    wait_for(lambda: len(seen.events()) == 7, 5, "the spooled requests")
    (alarm,) = seen.alarms()
    assert (alarm["entity_instance_id"], alarm["severity"]) == ("host=a", "critical")
    assert [(e["state"], e["event_log_id"], e["entity_instance_id"]) for e in reversed(seen.events())] == [
        ("set", "100.101", "host=a"), ("set", "100.101", "host=b"), ("clear", "100.101", "host=a"),
        ("set", "100.103", "host=a"), ("clear", "100.101", "host=b"), ("set", "100.101", "host=a"),
        ("clear", "100.103", "host=a")]


def test_case_10_unknown_id(seen: Seen) -> None:
    assert seen.v1.set_fault(fault("999.001", "host=x")) is None
    with pytest.raises(APIException):
        seen.v2.set_fault(fault("999.001", "host=x"))
    assert seen.post(alarm_id="999.001", entity_instance_id="host=x", severity="major").status_code == 400
    assert seen.alarms() == [] and seen.events() == []


def test_case_11_log(seen: Seen) -> None:
    uuid = seen.v2.set_fault(fault("200.021", "host=c0.command=unlock", "clear", alarm_state="msg"))
    (event,) = seen.events()
    assert (event["uuid"], event["state"], event["severity"], event["suppression_status"]) == (
        uuid, "log", "not-applicable", "None")
    assert seen.alarms() == []


def test_case_12_the_log_keeps_the_newest(seen: Seen) -> None:
    with seen.fm.mutated(event_log_max_size=20):
        for number in range(25):
            seen.v2.set_fault(fault("100.101", f"host=h{number:02}"))
        wait_for(lambda: len(seen.events()) <= 20, 10, "the surplus to go")
        kept = [event["entity_instance_id"] for event in reversed(seen.events())]
        assert kept == [f"host=h{number:02}" for number in range(5, 25)]
        with seen.fm.db.reader() as conn:
            rows = conn.execute(sa.select(EVENT_LOG.c.id, EVENT_LOG.c.entity_instance_id)
                                .order_by(EVENT_LOG.c.timestamp, EVENT_LOG.c.id)).all()
        ids = [row[0] for row in rows]
        assert all(earlier < later for earlier, later in zip(ids, ids[1:], strict=False))
        assert [row[1] for row in rows] == kept
        assert len(seen.alarms()) == 25
