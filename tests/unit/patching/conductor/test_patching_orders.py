# SPDX-License-Identifier: Apache-2.0
"""Orders: once for each request id, refused with the reason, and carried on by tasks."""
from __future__ import annotations

import uuid
from typing import Any

import pytest

from flock.core.errors import InvalidInput, StaleWrite
from patching.alarms.wanted import OF_DEPLOYMENT
from patching.conductor import machine as machines
from patching.contract.records import Order, OrderKind, ReplyStatus, StagedFile
from patching.contract.states import Owner, ReleaseState
from patching.core.events import Tick
from tests.unit.patching.conductor.office import Office


def test_a_repeated_order_is_carried_out_once(office: Office) -> None:
    office.release("10.0.1")
    told = str(uuid.uuid4())
    first = office.order(OrderKind.START, "starlingx-10.0.1", request_id=told)
    assert first.info == "Deployment for starlingx-10.0.1 started\n"
    office.run()
    deleted = str(uuid.uuid4())
    replies = [office.order(OrderKind.DELETE_DEPLOY, request_id=deleted) for _ in range(2)]
    assert replies[0] == replies[1] and replies[0].status is ReplyStatus.OK
    again = office.order(OrderKind.START, "starlingx-10.0.1", request_id=told)
    assert again == first and office.state is None


def test_a_refusal_says_state_and_allowed_states(office: Office) -> None:
    office.release("10.0.1")
    office.start("10.0.1")
    reply = office.order(OrderKind.COMPLETE)
    assert (reply.status, reply.code, reply.allowed) == (
        ReplyStatus.REFUSED, "patching.wrong_deploy_state", ["activate-done"])
    assert "deploy state start-done" in reply.error and reply.error.endswith("\n")
    unknown = office.order(OrderKind.PRECHECK, "starlingx-9.9.9")
    assert (unknown.status, unknown.code) == (ReplyStatus.UNKNOWN, "patching.unknown_release")


def test_a_start_prechecks_first_and_says_why_it_is_refused(office: Office) -> None:
    office.release("10.0.1")
    office.inventory.alarms = ["100.101"]
    reply = office.order(OrderKind.START, "starlingx-10.0.1")
    assert reply.status is ReplyStatus.REFUSED and "No alarms: [Fail]" in reply.error
    assert reply.precheck is not None and reply.precheck.healthy is False and office.state is None
    office.inventory.alarms = []
    office.start("10.0.1")
    assert office.state == "start-done" and office.inventory.asked[-1] == (
        "kube-upgrade", False, list(OF_DEPLOYMENT)), "what was told of an ended deployment is cleared a moment later"


def test_a_host_with_other_content_prevents_a_deployment(office: Office) -> None:
    office.release("10.0.1", ReleaseState.COMMITTED)
    office.release("10.0.2")
    agent = office.agents["controller-0"]
    agent.report(digests={"starlingx-10.0.1": "f" * 64})
    reply = office.order(OrderKind.START, "starlingx-10.0.2")
    assert reply.status is ReplyStatus.REFUSED and "patch current: [Fail]" in reply.error
    agent.report(digests={})
    assert office.order(OrderKind.START, "starlingx-10.0.2").status is ReplyStatus.OK


def test_force_asks_for_relaxed_checks_of_patches_only(office: Office) -> None:
    office.release("10.0.1")
    office.release("11.0.0")
    office.order(OrderKind.PRECHECK, "starlingx-10.0.1", force=True)
    office.order(OrderKind.PRECHECK, "starlingx-11.0.0", force=True)
    assert [asked[:2] for asked in office.inventory.asked] == [("kube-upgrade", True), ("upgrade", False)]


def test_another_interface_does_not_go_on_with_a_deployment(office: Office) -> None:
    office.release("10.0.1")
    office.order(OrderKind.START, "starlingx-10.0.1", owner=Owner.CLASSIC)
    office.run()
    reply = office.order(OrderKind.DELETE_DEPLOY)
    assert reply.status is ReplyStatus.REFUSED and "was started with sw-patch" in reply.error
    assert office.order(OrderKind.DELETE_DEPLOY, owner=Owner.CLASSIC).status is ReplyStatus.OK


def test_an_agent_that_does_not_answer_holds_back_its_host_only(duplex: Office) -> None:
    duplex.release("10.0.1")
    duplex.start("10.0.1")
    duplex.agents["controller-0"].answers = False
    reply = duplex.order(OrderKind.DEPLOY_HOST, hostname="controller-0")
    assert reply.status is ReplyStatus.REFUSED and "does not answer" in reply.error
    assert duplex.stored.view.rows["controller-0"].state == "pending"
    assert duplex.order(OrderKind.DEPLOY_HOST, hostname="controller-1").status is ReplyStatus.OK


def test_a_host_that_was_deleted_holds_up_nobody(duplex: Office) -> None:
    duplex.release("10.0.1")
    duplex.start("10.0.1")
    for name in ("controller-0", "controller-1"):
        assert duplex.order(OrderKind.DEPLOY_HOST, hostname=name).status is ReplyStatus.OK
        duplex.run()
        duplex.agents[name].end()
    assert duplex.state == "host"
    del duplex.inventory.known["compute-0"]
    assert duplex.order(OrderKind.ACTIVATE).status is ReplyStatus.OK
    assert set(duplex.stored.view.rows) == {"controller-0", "controller-1"}


def test_a_step_that_crossed_another_is_decided_again(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    office.release("10.0.1")
    load, crossed = office.store.load, []

    def load_and_cross() -> Any:
        found = load()
        if not crossed:
            crossed.append(found)
            with office.database.writer() as conn:
                conn.exec_driver_sql("UPDATE system SET revision = revision + 1")
        return found

    monkeypatch.setattr(office.store, "load", load_and_cross)
    office.machine.put_release(office.store.load().view.releases["starlingx-10.0.1"], load().details[
        "starlingx-10.0.1"], None)
    assert crossed and load().revision == crossed[0].revision + 2
    monkeypatch.setattr(machines, "TRIES_MAX", 1)
    crossed.clear()
    with pytest.raises(StaleWrite):
        office.machine.put_release(load().view.releases["starlingx-10.0.1"], load().details["starlingx-10.0.1"], None)


def test_time_alone_stores_nothing(office: Office) -> None:
    before = office.stored.revision
    office.machine.happen(Tick())
    assert office.stored.revision == before


@pytest.mark.parametrize(("fields", "field"), [
    ({"request_id": "x"}, "request_id"), ({"releases": []}, "releases"), ({"releases": ["a", "b"]}, "releases"),
    ({"releases": ["a" * 300]}, "releases, hostname, options"), ({"releases": ["a\n"]}, "releases, hostname, options"),
    ({"kind": OrderKind.DEPLOY_HOST}, "hostname"), ({"kind": OrderKind.UPLOAD}, "files"),
    ({"options": {str(number): "" for number in range(101)}}, "options"),
    ({"kind": OrderKind.UPLOAD, "files": [StagedFile("a.patch", "../../etc/passwd", 1, "")]}, "files.path")])
def test_orders_that_break_a_rule_name_the_field(office: Office, fields: dict[str, Any], field: str) -> None:
    given = {"kind": OrderKind.START, "request_id": str(uuid.uuid4()), "releases": ["starlingx-10.0.1"], **fields}
    try:
        reply = office.orders.order(order=Order(**given))
    except InvalidInput as error:
        assert error.params["field"] == field
    else:
        assert reply.status is ReplyStatus.REFUSED and field in reply.error
