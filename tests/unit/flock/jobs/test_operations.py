# SPDX-License-Identifier: Apache-2.0
"""Stored operations: steps, waits, undo, deadlines, exclusiveness, resume, with a clock the test moves."""
from __future__ import annotations

import datetime
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from flock.core.errors import InvalidInput, NotFound, Unavailable
from flock.db import Database, metadata
from flock.jobs.operations import OperationActive, Operations
from flock.jobs.progress import StepTimeout
from flock.jobs.steps import OperationView, State, Step, Steps, Wait
from flock.jobs.store import operations_table

METADATA = metadata()
TABLE = operations_table(METADATA, "operations")
START = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)


class Clock:
    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime.datetime:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += datetime.timedelta(seconds=seconds)


class World:
    """Journal of what steps did, and errors they shall raise."""

    def __init__(self) -> None:
        self.journal: list[str] = []
        self.raises: dict[str, Exception] = {}
        self.waits: dict[str, int] = {}

    def does(self, name: str) -> Callable[[OperationView], Any]:
        def act(view: OperationView) -> Any:
            self.journal.append(name)
            if name in self.raises:
                raise self.raises[name]
            if self.waits.get(name, 0) > 0:
                self.waits[name] -= 1
                return Wait(5, {f"{name}_seen": True})
            return {name: view.params["n"]}

        return act

    def plan(self) -> Steps:
        return Steps(
            "unlock",
            Step("a", self.does("a"), self.does("undo-a"), timeout_s=60),
            Step("b", self.does("b"), None, timeout_s=60),
            Step("c", self.does("c"), self.does("undo-c"), timeout_s=60))


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def operations(database: Database, world: World, clock: Clock) -> Operations:
    METADATA.create_all(database.engine)
    return Operations(database, TABLE, {"unlock": world.plan()}, owner="conductor", clock=clock)


def record(operations: Operations, subject: str = "host-1", **kwargs: Any) -> str:
    with operations.db.writer() as conn:
        return operations.record(conn, kind="unlock", subject=subject, params={"n": 7}, **kwargs)


def test_all_steps_in_order_with_results_merged(operations: Operations, world: World) -> None:
    uuid = record(operations)
    assert operations.run_due() == 1
    ended = operations.get(uuid)
    assert (ended.state, ended.result, world.journal) == (State.DONE, {"a": 7, "b": 7, "c": 7}, ["a", "b", "c"])
    assert operations.run_due() == 0


def test_rolled_back_record_never_runs(operations: Operations, world: World) -> None:
    with pytest.raises(RuntimeError), operations.db.writer() as conn:
        operations.record(conn, kind="unlock", subject="host-1", params={"n": 1})
        raise RuntimeError("the change failed")
    assert operations.run_due() == 0
    assert world.journal == []


def test_waiting_step_is_called_again_when_due(operations: Operations, world: World, clock: Clock) -> None:
    world.waits["b"] = 2
    uuid = record(operations)
    operations.run_due()
    assert operations.run_due() == 0, "not due yet"
    assert operations.get(uuid).result == {"a": 7, "b_seen": True}
    for _ in range(2):
        clock.advance(5)
        operations.run_due()
    assert operations.get(uuid).state is State.DONE
    assert world.journal == ["a", "b", "b", "b", "c"]


def test_failure_undoes_in_reverse_including_the_failed_step(operations: Operations, world: World) -> None:
    world.raises["c"] = InvalidInput(field="c", rule="must work")
    uuid = record(operations)
    operations.run_due()
    ended = operations.get(uuid)
    assert world.journal == ["a", "b", "c", "undo-c", "undo-a"]
    assert ended.state is State.UNDONE
    assert ended.error is not None
    assert ended.error["code"] == "flock.invalid_input"


def test_failed_undo_does_not_stop_the_other_undos(operations: Operations, world: World) -> None:
    world.raises["c"] = ValueError("broken")
    world.raises["undo-c"] = ValueError("broken too")
    uuid = record(operations)
    operations.run_due()
    assert world.journal == ["a", "b", "c", "undo-c", "undo-a"]
    assert operations.get(uuid).state is State.FAILED


