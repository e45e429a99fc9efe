# SPDX-License-Identifier: Apache-2.0
"""Every method of ``FaultAPIs`` and ``FaultAPIsV2``: what it answers when it works, finds nothing, and fails."""
from __future__ import annotations

import inspect
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from flock.core.errors import DeadlineExceeded, FlockError, Unavailable
from flock.db import Database
from fm.contract.enums import SuppressionStatus
from fm.contract.rpc import PAGE_MAX, FaultOutcome, FaultPage, FaultRequest, FmManager
from fm.core.retention import Limits
from fm.db.tables import EVENT_SUPPRESSION, METADATA
from fm.manager.catalogue import synchronise
from fm.manager.endpoint import Manager
from fm.manager.writer import Settings, Writer
from fm.raiser import Raiser
from fm.raiser.compat import APIException, ClientException, Fault, FaultAPIs, FaultAPIsBase, FaultAPIsV2

UUID = "0f6cbb5e-2a0e-4c0e-8f0e-0d8c5c0a1b77"
FIELDS = ["alarm_id", "alarm_state", "entity_type_id", "entity_instance_id", "severity", "reason_text", "alarm_type",
          "probable_cause", "proposed_repair_action", "service_affecting", "suppression", "uuid", "timestamp",
          "inhibit_alarms", "keep_existing_alarm"]


class Switched(FmManager):
    """A manager that can be away: ``failure`` is what every call meets."""

    def __init__(self, manager: Manager) -> None:
        self.manager = manager
        self.failure: FlockError | None = None
        self.calls: list[int] = []

    def apply(self, *, requests: list[FaultRequest]) -> list[FaultOutcome]:
        if self.failure:
            raise self.failure
        self.calls.append(len(requests))
        return self.manager.apply(requests=requests)

    def get_faults_page(self, *, alarm_id: str | None, entity_instance_id: str | None, below: bool,
                        after: int = 0) -> FaultPage:
        if self.failure:
            raise self.failure
        return self.manager.get_faults_page(alarm_id=alarm_id, entity_instance_id=entity_instance_id, below=below,
                                            after=after)


@pytest.fixture
def manager(database: Database) -> Switched:
    METADATA.create_all(database.engine)
    synchronise(database)
    return Switched(Manager(database, Writer(database, lambda: Settings(Limits(100000)))))


@pytest.fixture
def raiser(manager: Switched, tmp_path: Path) -> Iterator[Raiser]:
    made = Raiser(None, tmp_path / "spool", manager=manager)
    yield made
    made.stop()


@pytest.fixture
def v1(raiser: Raiser) -> FaultAPIs:
    return FaultAPIs(raiser)


@pytest.fixture
def v2(raiser: Raiser) -> FaultAPIsV2:
    return FaultAPIsV2(raiser)


def fault(entity: str = "host=a", alarm_id: str = "100.101", severity: str = "major", **changes: Any) -> Fault:
    values: dict[str, Any] = {
        "alarm_id": alarm_id, "alarm_state": "set", "entity_type_id": "host", "entity_instance_id": entity,
        "severity": severity, "reason_text": "why", "alarm_type": "operational-violation",
        "probable_cause": "threshold-crossed", "proposed_repair_action": "mend it", **changes}
    return Fault(**values)


def entities(found: object) -> list[str]:
    assert isinstance(found, list)
    return [item.entity_instance_id for item in found]


def test_both_classes_have_all_methods() -> None:
    names = {"set_fault", "set_faults", "clear_fault", "clear_faults_list", "clear_all", "get_fault", "get_faults",
             "get_faults_by_id", "get_faults_by_id_n_eid", "get_faults_strict", "get_faults_by_id_strict",
             "set_fault_async", "clear_fault_async", "clear_all_async", "alarm_allowed"}
    for kind in (FaultAPIs, FaultAPIsV2):
        assert {name for name, _ in inspect.getmembers(kind, callable) if not name.startswith("_")} == names
        for name in names:
            parameters = list(inspect.signature(getattr(kind, name)).parameters)
            assert ("timeout" in parameters) == (not name.endswith("_async") and name != "alarm_allowed"), name
    assert inspect.signature(FaultAPIsV2).parameters["timeout"].default == 5.0


