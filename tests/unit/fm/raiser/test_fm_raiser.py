# SPDX-License-Identifier: Apache-2.0
"""The raiser against a real manager object in process, and against one that fails in every way."""
from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from flock.core.errors import DeadlineExceeded, FlockError, InvalidInput, Unavailable
from flock.db import Database
from fm.contract.errors import InvalidFault, UnknownAlarmId
from fm.contract.rpc import FaultOutcome, FaultPage, FaultRequest, FmManager
from fm.core.retention import Limits
from fm.db.tables import METADATA
from fm.manager.catalogue import synchronise
from fm.manager.endpoint import Manager
from fm.manager.writer import Settings, Writer
from fm.raiser import Raiser
from fm.raiser.requests import from_record


class Flaky(FmManager):
    """Passes on to a manager, after failing as told."""

    def __init__(self, manager: Manager) -> None:
        self.manager = manager
        self.failures: list[Exception] = []
        self.after: list[Exception] = []
        self.applied: list[FaultRequest] = []

    def apply(self, *, requests: list[FaultRequest]) -> list[FaultOutcome]:
        if self.failures:
            raise self.failures.pop(0)
        outcomes = self.manager.apply(requests=requests)
        self.applied += requests
        if self.after:
            raise self.after.pop(0)
        return outcomes

    def get_faults_page(self, *, alarm_id: str | None, entity_instance_id: str | None, below: bool,
                        after: int = 0) -> FaultPage:
        return self.manager.get_faults_page(alarm_id=alarm_id, entity_instance_id=entity_instance_id, below=below,
                                            after=after)


@pytest.fixture
def manager(database: Database) -> Flaky:
    METADATA.create_all(database.engine)
    synchronise(database)
    return Flaky(Manager(database, Writer(database, lambda: Settings(Limits(1000)))))


@pytest.fixture
def make(manager: Flaky, tmp_path: Path) -> Iterator[Callable[..., Raiser]]:
    made: list[Raiser] = []

    def build(**options: object) -> Raiser:
        made.append(Raiser(None, tmp_path / "spool", manager=manager, **options))  # type: ignore[arg-type]
        return made[-1]

    yield build
    for raiser in made:
        raiser.stop()


def test_missing_fields_come_from_the_catalogue(make: Callable[..., Raiser]) -> None:
    raiser = make()
    raiser.raise_alarm("200.005", host="controller-0", severity="major", reason="degraded")
    raiser.raise_alarm("200.006", host="controller-0", process="sshd", severity="minor")
    assert raiser.flush(5)
    lost, process = raiser.active()
    assert (lost.entity_instance_id, lost.alarm_type, lost.probable_cause) == (
        "host=controller-0", "communication", "unknown")
    assert lost.service_affecting and lost.suppression
    assert lost.proposed_repair_action and lost.reason_text == "degraded"
    assert (process.entity_instance_id, process.service_affecting) == ("host=controller-0.process=sshd", False)


@pytest.mark.parametrize(("call", "error"), [
    (lambda r: r.raise_alarm("999.001", host="x", severity="major"), UnknownAlarmId),
    (lambda r: r.raise_alarm("200.021", host="x", command="unlock"), UnknownAlarmId),
    (lambda r: r.raise_alarm("200.005", host="x"), InvalidFault),
    (lambda r: r.raise_alarm("200.005", severity="major"), InvalidFault),
    (lambda r: r.raise_alarm("200.005", port="x", severity="major"), InvalidFault),
    (lambda r: r.raise_alarm("200.005", host="x", severity="loud"), InvalidFault),
    (lambda r: r.raise_alarm("200.005", host="x", severity="clear"), InvalidFault),
    (lambda r: r.raise_alarm("200.005", entity_instance_id="x" * 300, severity="major"), InvalidFault),
    (lambda r: r.clear_alarm("200.005"), InvalidFault), (lambda r: r.clear_all(""), InvalidFault),
    (lambda r: r.clear_alarm("nonsense", host="x"), InvalidFault)])
def test_what_cannot_be_stored_is_refused_at_once(make: Callable[..., Raiser], call: Callable[[Raiser], object],
                                                   error: type[Exception]) -> None:
    raiser = make()
    with pytest.raises(error):
        call(raiser)
    assert raiser.flush(1) and raiser.active() == []