def test_passing_error_is_retried_until_the_step_deadline(operations: Operations, world: World, clock: Clock) -> None:
    world.raises["a"] = Unavailable(service="bmc", reason="no answer")
    uuid = record(operations)
    for _ in range(200):
        operations.run_due()
        clock.advance(1)
    ended = operations.get(uuid)
    assert ended.state is State.UNDONE
    # 1 + 2 + 4 + 8 + 16 s pauses, then 29 s up to the deadline of 60 s and the last call at that time.
    assert world.journal == ["a"] * 7 + ["undo-a"]
    assert ended.error is not None
    assert ended.error["text"] == "Step a did not end within 60 s: bmc is not available (no answer). Retry in a moment."
    assert ended.error["code"] == StepTimeout.code


def test_waiting_for_ever_ends_at_the_step_deadline(operations: Operations, world: World, clock: Clock) -> None:
    world.waits["b"] = 10_000
    uuid = record(operations)
    for _ in range(61):
        operations.run_due()
        clock.advance(1)
    operations.run_due()
    assert operations.get(uuid).state is State.UNDONE
    assert world.journal[-1] == "undo-a"


def test_deadline_of_the_operation_cancels_it(operations: Operations, world: World, clock: Clock) -> None:
    world.waits["a"] = 10_000
    uuid = record(operations, deadline_s=12)
    for _ in range(14):
        operations.run_due()
        clock.advance(1)
    ended = operations.get(uuid)
    assert ended.state is State.UNDONE
    assert ended.error is not None
    assert ended.error["params"]["timeout_s"] == 12


def test_deadline_before_the_start_undoes_nothing(operations: Operations, world: World, clock: Clock) -> None:
    uuid = record(operations, deadline_s=5)
    clock.advance(6)
    operations.run_due()
    assert operations.get(uuid).state is State.FAILED
    assert world.journal == []


def test_one_active_operation_per_subject(operations: Operations, world: World) -> None:
    world.waits["a"] = 1
    record(operations)
    with pytest.raises(OperationActive, match="host-1 is busy with unlock"):
        record(operations)
    record(operations, subject="host-2")
    record(operations, exclusive=False)
    assert [item.kind for item in operations.active_of("host-1")] == ["unlock", "unlock"]


def test_subject_is_free_again_when_its_operation_ended(operations: Operations, world: World) -> None:
    world.raises["b"] = ValueError("broken")
    record(operations)
    operations.run_due()
    record(operations)
    operations.run_due()
    assert operations.active_of("host-1") == []


def test_cancel_undoes_before_the_next_call(operations: Operations, world: World) -> None:
    world.waits["b"] = 10
    uuid = record(operations)
    operations.run_due()
    with operations.db.writer() as conn:
        assert operations.cancel(conn, uuid, "operator changed their mind")
    operations.run_due()
    ended = operations.get(uuid)
    assert ended.state is State.UNDONE
    assert world.journal == ["a", "b", "undo-a"]
    with operations.db.writer() as conn:
        assert not operations.cancel(conn, uuid, "again")


def test_cancel_during_a_step_that_then_waits_is_not_delayed(operations: Operations, world: World) -> None:
    def slow(view: OperationView) -> Wait:
        with operations.db.writer() as conn:
            operations.cancel(conn, view.uuid, "now")
        return Wait(3600)

    operations.kinds["unlock"] = Steps("unlock", Step("slow", slow, world.does("undo"), timeout_s=9999))
    uuid = record(operations)
    operations.run_due()
    operations.run_due()
    assert operations.get(uuid).state is State.UNDONE