def test_the_order_of_the_fields_is_the_one_callers_know() -> None:
    assert list(inspect.signature(Fault).parameters)[:15] == FIELDS
    given = Fault("100.101", "set", "host", "host=a", "major", None, "other", "unknown", None)
    assert given.as_dict() == dict(zip(FIELDS, [
        "100.101", "set", "host", "host=a", "major", None, "other", "unknown", None, False, False, None, None, False,
        False], strict=True))


@pytest.mark.parametrize(("changes", "text"), [
    ({"alarm_id": None}, "Alarm id is required."), ({"alarm_state": None}, "Alarm state is required."),
    ({"severity": None}, "Severity is required."), ({"alarm_type": None}, "Alarm type is required."),
    ({"probable_cause": None}, "Probable Cause is required."),
    ({"entity_type_id": None}, "Entity type id is required."),
    ({"entity_instance_id": None}, "Entity instance id is required."),
    ({"alarm_state": "x"}, "Invalid Fault State: x"), ({"severity": "x"}, "Invalid Fault Severity: x"),
    ({"severity": "not-applicable"}, "Invalid Fault Severity: not-applicable"),
    ({"alarm_type": "x"}, "Invalid Fault Type: x"), ({"probable_cause": "x"}, "Invalid Fault Probable Cause: x"),
    ({"probable_cause": "not-applicable"}, "Invalid Fault Probable Cause: not-applicable")])
@pytest.mark.parametrize("call", ["set_fault", "set_fault_async"])
def test_a_wrong_record_is_named_before_anything_is_sent(v1: FaultAPIs, v2: FaultAPIsV2, manager: Switched, call: str,
                                                         changes: dict[str, Any], text: str) -> None:
    wrong = fault()
    wrong.__dict__.update(changes)
    for api in (v1, v2):
        with pytest.raises(ClientException) as caught:
            getattr(api, call)(wrong)
        assert str(caught.value) == text
        with pytest.raises(ClientException):
            api.set_faults([fault("host=first"), wrong])
    assert manager.calls == [] and v1.get_faults_by_id("100.101") is None


@pytest.mark.parametrize("kind", [FaultAPIs, FaultAPIsV2])
def test_answers_when_it_works(raiser: Raiser, kind: Callable[..., Any]) -> None:
    api = kind(raiser)
    uuid = api.set_fault(fault("host=a"))
    assert isinstance(uuid, str) and len(uuid) == 36
    assert api.set_fault(fault("host=a", severity="minor")) == uuid
    assert api.set_fault(fault("host=b", uuid=UUID)) == UUID
    assert api.set_faults([fault("host=a.port=1"), fault("host=ab"), fault("host=a", "100.103")]) is True
    found = api.get_fault("100.101", "host=a")
    assert (found.uuid, found.severity, found.alarm_state) == (uuid, "minor", "set")
    assert entities(api.get_faults("host=a")) == ["host=a", "host=a.port=1", "host=a"]
    assert entities(api.get_faults_strict("host=a")) == ["host=a", "host=a.port=1", "host=a"]
    assert entities(api.get_faults_by_id("100.103")) == ["host=a"]
    assert entities(api.get_faults_by_id_strict("100.103")) == ["host=a"]
    assert entities(api.get_faults_by_id_n_eid("100.101", "host=a")) == ["host=a", "host=a.port=1"]
    assert api.clear_fault("100.101", "host=a") is True
    assert entities(api.get_faults_by_id("100.101")) == ["host=b", "host=ab"]
    assert api.clear_faults_list([("100.101", "host=b"), ("100.101", "host=none"), ("100.101", "host=ab")]) is True
    assert api.clear_all("host=a") is True
    event = api.set_fault(fault("host=a.command=unlock", "200.021", "clear", alarm_state="msg"))
    assert isinstance(event, str) and api.get_faults("host=a") is None