def test_a_long_reason_is_shortened(make: Callable[..., Raiser]) -> None:
    raiser = make()
    raiser.raise_alarm("200.005", host="x", severity="major", reason="y" * 5000)
    assert raiser.flush(5)
    assert len(raiser.active()[0].reason_text) == 2048


def test_delivery_goes_on_after_failures(make: Callable[..., Raiser], manager: Flaky) -> None:
    manager.failures = [Unavailable(service="bus", reason="test"), DeadlineExceeded(what="x", timeout_s=1),
                        RuntimeError("surprise"), Unavailable(service="bus", reason="test")]
    raiser = make()
    for number in range(20):
        raiser.raise_alarm("200.005", host=f"h{number}", severity="major")
    assert raiser.flush(10)
    assert [fault.entity_instance_id for fault in raiser.active()] == [f"host=h{number}" for number in range(20)]


def test_an_answer_that_got_lost_changes_nothing(make: Callable[..., Raiser], manager: Flaky) -> None:
    manager.after = [DeadlineExceeded(what="answer", timeout_s=1)] * 3
    raiser = make()
    raiser.raise_alarm("200.005", host="a", severity="major")
    raiser.clear_alarm("200.005", host="a")
    raiser.raise_alarm("200.005", host="a", severity="major")
    assert raiser.flush(10)
    assert len(raiser.active()) == 1
    with manager.manager._db.reader() as conn:
        assert conn.exec_driver_sql("SELECT count(*) FROM event_log").scalar() == 3


def test_a_request_the_manager_never_takes_is_dropped_and_reported(make: Callable[..., Raiser], manager: Flaky) -> None:
    lost: list[FlockError] = []
    manager.failures = [InvalidInput(field="x", rule="y")] * 6
    raiser = make(on_refused=lambda request, error: lost.append(error))
    raiser.raise_alarm("200.005", host="a", severity="major")
    raiser.raise_alarm("200.005", host="b", severity="major")
    assert raiser.flush(20)
    assert len(lost) == 1 and len(raiser.active()) == 1


def test_refused_elements_are_reported(make: Callable[..., Raiser], manager: Flaky) -> None:
    lost: list[str] = []
    raiser = make(on_refused=lambda request, error: lost.append(error.code))
    uuid = "0f6cbb5e-2a0e-4c0e-8f0e-0d8c5c0a1b77"
    for host in ("a", "b"):
        raiser.raise_alarm("200.005", host=host, severity="major", uuid=uuid)
    assert raiser.flush(5) and lost == ["fm.alarm.uuid_in_use"]


def test_the_synchronous_form_waits_for_its_turn(make: Callable[..., Raiser]) -> None:
    raiser = make()
    raiser.raise_alarm("200.005", host="a", severity="major")
    assert raiser.clear_now("200.005", host="a") == 1
    uuid = raiser.raise_now("200.005", host="a", severity="major", reason="now")
    assert [(fault.uuid, fault.reason_text) for fault in raiser.active()] == [(uuid, "now")]
    with pytest.raises(InvalidFault):
        raiser.raise_now("200.005", host="a", severity="loud")


def test_what_an_earlier_process_left_is_delivered(make: Callable[..., Raiser], manager: Flaky) -> None:
    first = make()
    manager.failures = [Unavailable(service="bus", reason="test")] * 1000
    first.raise_alarm("200.005", host="left", severity="major")
    first.stop()
    manager.failures = []
    assert make().flush(10)
    assert [fault.entity_instance_id for fault in make().active()] == ["host=left"]


def test_a_forked_child_gets_a_slot_of_its_own(make: Callable[..., Raiser], tmp_path: Path) -> None:
    raiser = make()
    raiser.raise_alarm("200.005", host="parent", severity="major")
    assert raiser.flush(5)
    child = os.fork()
    if child == 0:
        try:
            raiser.raise_alarm("200.005", host="child", severity="major")
            os._exit(0 if (tmp_path / "spool" / "1").is_dir() else 3)
        except BaseException:  # noqa: BLE001
            os._exit(4)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


@pytest.mark.parametrize("record", ["", "{", "[]", "{}", '{"request_id": 1, "fault": {"alarm_id": "x"}}', "null"])
def test_a_foreign_record_is_nothing(record: str) -> None:
    assert from_record(record) is None


def test_the_raiser_loads_no_database() -> None:
    code = "import fm.raiser, sys; sys.exit(any(m in sys.modules for m in ('sqlalchemy', 'pecan', 'oslo_messaging')))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
