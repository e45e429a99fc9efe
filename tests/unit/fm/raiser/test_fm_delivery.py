# SPDX-License-Identifier: Apache-2.0
"""Delivery waits for what may pass, drops only what alone is at fault, and keeps order across ended processes."""
from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from flock.core.errors import FlockError, InvalidInput, RemoteError, Unavailable
from flock.rpc.errors import Undecodable, VersionMismatch
from flock.testing.services.process import wait_for
from fm.contract.errors import SpoolBusy
from fm.contract.rpc import FaultOutcome, FaultRequest, FmManager
from fm.raiser import Raiser, aside, delivery, slots
from fm.raiser.requests import alarm_request, clear_request, from_record, log_request, to_record
from fm.raiser.spool import Spool


class Recorder(FmManager):
    """Takes requests; ``refuse`` says what it makes of one."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        self.ids: set[str] = set()
        self.refuse: Callable[[FaultRequest], Exception | None] = lambda request: None
        self.open = threading.Event()
        self.open.set()

    def apply(self, *, requests: list[FaultRequest]) -> list[FaultOutcome]:
        if not self.open.is_set():
            raise Unavailable(service="bus", reason="test")
        for request in requests:
            error = self.refuse(request)
            if error is not None:
                raise error
        for request in requests:
            if request.request_id not in self.ids and (name := entity(request)) != delivery.PROBE.entity_instance_id:
                self.seen.append(name)
            self.ids.add(request.request_id)
        return [FaultOutcome(request.request_id, count=1) for request in requests]


def entity(request: FaultRequest) -> str:
    if request.fault is not None:
        return request.fault.entity_instance_id
    return request.clear.entity_instance_id if request.clear is not None else str(request.clear_all_below)


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery, "BACKOFF_MIN_S", 0.001)
    monkeypatch.setattr(delivery, "BACKOFF_MAX_S", 0.002)
    monkeypatch.setattr(delivery, "IDLE_WAIT_S", 0.05)


@pytest.fixture
def manager() -> Recorder:
    return Recorder()


@pytest.fixture
def make(manager: Recorder, tmp_path: Path) -> Iterator[Callable[..., Raiser]]:
    made: list[Raiser] = []

    def build(**options: object) -> Raiser:
        made.append(Raiser(None, tmp_path / "spool", manager=manager, **options))  # type: ignore[arg-type]
        return made[-1]

    yield build
    for raiser in made:
        raiser.stop()


def raise_on(raiser: Raiser, *hosts: str) -> None:
    for host in hosts:
        raiser.raise_alarm("200.005", host=host, severity="major")


@pytest.mark.parametrize("error", [VersionMismatch(detail="the manager is older"), RemoteError(detail="no database"),
                                   RuntimeError("surprise"), Unavailable(service="bus", reason="test")])
def test_what_hits_every_request_loses_none(make: Callable[..., Raiser], manager: Recorder, error: Exception) -> None:
    """An older manager during an upgrade, a database that is away: much longer than any number of attempts."""
    lost: list[FaultRequest] = []
    attempts = [0]

    def refuse(request: FaultRequest) -> Exception | None:
        attempts[0] += 1
        return error if attempts[0] < 200 else None

    manager.refuse = refuse
    raiser = make(on_refused=lambda request, _: lost.append(request))
    raise_on(raiser, "a", "b", "c")
    assert raiser.flush(20) and lost == []
    assert manager.seen == ["host=a", "host=b", "host=c"]


@pytest.mark.parametrize("error", [RemoteError(detail="a bug"), InvalidInput(field="x", rule="y")])
def test_one_request_that_breaks_the_manager_does_not_hold_up_the_others(make: Callable[..., Raiser],
                                                                         manager: Recorder, error: FlockError) -> None:
    lost: list[str] = []
    manager.refuse = lambda request: error if entity(request) == "host=poison" else None
    raiser = make(on_refused=lambda request, error: lost.append(f"{entity(request)} {error}"))
    raise_on(raiser, "a", "poison", "b")
    assert raiser.flush(20)
    assert manager.seen == ["host=a", "host=b"] and lost == [f"host=poison {error}"]


def test_a_listener_that_fails_stops_nothing(make: Callable[..., Raiser], manager: Recorder) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("listener")

    manager.refuse = lambda request: InvalidInput(field="x", rule="y") if entity(request) == "host=a" else None
    raiser = make(on_refused=broken)
    raise_on(raiser, "a", "b")
    assert raiser.flush(20) and manager.seen == ["host=b"]


def kept_aside(tmp_path: Path) -> list[dict[str, str]]:
    """What lies beside the first queue."""
    path = tmp_path / "spool" / "0" / aside.NAME
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def test_records_that_cannot_be_read_are_kept_aside(make: Callable[..., Raiser], manager: Recorder,
                                                    tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    spool = Spool(tmp_path / "spool" / "0")
    first, last = (to_record(log_request("200.021", f"host={name}", {}, {})) for name in "ab")
    spool.append([first, "what is this", "{}", last])
    spool.close()
    assert make().flush(10) and manager.seen == ["host=a", "host=b"]
    assert [line["record"] for line in kept_aside(tmp_path)] == ["what is this", "{}"]
    assert "kept aside" in caplog.text and "what is this" in caplog.text


def test_without_room_aside_nothing_is_lost(make: Callable[..., Raiser], manager: Recorder, tmp_path: Path,
                                            monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aside, "LIMIT_BYTES", 10)
    spool = Spool(tmp_path / "spool" / "0")
    spool.append(["what is this", to_record(log_request("200.021", "host=a", {}, {}))])
    spool.close()
    raiser = make()
    assert not raiser.flush(0.5) and raiser.backlog()[0] == 2
    monkeypatch.setattr(aside, "LIMIT_BYTES", 1000)
    assert raiser.flush(10) and manager.seen == ["host=a"]


def test_answers_that_cannot_be_read_are_no_refusal(make: Callable[..., Raiser], manager: Recorder, tmp_path: Path,
                                                    caplog: pytest.LogCaptureFixture) -> None:
    """For longer than any number of attempts; said once; delivered when the other side is understood again."""
    lost: list[FaultRequest] = []
    attempts = [0]

    def refuse(_request: FaultRequest) -> Exception | None:
        attempts[0] += 1
        return Undecodable(field="answer of apply[0].count", rule="must be an integer") if attempts[0] < 200 else None

    manager.refuse = refuse
    raiser = make(on_refused=lambda request, _: lost.append(request))
    raise_on(raiser, "a", "b", "c")
    assert raiser.flush(20) and lost == [] and kept_aside(tmp_path) == []
    assert manager.seen == ["host=a", "host=b", "host=c"]
    assert caplog.text.count("reply cannot be decoded") == 1


def test_a_request_that_the_manager_cannot_read_is_kept_aside(make: Callable[..., Raiser], manager: Recorder,
                                                              tmp_path: Path) -> None:
    told: list[str] = []
    error = Undecodable(field="requests[0].fault.severity", rule="must be one of critical, major")
    manager.refuse = lambda request: error if entity(request) == "host=new" else None
    raiser = make(on_refused=lambda request, error: told.append(error.code))
    raise_on(raiser, "a", "new", "b")
    assert raiser.flush(20) and manager.seen == ["host=a", "host=b"]
    kept = kept_aside(tmp_path)
    assert [entity(request) for line in kept if (request := from_record(line["record"])) is not None] == ["host=new"]
    assert told == ["flock.rpc.undecodable"] and "severity" in kept[0]["reason"]


def test_an_answer_with_too_few_outcomes_acknowledges_nothing(make: Callable[..., Raiser], manager: Recorder,
                                                              monkeypatch: pytest.MonkeyPatch) -> None:
    short = [3]
    real = manager.apply

    def apply(*, requests: list[FaultRequest]) -> list[FaultOutcome]:
        short[0] -= 1
        return [] if short[0] > 0 else real(requests=requests)

    monkeypatch.setattr(manager, "apply", apply)
    raiser = make()
    raise_on(raiser, "a")
    assert raiser.flush(10) and manager.seen == ["host=a"]


def test_a_disk_that_cannot_be_read_for_a_while(make: Callable[..., Raiser], manager: Recorder,
                                                monkeypatch: pytest.MonkeyPatch) -> None:
    raiser = make()
    real, failures = Spool.peek, [OSError(5, "test")] * 3

    def peek(spool: Spool, count: int) -> object:
        if failures:
            raise failures.pop()
        return real(spool, count)

    monkeypatch.setattr(Spool, "peek", peek)
    raise_on(raiser, "a")
    assert raiser.flush(10) and manager.seen == ["host=a"]


def left_behind(directory: Path, requests: list[tuple[float, FaultRequest]]) -> None:
    """The queue of a process that ended without delivering."""
    now = [0.0]
    spool = Spool(directory, clock=lambda: now[0])
    for now[0], request in requests:
        spool.append([to_record(request)])
    spool.close()


def test_queues_of_ended_processes_are_delivered_in_order_of_time(make: Callable[..., Raiser], manager: Recorder,
                                                                  tmp_path: Path) -> None:
    """The last word on an alarm is the last one in time, whichever process said it."""
    def raised(host: str) -> FaultRequest:
        return alarm_request("200.005", f"host={host}", {}, {"severity": "major"})

    left_behind(tmp_path / "spool" / "0", [(1, raised("1")), (4, raised("4")), (5, raised("5"))])
    left_behind(tmp_path / "spool" / "1", [(2, raised("2")), (3, clear_request("200.005", "host=3", {})),
                                           (7, raised("7"))])
    left_behind(tmp_path / "spool" / "3", [(6, raised("6")), (8, raised("8"))])
    raiser = make()
    raise_on(raiser, "own")
    assert raiser.flush(10)
    assert manager.seen == [f"host={number}" for number in range(1, 9)] + ["host=own"]
    assert raiser.backlog() == (0, 0)


def test_a_living_process_takes_over_what_another_leaves(make: Callable[..., Raiser], manager: Recorder,
                                                         tmp_path: Path) -> None:
    living = make()
    manager.open.clear()
    dying = make()
    raise_on(dying, "left")
    with pytest.raises(SpoolBusy):
        Spool(tmp_path / "spool" / "1")
    dying.stop()
    manager.open.set()
    assert living.flush(5)
    wait_for(lambda: "host=left" in manager.seen, 10, "the living process to take over")
    raise_on(living, "next")
    assert living.flush(5) and manager.seen == ["host=left", "host=next"]


def test_own_requests_wait_for_those_of_a_process_that_died_before(make: Callable[..., Raiser], manager: Recorder,
                                                                   monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery, "IDLE_WAIT_S", 60.0)
    living, dying = make(), make()
    assert living.flush(5)
    manager.open.clear()
    raise_on(dying, "older")
    dying.stop()
    manager.open.set()
    raise_on(living, "newer")
    assert living.flush(5) and manager.seen == ["host=older", "host=newer"]


def test_more_processes_than_slots(make: Callable[..., Raiser], tmp_path: Path) -> None:
    held = [Spool(tmp_path / "spool" / str(slot)) for slot in range(slots.SLOTS_MAX)]
    raiser = make()
    with pytest.raises(SpoolBusy, match="64 slots"):
        raise_on(raiser, "a")
    held[7].close()
    raise_on(raiser, "a")  # tried again with each call
    for spool in held:
        spool.close()


def test_a_raiser_without_a_spool_asks_and_sets_but_stores_nothing(manager: Recorder) -> None:
    raiser = Raiser(None, None, manager=manager)
    assert raiser.raise_now("200.005", host="a", severity="major") == "" and manager.seen == ["host=a"]
    with pytest.raises(Unavailable, match="has none"):
        raise_on(raiser, "b")
    assert raiser.backlog() == (0, 0) and raiser.flush(0)
    raiser.stop()


def test_without_turns_everything_still_arrives(make: Callable[..., Raiser], manager: Recorder, tmp_path: Path) -> None:
    (tmp_path / "spool" / "turn").mkdir(parents=True)
    left_behind(tmp_path / "spool" / "2", [(1, alarm_request("200.005", "host=left", {}, {"severity": "major"}))])
    raiser = make()
    raise_on(raiser, "own")
    assert raiser.flush(10) and manager.seen == ["host=left", "host=own"]


def test_a_program_that_starts_again_waits_for_what_it_said_before(
        make: Callable[..., Raiser], manager: Recorder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another process delivers what the former life left: the new life comes after that, whoever is quicker."""
    left_behind(tmp_path / "spool" / "3", [(1, alarm_request("200.005", "host=former", {}, {"severity": "major"}))])
    other = slots.Turn(tmp_path / "spool")
    assert other.take()
    taken: list[Spool] = []
    slots.abandoned(tmp_path / "spool", (), 16, taken)
    again = make()
    raise_on(again, "now")
    assert not again.flush(0.3) and manager.seen == []
    with pytest.raises(FlockError):
        again.clear_now("200.005", host="former", timeout_s=0.1)
    taken[0].delivered(taken[0].peek(10))
    taken[0].close()
    other.close()
    assert again.flush(10) and manager.seen == ["host=now"]