@pytest.mark.parametrize("kind", [FaultAPIs, FaultAPIsV2])
def test_answers_when_nothing_is_found(raiser: Raiser, kind: Callable[..., Any]) -> None:
    api = kind(raiser)
    assert api.set_faults([]) is None
    assert api.clear_faults_list([]) is True and api.clear_faults_list([("100.101", "host=x")]) is True
    assert api.clear_fault("100.101", "host=x") is False and api.clear_all("host=x") is False
    assert api.get_fault("100.101", "host=x") is None and api.get_faults("host=x") is None
    assert api.get_faults_by_id("100.101") is None and api.get_faults_by_id_n_eid("100.101", "host=x") is None
    assert api.get_faults_strict("host=x") is None and api.get_faults_by_id_strict("100.101") is None


FAILING: list[tuple[str, tuple[Any, ...], Any]] = [
    ("set_fault", (fault(),), None), ("set_faults", ([fault()],), False), ("clear_fault", ("100.101", "host=a"), False),
    ("clear_faults_list", ([("100.101", "host=a")],), False), ("clear_all", ("host=a",), False),
    ("get_fault", ("100.101", "host=a"), None), ("get_faults", ("host=a",), None),
    ("get_faults_by_id", ("100.101",), None), ("get_faults_by_id_n_eid", ("100.101", "host=a"), None)]


@pytest.mark.parametrize("failure", [Unavailable(service="bus", reason="test"),
                                     DeadlineExceeded(what="answer", timeout_s="1"), FlockError(detail="broken")])
@pytest.mark.parametrize(("name", "arguments", "quiet"), FAILING)
def test_answers_when_the_manager_is_away(v1: FaultAPIs, v2: FaultAPIsV2, manager: Switched, failure: FlockError,
                                          name: str, arguments: tuple[Any, ...], quiet: object) -> None:
    manager.failure = failure
    assert getattr(v1, name)(*arguments) is quiet
    with pytest.raises(APIException) as caught:
        getattr(v2, name)(*arguments)
    assert str(caught.value) == f"Failed to execute {name}."
    for api in (v1, v2):
        assert api.get_faults_strict("host=a") is False and api.get_faults_by_id_strict("100.101") is False


def test_refusals_are_failures(v1: FaultAPIs, v2: FaultAPIsV2) -> None:
    for wrong in (fault(alarm_id="999.001"), fault(severity="clear"), fault(timestamp="yesterday")):
        assert v1.set_fault(wrong) is None
        with pytest.raises(APIException):
            v2.set_fault(wrong)
    assert v1.clear_all("") is False and v1.get_faults("") is None and v1.clear_fault("100.101", "") is False


def test_a_list_ends_at_its_first_refused_element(v1: FaultAPIs, v2: FaultAPIsV2) -> None:
    mixed = [fault("host=1"), fault("host=2", "999.001"), fault("host=3")]
    assert v1.set_faults(mixed) is False
    assert entities(v1.get_faults_by_id("100.101")) == ["host=1"]
    with pytest.raises(APIException, match="set_faults"):
        v2.set_faults(mixed)
    assert entities(v2.get_faults_by_id("100.101")) == ["host=1"]


def test_a_long_list_goes_in_parts_and_ends_at_the_first_refused_element(v1: FaultAPIs, manager: Switched) -> None:
    faults = [fault(f"host={number}", reason_text="€" * 2048, proposed_repair_action="€" * 2048)
              for number in range(700)]
    faults[600] = fault("host=bad", "999.001")
    assert v1.set_faults(faults, timeout=60) is False
    assert sum(manager.calls) >= 601 and len(manager.calls) >= 2 and max(manager.calls) < 500
    assert len(v1.get_faults_by_id("100.101") or []) == 600


def test_queries_have_no_limit(v1: FaultAPIs, v2: FaultAPIsV2) -> None:
    many = PAGE_MAX * 2 + 7
    assert v2.set_faults([fault(f"host={number}") for number in range(many)], timeout=60)
    assert entities(v1.get_faults_by_id("100.101", timeout=60)) == [f"host={number}" for number in range(many)]
    assert len(entities(v1.get_faults_by_id_strict("100.101", timeout=60))) == many


def test_what_operators_hide_raisers_see(v1: FaultAPIs, database: Database) -> None:
    v1.set_faults([fault("host=a", suppression=True), fault("host=a", "200.001", "warning", inhibit_alarms=True)])
    with database.writer() as conn:
        conn.execute(sa.update(EVENT_SUPPRESSION).values(suppression_status=SuppressionStatus.SUPPRESSED.value))
    assert len(entities(v1.get_faults("host=a"))) == 2
    assert v1.get_fault("100.101", "host=a") is not None
    assert len(entities(v1.get_faults_by_id_n_eid("100.101", "host=a"))) == 1


