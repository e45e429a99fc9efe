# SPDX-License-Identifier: Apache-2.0
"""The orchestrator's parts: the stored strategy, alarms, prechecks that are tasks."""
from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

from flock.core.errors import DeadlineExceeded, StaleWrite, Unavailable
from flock.core.records import replace
from flock.db import Database
from flock.jobs.steps import State
from patching.contract.errors import SoftwareRefused
from patching.contract.orchestration import StrategyAction, StrategyExists
from patching.contract.records import Order, OrderKind, Reply, ReplyStatus
from patching.core.strategy.model import Result, StrategyState
from patching.core.strategy.parameters import Kind
from patching.core.strategy.work.seen import Part
from patching.db import views
from patching.db.tables import METADATA, STRATEGY, SYSTEM, TASK
from patching.orchestrator import faults, software
from patching.orchestrator.software import SoftwareService
from patching.orchestrator.store import Store
from tests.unit.patching.core.systems import a_release
from tests.unit.patching.orchestrator.cloud import Cloud
from tests.unit.patching.orchestrator.driven import Driven


class Conductor:
    """Answers every order with the same reply."""

    def __init__(self, reply: Reply) -> None:
        self.reply = reply
        self.orders: list[Order] = []

    def order(self, *, order: Order) -> Reply:
        self.orders.append(order)
        return self.reply


def task(database: Database, state: State, reply: Reply | None) -> str:
    METADATA.create_all(database.engine)
    with database.writer() as conn:
        result = {} if reply is None else {"reply": views.REPLY.to_document(reply)}
        conn.execute(sa.insert(TASK).values(uuid="t-1", kind="precheck", subject="x", params={}, state=state,
                                            result=result, error={"code": "c", "params": {}, "text": "it broke"}))
    return "t-1"


def test_a_precheck_is_awaited(database: Database) -> None:
    refused = Reply(ReplyStatus.REFUSED, error="3 alarms\n")
    pending = Reply(ReplyStatus.PENDING, task=task(database, State.DONE, refused))
    service = SoftwareService(database, Conductor(pending))  # type: ignore[arg-type]
    with pytest.raises(SoftwareRefused, match="^3 alarms$"):
        service.order(OrderKind.PRECHECK, "starlingx-10.0.1", "", False, lambda _: False)
    with database.writer() as conn:
        conn.execute(sa.update(TASK).values(result={"reply": views.REPLY.to_document(Reply(ReplyStatus.OK))}))
    service.order(OrderKind.PRECHECK, "starlingx-10.0.1", "", False, lambda _: False)
    with database.writer() as conn:
        conn.execute(sa.update(TASK).values(result={}, state=State.FAILED))
    with pytest.raises(SoftwareRefused, match="the task has failed: it broke"):
        service.order(OrderKind.PRECHECK, "starlingx-10.0.1", "", False, lambda _: False)


def test_a_precheck_that_does_not_end(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(software, "PRECHECK_LIMIT_S", 1.0)
    pending = Reply(ReplyStatus.PENDING, task=task(database, State.RUNNING, None))
    conductor = Conductor(pending)
    service = SoftwareService(database, conductor)  # type: ignore[arg-type]
    with pytest.raises(DeadlineExceeded):
        service.order(OrderKind.START, "starlingx-10.0.1", "", True, lambda _: False)
    service.order(OrderKind.START, "starlingx-10.0.1", "", True, lambda _: True)
    first, second = conductor.orders
    assert (first.releases, first.force, first.user) == (["starlingx-10.0.1"], True, "patching-orchestrator")
    assert first.request_id != second.request_id


def test_the_software_service_as_it_is_stored(database: Database) -> None:
    METADATA.create_all(database.engine)
    service = SoftwareService(database, Conductor(Reply(ReplyStatus.OK)))  # type: ignore[arg-type]
    with pytest.raises(Unavailable):
        service.look()
    with database.writer() as conn:
        conn.execute(sa.insert(SYSTEM).values(running="10.0.0"))
    seen = service.look()
    assert (seen.running.text, seen.state, dict(seen.releases)) == ("10.0.0", None, {})


def test_two_orchestrators_do_not_cross(database: Database) -> None:
    one = Driven(Cloud("STD", a_release("10.0.1")), database)
    other = Driven(one.cloud, database)
    one.create()
    with pytest.raises(StrategyExists):
        other.create()
    other.restarted()
    one.apply()
    with pytest.raises(StaleWrite):
        other.act(StrategyAction.APPLY_ALL)
    assert other.strategy == one.strategy, "the loser knows now what is stored"


def test_a_stored_strategy_that_cannot_be_read_has_failed(database: Database) -> None:
    one = Driven(Cloud("STD", a_release("10.0.1")), database).create()
    with database.writer() as conn:
        conn.execute(sa.update(STRATEGY).values(document={"uuid": 5}))
    one.restarted()
    assert one.strategy.state is StrategyState.APPLY_FAILED
    assert "cannot be read by this release" in one.strategy.apply.reason
    one.keeper.delete(Kind.DEPLOY, False)
    assert Store(database).load() is None


def test_alarms_of_a_strategy_and_their_audit(database: Database) -> None:
    one = Driven(Cloud("STD", a_release("10.0.1")), database).create().apply()
    assert one.faults.active == {"900.201"}
    one.faults.active = {"900.102", "900.203"}
    faults.Faults(one.faults).reconcile(one.strategy)
    assert one.faults.active == {"900.201"}
    faults.Faults(one.faults).reconcile(None)
    assert one.faults.active == set()
    failed = replace(one.strategy, state=StrategyState.ABORTED, apply=replace(
        one.strategy.apply, result=Result.TIMED_OUT))
    assert faults.alarm(failed) == ("900.203", "orchestration=sw-deploy")
    asked = replace(failed, apply=replace(failed.apply, result=Result.ABORTED))
    assert faults.alarm(asked) is None
    assert faults.alarm(replace(asked, state=StrategyState.ABORT_FAILED)) == ("900.203", "orchestration=sw-deploy")
    assert faults.alarm(replace(one.strategy, parameters=replace(one.strategy.parameters, kind=Kind.PATCH))) == (
        "900.101", "orchestration=sw-patch")


def test_a_build_ends_with_the_reason_when_the_system_cannot_be_seen(database: Database) -> None:
    cloud = Cloud("STD", a_release("10.0.1"))
    one = Driven(cloud, database)
    seen, cloud.system.look = cloud.system.look, _away  # type: ignore[method-assign]
    assert one.create().state == "build-timeout"
    assert one.strategy.build.reason.endswith("sysinv-api is not available (it restarts). Retry in a moment.")
    one.keeper.delete(Kind.DEPLOY, False)

    # The steps of the build have seen it; only the plan does not.
    cloud.system.look = lambda parts: _away(parts) if parts is Part else seen(parts)  # type: ignore[method-assign]
    assert one.create().state == "build-failed"
    assert one.strategy.build.reason.startswith("the system cannot be seen: sysinv-api is not available")


def _away(_parts: Any) -> Any:
    raise Unavailable(service="sysinv-api", reason="it restarts")