def test_next_life_of_the_owner_resumes_at_the_stored_step(
        operations: Operations, database: Database, world: World, clock: Clock) -> None:
    crash = KeyboardInterrupt("killed inside b")

    def die(_view: OperationView) -> None:
        raise crash

    dying = Operations(database, TABLE, {"unlock": Steps(
        "unlock", Step("a", world.does("a")), Step("b", die), Step("c", world.does("c")))},
        owner="conductor", clock=clock)
    uuid = record(dying)
    with pytest.raises(KeyboardInterrupt):
        dying.run_due()
    assert operations.run_due() == 0, "the dead process still holds the lease"
    stored_deadline = operations.get(uuid).step_deadline
    assert operations.resume() == 1
    clock.advance(10)
    operations.run_due()
    ended = operations.get(uuid)
    assert ended.state is State.DONE
    assert world.journal == ["a", "b", "c"], "a is not repeated"
    assert stored_deadline == START + datetime.timedelta(seconds=60)


def test_other_owner_takes_over_after_the_lease(
        operations: Operations, database: Database, world: World, clock: Clock) -> None:
    world.raises["a"] = KeyboardInterrupt("killed")  # type: ignore[assignment]
    uuid = record(operations)
    with pytest.raises(KeyboardInterrupt):
        operations.run_due()
    world.raises.clear()
    heir = Operations(database, TABLE, {"unlock": world.plan()}, owner="other", clock=clock)
    assert heir.resume() == 0
    assert heir.run_due() == 0
    clock.advance(61)
    heir.run_due()
    assert heir.get(uuid).state is State.DONE, "the time that nobody was there is not held against the step"
    assert world.journal == ["a", "a", "b", "c"]


@pytest.mark.parametrize("away_s", [59, 60, 86_400])
def test_a_step_is_called_once_after_a_downtime_before_it_is_judged_late(
        operations: Operations, world: World, clock: Clock, away_s: int) -> None:
    world.raises["b"] = KeyboardInterrupt("killed in b")  # type: ignore[assignment]
    uuid = record(operations)
    with pytest.raises(KeyboardInterrupt):
        operations.run_due()
    world.raises["b"] = Unavailable(service="mtce", reason="still away")
    clock.advance(away_s)
    operations.resume()
    operations.run_due()
    clock.advance(1)
    operations.run_due()
    ended = operations.get(uuid)
    assert ended.state is State.UNDONE
    assert world.journal == ["a", "b", *["b"] * (2 if away_s == 59 else 1), "undo-a"]
    assert ended.error is not None and "still away" in ended.error["text"]


def test_a_step_that_ends_the_process_is_not_called_again_after_each_restart(
        operations: Operations, world: World, clock: Clock) -> None:
    world.raises["a"] = KeyboardInterrupt("killed in a")  # type: ignore[assignment]
    uuid = record(operations)
    for _ in range(5):
        try:
            operations.run_due()
        except KeyboardInterrupt:
            clock.advance(61)
        operations.resume()
    assert world.journal == ["a", "a", "undo-a"], "once in time, once after its time, then judged"
    assert operations.get(uuid).state is State.UNDONE


def test_an_undo_is_called_once_after_a_downtime_too(operations: Operations, world: World, clock: Clock) -> None:
    world.raises["b"] = ValueError("broken")
    world.raises["undo-a"] = KeyboardInterrupt("killed in the undo")  # type: ignore[assignment]
    uuid = record(operations)
    with pytest.raises(KeyboardInterrupt):
        operations.run_due()
    del world.raises["undo-a"]
    clock.advance(3600)
    operations.resume()
    operations.run_due()
    ended = operations.get(uuid)
    assert (ended.state, ended.undo_failed) == (State.UNDONE, False)


@pytest.mark.parametrize(("state", "end"), [(State.RUNNING, State.DONE), (State.UNDOING, State.UNDONE)])
def test_stored_at_a_step_that_this_release_no_longer_has(
        operations: Operations, world: World, state: State, end: State) -> None:
    uuid = record(operations)
    with operations.db.writer() as conn:
        conn.execute(TABLE.update().values(state=state, step=3))
    operations.run_due()
    assert operations.get(uuid).state is end
    assert world.journal == ([] if state is State.RUNNING else ["undo-c", "undo-a"])


def test_a_kind_that_bars_others(operations: Operations, world: World) -> None:
    world.waits["a"] = 1
    record(operations)
    with pytest.raises(OperationActive, match="host-1 is busy with unlock"):
        record(operations, exclusive=False, barred_by=("unlock",))
    record(operations, exclusive=False, barred_by=("delete",))
    record(operations, subject="host-2", exclusive=False, barred_by=("unlock",))


