# SPDX-License-Identifier: Apache-2.0
"""Alarms of hosts whose messages are refused, and of daemons whose bus is broken: set, kept, cleared."""
from __future__ import annotations

from typing import Any

import pytest

from flock.core.errors import Unavailable
from flock.rpc.errors import SenderRefused
from flock.rpc.refusals import HOSTS_MAX, REASON_MAX, Refusals, Refused
from fm.contract.errors import InvalidFault
from fm.contract.rpc import FaultOutcome, FaultRequest, Refusal
from fm.core import refusals as rules
from fm.manager.refusals import RefusalKeeper
from fm.raiser import requests as make
from fm.raiser.busalarm import BROKEN_S, BusAlarm, Change, change
from fm.raiser.refusals import RefusalReport

ENTITY = "host=worker-0.process=agents"


class Store:
    """Applies as the writer does, or fails."""

    def __init__(self) -> None:
        self.active: dict[str, str] = {}
        self.fails = False
        self.now = 0.0
        self.own = Refusals()
        self.keeper = self.restart()

    def restart(self) -> RefusalKeeper:
        self.keeper = RefusalKeeper(self.apply, lambda: self.own, lambda: sorted(self.active), lambda: self.now)
        return self.keeper

    def apply(self, requests: list[FaultRequest]) -> list[FaultOutcome]:
        if self.fails:
            raise Unavailable(service="database", reason="away")
        for request in requests:
            if request.fault is not None:
                assert (request.fault.alarm_id, request.fault.severity) == ("200.006", "minor")
                self.active[request.fault.entity_instance_id] = request.fault.reason_text
            elif request.clear_all_below is not None:
                below = f"{request.clear_all_below}."
                self.active = {name: text for name, text in self.active.items() if not name.startswith(below)}
            else:
                assert request.clear is not None and request.clear_exact
                self.active.pop(request.clear.entity_instance_id, None)
        return [FaultOutcome(request.request_id) for request in requests]


def test_one_alarm_per_host_clears_after_ten_quiet_minutes() -> None:
    store = Store()
    store.keeper.note([Refusal("worker-0", 3, "sequence must be from 0 to 5")])
    store.now = 599
    store.own.note("worker-0", "a request beyond the sender's share")
    store.keeper.audit()
    assert store.active == {ENTITY: "Messages of the agents of worker-0 are refused: "
                                    "a request beyond the sender's share."}
    store.now = 599 + 599
    store.keeper.audit()
    assert ENTITY in store.active
    store.now += 1
    store.keeper.audit()
    assert store.active == {}


OWN_CHANGES = [
    make.alarm_request("200.006", ENTITY, {}, {"severity": "minor", "reason_text": "all is well"}),
    make.clear_request("200.006", ENTITY, {}, exact=True), make.clear_request("200.006", ENTITY, {}, exact=False),
    make.clear_request("200.006", "host=worker-0", {}, exact=False), make.clear_all_request("host=worker-0"),
    make.clear_all_request(ENTITY)]
OTHERS = [
    make.clear_request("200.006", "host=worker-0", {}, exact=True),
    make.clear_request("200.004", ENTITY, {}, exact=False),
    make.clear_request("200.006", "host=worker-0.process=agent", {}, exact=False),
    make.clear_all_request("host=worker-0.process=a"), make.clear_all_request("host=worker"),
    make.alarm_request("200.006", "host=worker-0.process=sshd", {}, {"severity": "minor", "reason_text": "ended"})]


@pytest.mark.parametrize("place", range(len(OWN_CHANGES)))
def test_the_accused_does_not_change_the_accusation(place: int) -> None:
    store = Store()
    request = OWN_CHANGES[place]
    store.keeper.check("worker-0", [request])
    store.keeper.note([Refusal("worker-0", 1, "x")])
    for keeper in (store.keeper, store.restart()):
        with pytest.raises(SenderRefused, match="host worker-0 may not send changes of alarm 200.006 about " + ENTITY):
            keeper.check("worker-0", [OTHERS[0], request])
        keeper.check("worker-0", OTHERS)
        keeper.check("worker-1", [request])


def test_a_restart_forgets_no_alarm_and_clears_only_its_own() -> None:
    store = Store()
    store.keeper.note([Refusal("worker-0", 1, "x")])
    store.active["host=controller-0.process=sshd"] = "of somebody else"
    store.now = 5000
    store.restart()
    store.keeper.audit()
    assert ENTITY in store.active
    store.now += rules.QUIET_S
    store.keeper.audit()
    assert list(store.active) == ["host=controller-0.process=sshd"]


def test_a_deleted_host_gets_no_alarm_from_what_arrives_late() -> None:
    store = Store()
    store.keeper.note([Refusal("worker-0", 1, "x"), Refusal("worker-00", 1, "x")])
    deletion = [make.clear_all_request("host=worker-0")]
    store.keeper.gone(deletion)
    store.apply(deletion)
    other = "host=worker-00.process=agents"
    assert list(store.active) == [other]
    store.now = rules.GONE_S - 1
    store.own.note("worker-0", "of before")
    store.keeper.note([Refusal("worker-0", 1, "reported late")])
    store.keeper.audit()
    assert list(store.active) == [other]
    # A host that was added again has its alarms after that.
    store.now = rules.GONE_S
    store.keeper.note([Refusal("worker-0", 1, "again")])
    assert sorted(store.active) == [ENTITY, other]


@pytest.mark.parametrize("request_", [
    make.clear_all_request("host=worker-0.process=agents"), make.clear_all_request("system=x"),
    make.clear_all_request("host="), make.clear_request("200.004", "host=worker-0", {})])