def test_a_queried_fault_can_be_set_again_as_it_is(v1: FaultAPIs) -> None:
    v1.set_fault(fault(service_affecting="True", suppression=True, timestamp="2026-02-01 10:20:30.6789",
                       time_to_live_s=90))
    found = v1.get_fault("100.101", "host=a")
    assert found is not None
    assert (found.service_affecting, found.suppression) == (True, True) and str(found.suppression) == "True"
    assert found.timestamp == "2026-02-01 10:20:30.678900" and found.time_to_live_s == 90
    uuid = found.uuid
    assert v1.set_fault(found) == uuid
    assert v1.get_fault("100.101", "host=a").as_dict() == found.as_dict()  # type: ignore[union-attr]


def test_a_set_in_state_clear_clears(v1: FaultAPIs) -> None:
    v1.set_fault(fault())
    v1.set_fault(fault(alarm_state="clear"))
    assert v1.get_faults("host=a") is None


def test_stored_calls_arrive_in_order(v1: FaultAPIs, v2: FaultAPIsV2, raiser: Raiser, manager: Switched) -> None:
    manager.failure = Unavailable(service="bus", reason="test")
    assert len(v1.set_fault_async(fault("host=a"))) == 36
    v2.clear_fault_async("100.101", "host=a")
    v1.set_fault_async(fault("host=a", reason_text="again"))
    v2.set_fault_async(fault("host=b"))
    v1.clear_all_async("host=b")
    assert v1.get_faults("host=a", timeout=0.1) is None and raiser.backlog()[0] == 5 and raiser.backlog()[1] > 1000
    manager.failure = None
    # The answer comes after what was stored before the question.
    found = v1.get_faults("host=a", timeout=10)
    assert found is not None and [item.reason_text for item in found] == ["again"]
    assert v1.get_faults("host=b") is None and raiser.backlog() == (0, 0)


def test_stored_calls_say_what_is_wrong(v1: FaultAPIs) -> None:
    for call in (lambda: v1.set_fault_async(fault("x" * 300)), lambda: v1.clear_fault_async("no id", "host=a"),
                 lambda: v1.clear_all_async("")):
        with pytest.raises(APIException, match="must have|is required"):
            call()


def test_the_time_to_wait_is_that_of_the_call(raiser: Raiser, manager: Switched) -> None:
    manager.failure = Unavailable(service="bus", reason="test")
    api = FaultAPIsV2(raiser, timeout=30)
    api.set_fault_async(fault())
    started = time.monotonic()
    with pytest.raises(APIException):
        api.set_fault(fault(), timeout=0.2)
    assert api.get_faults_strict("host=a", timeout=0.2) is False
    assert time.monotonic() - started < 5


@pytest.mark.parametrize(("severity", "threshold", "allowed"), [
    ("warning", "minor", True), ("minor", "major", True), ("major", "critical", True), ("critical", "none", True),
    ("critical", "critical", False), ("major", "minor", False), ("none", "none", False), ("clear", "warning", True),
    ("not-applicable", "warning", True), ("clear", "not-applicable", False)])
def test_alarm_allowed(severity: str, threshold: str, allowed: bool) -> None:
    assert FaultAPIsBase.alarm_allowed(severity, threshold) is allowed
    assert FaultAPIs.alarm_allowed(severity, threshold) is allowed


@pytest.mark.parametrize("pair", [("loud", "major"), ("major", "loud"), ("", "major")])
def test_alarm_allowed_of_other_words(pair: tuple[str, str]) -> None:
    with pytest.raises(TypeError, match="no severity"):
        FaultAPIs.alarm_allowed(*pair)


def test_threads_may_share_one_object(v2: FaultAPIsV2) -> None:
    uuids: list[str] = []
    threads = [threading.Thread(target=lambda n=number: uuids.append(v2.set_fault(fault(f"host={n}"))))
               for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(uuids)) == 12
