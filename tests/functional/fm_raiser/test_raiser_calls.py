# SPDX-License-Identifier: Apache-2.0
"""The raising library and fmClientCli against a running manager, with it stopped, and with ten thousand alarms.

About 20 s.
"""
from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from flock.db import new_uuid
from flock.testing.services.process import wait_for
from fm.db.tables import ALARM
from fm.raiser.compat import APIException, Fault, FaultAPIs, FaultAPIsV2
from tests.functional.fm_raiser.conftest import Raising

TIME = "2026-02-01 10:20:30.000456"


def fault(entity: str, severity: str = "major", reason: str = "why") -> Fault:
    return Fault("100.101", "set", "host", entity, severity, reason, "operational-violation", "threshold-crossed", "")


@pytest.fixture
def apis(raising: Raising) -> Iterator[tuple[FaultAPIs, FaultAPIsV2]]:
    raiser = raising.service.raiser("calls")
    yield FaultAPIs(raiser), FaultAPIsV2(raiser)
    if not raising.service.manager.running:  # type: ignore[union-attr]
        raising.service.start_manager()
    assert raiser.flush(30)


def test_case_07_nothing_to_clear(raising: Raising, apis: tuple[FaultAPIs, FaultAPIsV2]) -> None:
    v1, v2 = apis
    assert v1.clear_fault("100.101", "host=x") is False and v2.clear_fault("100.101", "host=x") is False
    assert v1.clear_faults_list([("100.101", "host=x")]) is True
    assert v2.clear_faults_list([("100.101", "host=x")]) is True
    assert raising.events() == []


def test_case_08_and_09_manager_stopped(raising: Raising, apis: tuple[FaultAPIs, FaultAPIsV2]) -> None:
    v1, v2 = apis
    raising.service.kill_manager()
    started = time.monotonic()
    assert v1.set_fault(fault("host=x"), timeout=1) is None and v1.get_faults("host=x", timeout=1) is None
    for call in (lambda: v2.set_fault(fault("host=x"), timeout=1), lambda: v2.get_faults("host=x", timeout=1)):
        with pytest.raises(APIException):
            call()
    assert v1.get_faults_strict("host=x", timeout=1) is False
    assert time.monotonic() - started < 6
    started = time.monotonic()
    assert v1.get_faults("host=x") is None
    assert time.monotonic() - started < 5.5, "the default is five seconds"
    started = time.monotonic()
    v1.set_fault_async(fault("host=a", reason="first"))
    v1.set_fault_async(fault("host=between"))
    v2.clear_fault_async("100.101", "host=a")
    v1.set_fault_async(fault("host=a", reason="last"))
    assert time.monotonic() - started < 1
    raising.service.start_manager()
    raiser = raising.service.raiser("calls")
    assert raiser.flush(5)
    assert raising.active()[-2:] == ["host=between", "host=a"]
    assert [event for event in raising.events() if event[1] != "host=x"] == [
        ("set", "host=a"), ("set", "host=between"), ("clear", "host=a"), ("set", "host=a")]
    found = v1.get_fault("100.101", "host=a")
    assert found is not None and found.reason_text == "last"


def test_a_service_that_knows_only_fm_api(raising: Raising) -> None:
    process = raising.program("foreign", "guest")
    assert process.stdout is not None
    uuid, again, nothing = process.stdout.read().splitlines()
    assert process.wait(30) == 0
    assert len(uuid) == 36 and again == f"{uuid} True" and nothing == "None"
    assert raising.events() == [("set", "host=guest"), ("clear", "host=guest")]


def test_fm_client_cli(raising: Raising) -> None:
    record = f"###100.101###set###host###host=cli###{TIME}###major###why not###operational-violation" \
             "###threshold-crossed###wait###True###False###False###"
    status, (ok, uuid) = raising.cli("-c", f"###{record}False###")
    assert (status, ok, len(uuid)) == (0, "Ok", 36)
    assert raising.cli("-g", "###100.101###host=cli###") == (0, ["Ok", uuid + record])
    assert raising.cli("-d", "###100.101###host=cli###") == (0, ["Ok"])
    assert raising.cli("-G", "host=cli") == (255, ["FM_ERR_ENTITY_NOT_FOUND"])
    raising.service.kill_manager()
    started = time.monotonic()
    assert raising.cli("-A", "100.101") == (255, ["FM_ERR_COMMUNICATIONS"])
    assert time.monotonic() - started < 12


def test_ten_thousand_alarms_in_one_query(raising: Raising, apis: tuple[FaultAPIs, FaultAPIsV2]) -> None:
    """Whatever is active comes back, also texts of full length, within the default timeout."""
    v1, v2 = apis
    assert v1.set_fault(fault("host=h0"))
    with raising.service.db.writer() as conn:
        first = dict(conn.execute(sa.select(ALARM)).mappings().one())
        conn.execute(sa.delete(ALARM))
        conn.execute(sa.insert(ALARM), [
            {**first, "id": number + 1, "uuid": new_uuid(), "entity_instance_id": f"host=h{number}",
             "reason_text": "é" * (2048 if number < 600 else 100)} for number in range(10_000)])
    started = time.monotonic()
    found = v1.get_faults_by_id("100.101", timeout=20)
    took_s = time.monotonic() - started
    print(f"10,000 alarms: {took_s:.2f} s")
    assert found is not None and [item.entity_instance_id for item in found] == [f"host=h{n}" for n in range(10_000)]
    assert found[0].reason_text == "é" * 2048 and found[0].uuid != found[1].uuid
    assert len(v2.get_faults_by_id_strict("100.101", timeout=20) or []) == 10_000  # type: ignore[arg-type]


def test_leftovers_of_a_killed_program_go_with_the_next_one(raising: Raising) -> None:
    raising.service.kill_manager()
    process = raising.program("storm", "gone", "0", "40")
    assert process.stdout is not None
    said = [line.strip() for line in iter(process.stdout.readline, "end\n")]
    process.kill()
    process.wait(10)
    raising.service.start_manager()
    heir = raising.program("storm", "heir", "0", "1")
    assert heir.wait(60) == 0
    logs = [entity.rpartition("=")[2] for state, entity in raising.events()
            if state == "log" and entity.startswith("host=gone")]
    assert logs == said and len(said) == 40
    wait_for(lambda: raising.active() == ["host=gone", "host=heir"], 10, "both alarms to be active")