def test_a_frozen_process_does_not_hold_up_the_others_for_ever(
        make: Callable[..., Raiser], manager: Recorder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "spool").mkdir()
    frozen = slots.Turn(tmp_path / "spool")
    assert frozen.take()
    monkeypatch.setattr(delivery, "STUCK_S", 0.5)
    manager.open.clear()
    raiser = make()
    raise_on(raiser, "a")
    assert not raiser.flush(0.8), "while the manager is away nobody is stuck"
    manager.open.set()
    started = time.monotonic()
    assert raiser.flush(10) and manager.seen == ["host=a"]
    assert time.monotonic() - started > 0.3
    frozen.close()


def test_ending_often_while_nobody_answers_takes_few_queues(make: Callable[..., Raiser], manager: Recorder,
                                                            tmp_path: Path) -> None:
    manager.open.clear()
    for life in range(12):
        raiser = make()
        raise_on(raiser, f"l{life}")
        raiser.stop()
    assert len(list((tmp_path / "spool").glob("*/lock"))) == 1
    manager.open.set()
    assert make().flush(10) and manager.seen == [f"host=l{life}" for life in range(12)]


@pytest.mark.parametrize("whole_call", [False, True])
def test_a_refused_request_is_kept_with_the_reason_and_delays_no_other(
        make: Callable[..., Raiser], manager: Recorder, tmp_path: Path, whole_call: bool) -> None:
    error = InvalidInput(field="entity_instance_id", rule="is too long")
    if whole_call:
        manager.refuse = lambda request: error if entity(request) == "host=poison" else None
    else:
        inner = manager.apply

        def apply(*, requests: list[FaultRequest]) -> list[FaultOutcome]:
            well = {one.request_id: one for one in inner(
                requests=[request for request in requests if entity(request) != "host=poison"])}
            return [well.get(request.request_id) or FaultOutcome(request.request_id, error=error.to_wire())
                    for request in requests]

        manager.apply = apply  # type: ignore[method-assign]
    raiser = make()
    raise_on(raiser, "a", "poison", "b")
    assert raiser.flush(20) and manager.seen == ["host=a", "host=b"]
    (kept,) = kept_aside(tmp_path)
    assert "host=poison" in kept["record"] and kept["reason"] == str(error)


def test_refused_requests_fill_only_a_part_of_the_file(
        make: Callable[..., Raiser], manager: Recorder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aside, "LIMIT_BYTES", 8000)
    manager.refuse = lambda request: InvalidInput(field="x", rule="y") if entity(request) != "host=b" else None
    raiser = make()
    raise_on(raiser, *["poison"] * 12, "b")
    assert raiser.flush(30) and manager.seen == ["host=b"]
    assert 2 <= len(kept_aside(tmp_path)) <= 6
    assert aside.keep(tmp_path / "spool" / "0", "unreadable", "there is room for what would be lost")