def test_late_owner_does_not_overwrite_who_took_over(
        operations: Operations, database: Database, world: World, clock: Clock) -> None:
    heir = Operations(database, TABLE, {"unlock": world.plan()}, owner="other", clock=clock)

    def stall(_view: OperationView) -> dict[str, Any]:
        clock.advance(61)
        heir.run_due()
        return {"stalled": True}

    operations.kinds["unlock"] = Steps("unlock", Step("a", stall, timeout_s=600), Step("z", world.does("z")))
    uuid = record(operations)
    operations.run_due()
    ended = heir.get(uuid)
    assert ended.state is State.DONE
    assert "stalled" not in ended.result
    assert "z" not in world.journal


def test_threads_carry_many_and_stop_finishes_the_running_step(database: Database) -> None:
    METADATA.create_all(database.engine)
    entered, leave = threading.Event(), threading.Event()

    def block(view: OperationView) -> dict[str, Any]:
        entered.set()
        assert leave.wait(10)
        return {"done": view.subject}

    operations = Operations(database, TABLE, {"k": Steps("k", Step("one", block), Step("two", block))},
                            owner="me", threads_max=2)
    operations.start()
    with database.writer() as conn:
        uuid = operations.record(conn, kind="k", subject="s", params={})
    operations.nudge()
    assert entered.wait(10)
    threading.Timer(0.2, leave.set).start()
    assert operations.stop(10)
    stored = operations.get(uuid)
    assert (stored.state, stored.step, stored.result) == (State.RUNNING, 1, {"done": "s"})
    again = Operations(database, TABLE, operations.kinds, owner="me")
    again.start()
    assert again.wait(uuid, 10).state is State.DONE
    assert again.stop(10)


def test_thirty_operations_on_two_threads(database: Database) -> None:
    METADATA.create_all(database.engine)
    running, most = 0, 0
    lock = threading.Lock()

    def work(_view: OperationView) -> None:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        with lock:
            running -= 1

    operations = Operations(database, TABLE, {"k": Steps("k", Step("s", work))}, owner="me", threads_max=2)
    with database.writer() as conn:
        uuids = [operations.record(conn, kind="k", subject=f"s{number}", params={}) for number in range(30)]
    operations.start()
    assert {operations.wait(uuid, 20).state for uuid in uuids} == {State.DONE}
    assert operations.stop(10)
    assert most <= 2


def test_outage_longer_than_the_lease_starts_nothing_twice(database: Database) -> None:
    METADATA.create_all(database.engine)
    calls, leave = [0], threading.Event()

    def block(_view: OperationView) -> None:
        calls[0] += 1
        leave.wait(10)

    operations = Operations(database, TABLE, {"k": Steps("k", Step("s", block))}, owner="me", poll_s=0.02)
    with database.writer() as conn:
        uuid = operations.record(conn, kind="k", subject="s", params={})
    operations.start()
    end = time.monotonic() + 10
    while not calls[0]:
        assert time.monotonic() < end
    with database.writer() as conn:
        conn.execute(TABLE.update().values(lease_until=START))
    operations.run_due()  # as the next look of the runner
    assert calls == [1], "nobody takes the running step over"
    leave.set()
    assert operations.wait(uuid, 10).state is State.DONE
    assert operations.stop(10)
    assert calls == [1]


def test_prune_keeps_active_and_recent(operations: Operations, world: World) -> None:
    old = record(operations)
    operations.run_due()
    world.waits["a"] = 1
    active = record(operations)
    operations.run_due()
    assert operations.prune(3600) == 0
    assert operations.prune(-1e9) == 1
    with pytest.raises(NotFound):
        operations.get(old)
    assert operations.get(active).active


def test_unknown_kind_is_refused(operations: Operations) -> None:
    with pytest.raises(ValueError, match="not a kind"), operations.db.writer() as conn:
        operations.record(conn, kind="nonsense", subject="x", params={})