def test_other_clears_say_nothing_of_deletion(request_: FaultRequest) -> None:
    store = Store()
    store.keeper.gone([request_])
    store.keeper.note([Refusal("worker-0", 1, "x")])
    assert list(store.active) == [ENTITY]


def test_the_memory_of_deleted_hosts_is_bounded() -> None:
    gone: dict[str, float] = {}
    for number in range(rules.HOSTS_MAX + 5):
        gone = rules.with_gone(gone, f"h{number}", 0.0)
    assert len(gone) == rules.HOSTS_MAX
    assert rules.with_gone(gone, "new", rules.GONE_S) == {"new": rules.GONE_S}


def test_counts_that_could_not_be_stored_are_stored_later() -> None:
    store = Store()
    store.own.note("worker-0", "x")
    store.fails = True
    with pytest.raises(Unavailable):
        store.keeper.audit()
    store.fails = False
    store.keeper.audit()
    assert ENTITY in store.active


def test_reports_are_limited_and_an_impossible_name_stops_nobody() -> None:
    store = Store()
    with pytest.raises(InvalidFault):
        store.keeper.note([Refusal(f"worker-{number}", 1, "x") for number in range(501)])
    store.keeper.note([Refusal("not a\x00host", 1, "x"), Refusal("worker-0", 1, "x"), Refusal("worker-1", 0, "none")])
    assert list(store.active) == [ENTITY]
    full, to_set = rules.noted({f"h{number}": 0.0 for number in range(rules.HOSTS_MAX)}, [Refusal("new", 1, "x")], 1.0)
    assert len(full) == rules.HOSTS_MAX and to_set == []


def test_counts_are_bounded_and_come_back_after_a_failure() -> None:
    refusals = Refusals()
    for number in range(HOSTS_MAX + 5):
        refusals.note(f"h{number}", "y" * 1000)
    taken = refusals.take()
    assert len(taken) == HOSTS_MAX and len(taken["h0"].reason) == REASON_MAX and refusals.take() == {}
    refusals.note("h0", "later")
    refusals.give_back({"h0": Refused(2, "earlier"), "h1": Refused(1, "z")})
    assert refusals.take() == {"h0": Refused(3, "earlier"), "h1": Refused(1, "z")}


def test_a_report_that_fails_keeps_the_rest() -> None:
    class Manager:
        def __init__(self) -> None:
            self.told: list[str] = []

        def note_refusals(self, *, refusals: list[Refusal]) -> None:
            if self.told:
                raise Unavailable(service="fm.manager", reason="away")
            self.told += [one.hostname for one in refusals]

    transport: Any = type("Bus", (), {"gate": type("Gate", (), {"refusals": Refusals()})()})()
    for number in range(700):
        transport.gate.refusals.note(f"h{number}", "x")
    manager: Any = Manager()
    with pytest.raises(Unavailable):
        RefusalReport(transport, lambda: {f"h{number}" for number in range(700)}, manager).send()
    assert len(manager.told) == 500
    assert sorted(transport.gate.refusals.take()) == sorted({f"h{n}" for n in range(700)} - set(manager.told))


def test_hosts_that_do_not_exist_are_not_reported() -> None:
    told: list[str] = []

    class Manager:
        def note_refusals(self, *, refusals: list[Refusal]) -> None:
            told.extend(one.hostname for one in refusals)

    transport: Any = type("Bus", (), {"gate": type("Gate", (), {"refusals": Refusals()})()})()
    manager: Any = Manager()
    hosts: list[set[str]] = []
    report = RefusalReport(transport, lambda: hosts[0], manager)
    transport.gate.refusals.note("worker-0", "x")
    transport.gate.refusals.note("gone", "x")
    with pytest.raises(IndexError):
        report.send()
    hosts.append({"worker-0", "worker-1"})
    report.send()
    assert told == ["worker-0"] and transport.gate.refusals.take() == {}


@pytest.mark.parametrize(("since_s", "is_set", "now_s", "wanted"), [
    (None, None, 0, Change.CLEAR), (None, False, 0, None), (None, True, 0, Change.CLEAR),
    (100, None, 100 + BROKEN_S - 1, None), (100, False, 100 + BROKEN_S, Change.SET), (100, True, 999, None)])
def test_a_broken_bus_is_an_alarm_after_a_minute(since_s: float | None, is_set: bool | None, now_s: float,
                                                 wanted: Change | None) -> None:
    assert change(since_s, is_set, now_s) is wanted


def test_the_alarm_of_the_bus_is_told_until_it_is_taken() -> None:
    told: list[tuple[Change, str, str]] = []
    state: dict[str, Any] = {"why": None, "now": 0.0, "fails": True}

    def tell(*what: Any) -> None:
        if state["fails"]:
            raise Unavailable(service="spool", reason="full")
        told.append(what)

    alarm = BusAlarm("controller-0", "fm-manager", lambda: state["why"], tell, lambda: state["now"])
    with pytest.raises(Unavailable):
        alarm.audit()
    state["fails"] = False
    alarm.audit()
    state["why"] = "no echo"
    for now in (10.0, 69.0, 70.0, 80.0):
        state["now"] = now
        alarm.audit()
    state["why"] = None
    alarm.audit()
    assert [(one[0].value, one[1]) for one in told] == [
        ("clear", "host=controller-0.process=fm-manager"), ("set", "host=controller-0.process=fm-manager"),
        ("clear", "host=controller-0.process=fm-manager")]
    assert told[1][2] == "fm-manager gets no requests over the message bus: no echo"
