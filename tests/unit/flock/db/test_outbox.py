# SPDX-License-Identifier: Apache-2.0
"""The outbox delivers each message, in order per key, and a failing key blocks no other."""
from __future__ import annotations

import datetime
import math
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import event

from flock.core.backoff import Backoff
from flock.db import Database, metadata, utcnow
from flock.db.outbox import Outbox, Policy, Relay, outbox_table

METADATA = metadata()
TABLE = outbox_table(METADATA, "outbox")


@pytest.fixture
def outbox(database: Database) -> Outbox:
    METADATA.create_all(database.engine)
    return Outbox(database, TABLE)


def put(outbox: Outbox, key: str, payload: Any, kind: str = "tell") -> None:
    with outbox.db.writer() as conn:
        outbox.put(conn, key=key, kind=kind, payload=payload)


def pause_is_over(outbox: Outbox) -> None:
    with outbox.db.writer() as conn:
        conn.execute(sa.update(TABLE).values(next_try_at=TABLE.c.created_at))


def stored(outbox: Outbox) -> list[tuple[str, Any]]:
    with outbox.db.reader() as conn:
        return [(key, payload) for key, payload in conn.execute(sa.select(TABLE.c.key, TABLE.c.payload).order_by(
            TABLE.c.id))]


def until(condition: Callable[[], bool], timeout_s: float = 10.0) -> None:
    end = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < end, "condition was not met in time"
        time.sleep(0.01)


def test_rolled_back_message_is_never_delivered(outbox: Outbox) -> None:
    got: list[Any] = []
    relay = Relay(outbox, {"tell": got.append})
    with pytest.raises(RuntimeError), outbox.db.writer() as conn:
        outbox.put(conn, key="a", kind="tell", payload=1)
        raise RuntimeError("the change failed")
    put(outbox, "a", 2)
    assert relay.deliver_due() == 1
    assert got == [2]
    assert relay.backlog() == 0


def test_order_per_key_survives_a_failure_and_other_keys_go_on(outbox: Outbox) -> None:
    got: list[str] = []
    broken = {"a1"}

    def handler(payload: str) -> None:
        if payload in broken:
            raise ConnectionError("peer away")
        got.append(payload)

    relay = Relay(outbox, {"tell": handler}, Policy(retry=Backoff(60)))
    for payload in ("a1", "b1", "a2", "b2"):
        put(outbox, payload[0], payload)
    relay.deliver_due()
    assert got == ["b1", "b2"]
    relay.deliver_due()
    assert got == ["b1", "b2"], "a2 must wait behind a1"
    broken.clear()
    pause_is_over(outbox)
    relay.deliver_due()
    assert got == ["b1", "b2", "a1", "a2"]


def test_backoff_doubles_up_to_the_cap(outbox: Outbox) -> None:
    def refuse(_payload: Any) -> None:
        raise ConnectionError("peer away")

    relay = Relay(outbox, {"tell": refuse}, Policy(retry=Backoff(10, 35, jitter=0.0)))
    put(outbox, "a", 1)
    for pause_s in (10, 20, 35, 35):
        before = time.time()
        relay.deliver_due()
        after = time.time()
        with outbox.db.reader() as conn:
            row = conn.execute(sa.select(TABLE)).one()
        assert before + pause_s - 0.001 <= row.next_try_at.timestamp() <= after + pause_s
        assert row.last_error == "peer away"
        assert row.owner is None
        pause_is_over(outbox)


def test_unknown_kind_stays_stored(outbox: Outbox) -> None:
    relay = Relay(outbox, {})
    put(outbox, "a", 1, kind="of the future")
    relay.deliver_due()
    assert relay.backlog() == 1


def test_a_payload_that_cannot_be_read_stays_and_holds_up_no_other_key(outbox: Outbox) -> None:
    put(outbox, "a", "damaged")
    with outbox.db.writer() as conn:
        conn.execute(sa.text(f"UPDATE {outbox.table.name} SET payload = '{{torn'"))
    put(outbox, "b", "well")
    told: list[Any] = []
    relay = Relay(outbox, {"tell": told.append}, Policy(retry=Backoff(0.0)))
    assert relay.deliver_due() == 2 and told == ["well"]
    assert relay.deliver_due() == 1 and relay.backlog() == 1
    with outbox.db.reader() as conn:
        assert conn.execute(sa.select(outbox.table.c.attempts)).scalar_one() == 2


def test_nudge_delivers_at_once_and_stop_is_bounded(outbox: Outbox) -> None:
    got: list[Any] = []
    relay = Relay(outbox, {"tell": got.append}, Policy(poll_s=60))
    relay.start()
    try:
        until(lambda: relay._counted_at > 0)
        put(outbox, "a", {"n": 1})
        started = time.monotonic()
        relay.nudge()
        until(lambda: got == [{"n": 1}])
        assert time.monotonic() - started < 5
    finally:
        assert relay.stop(5)


def test_two_relays_deliver_each_message_once_in_order(outbox: Outbox) -> None:
    got: list[tuple[str, int]] = []
    lock = threading.Lock()

    def handler(payload: list[Any]) -> None:
        with lock:
            got.append((payload[0], payload[1]))

    for number in range(60):
        put(outbox, f"k{number % 3}", [f"k{number % 3}", number])
    relays = [Relay(outbox, {"tell": handler}, Policy(batch_max=5, poll_s=0.05)) for _ in range(2)]
    for relay in relays:
        relay.start()
    try:
        until(lambda: len(got) >= 60)
        until(lambda: relays[0].backlog() == 0)
    finally:
        assert all([relay.stop(5) for relay in relays])
    assert len(got) == 60
    for key in ("k0", "k1", "k2"):
        numbers = [number for name, number in got if name == key]
        assert numbers == sorted(numbers)


def test_claims_of_a_dead_relay_pass_on_after_the_lease(outbox: Outbox) -> None:
    dead = Relay(outbox, {"tell": lambda payload: None}, Policy(lease_s=60))
    put(outbox, "a", 1)
    assert [message.payload for message in dead._take("a", utcnow())] == ["1"]
    got: list[Any] = []
    heir = Relay(outbox, {"tell": got.append})
    assert heir.deliver_due() == 0
    with outbox.db.writer() as conn:
        conn.execute(sa.update(TABLE).values(lease_until=utcnow()))
    assert heir.deliver_due() == 1
    assert got == [1]


def test_same_owner_goes_on_at_once_after_a_crash(outbox: Outbox) -> None:
    first = Relay(outbox, {"tell": lambda payload: None}, owner="manager")
    put(outbox, "a", 1)
    assert first._take("a", utcnow())
    got: list[Any] = []
    assert Relay(outbox, {"tell": got.append}, owner="manager").deliver_due() == 1
    assert got == [1]


@pytest.mark.parametrize(("policy", "claims"), [(Policy(), 1), (Policy(lease_s=None), 0)])
def test_what_was_delivered_is_deleted_together(outbox: Outbox, policy: Policy, claims: int) -> None:
    got: list[Any] = []
    for number in range(20):
        put(outbox, "a", number)
    statements: list[str] = []

    def note(_conn: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        statements.append(statement.split()[0])

    event.listen(outbox.db.engine, "before_cursor_execute", note)
    assert Relay(outbox, {"tell": got.append}, policy).deliver_due() == 20
    event.remove(outbox.db.engine, "before_cursor_execute", note)
    assert got == list(range(20)) and stored(outbox) == []
    assert statements.count("UPDATE") == claims
    # Delivery may last longer than what is delivered is kept.
    assert 1 <= statements.count("DELETE") <= 3


def test_a_message_is_a_dead_letter_after_as_many_attempts_as_its_error_is_worth(outbox: Outbox) -> None:
    outcomes: list[tuple[str, str]] = []
    got: list[Any] = []

    def picky(payload: Any) -> None:
        if payload == "bad":
            raise KeyError(payload)
        if payload == "early":
            raise ConnectionError("peer away")
        got.append(payload)

    policy = Policy(retry=Backoff(60), attempts_max=lambda error: 3 if isinstance(error, KeyError) else math.inf)
    relay = Relay(outbox, {"tell": picky}, policy, on_outcome=lambda kind, outcome: outcomes.append((kind, outcome)))
    for payload in ("bad", "good"):
        put(outbox, "a", payload)
    put(outbox, "b", "early")
    for _ in range(5):
        relay.deliver_due()
        pause_is_over(outbox)
    assert got == ["good"] and stored(outbox) == [("a", "bad"), ("b", "early")] and relay.backlog() == 1
    assert outcomes.count(("tell", "dead")) == 1 and outcomes.count(("tell", "ok")) == 1
    assert outcomes.count(("tell", "failed")) == 3 + 5


def test_a_relay_of_some_keys_leaves_the_others_alone(outbox: Outbox) -> None:
    got: list[Any] = []
    for key in ("a", "b", "c"):
        put(outbox, key, key)
    relay = Relay(outbox, {"tell": got.append}, Policy(lease_s=None), keys=("a", "c"))
    assert relay.deliver_due() == 2
    assert got == ["a", "c"] and stored(outbox) == [("b", "b")]


def test_the_oldest_messages_of_a_key_beyond_the_limit_are_dropped(outbox: Outbox) -> None:
    for number in range(5):
        put(outbox, "a", number)
    put(outbox, "b", 0)
    assert outbox.drop_beyond(("a", "b", "c"), 2) == {"a": 3}
    assert stored(outbox) == [("a", 3), ("a", 4), ("b", 0)]
    assert outbox.drop_beyond(("a", "b"), 2) == {}
    assert {key: number for key, (number, _) in outbox.waiting(("a", "b", "c")).items()} == {"a": 2, "b": 1, "c": 0}


def test_messages_that_nobody_delivers_any_more_are_dropped(outbox: Outbox) -> None:
    put(outbox, "a", 1, kind="gone")
    put(outbox, "a", 2)
    assert outbox.drop_other_kinds(("tell",)) == 1
    assert outbox.drop_other_kinds(("tell",)) == 0
    assert stored(outbox) == [("a", 2)]


def test_the_same_message_waits_once_and_not_before_it_is_due(outbox: Outbox) -> None:
    got: list[Any] = []
    due = utcnow() + datetime.timedelta(hours=1)
    with outbox.db.writer() as conn:
        for payload in ("start over", "start over", "other"):
            outbox.put_once(conn, key="a", kind="tell", payload=payload, due=due)
    relay = Relay(outbox, {"tell": got.append})
    assert relay.deliver_due() == 0 and stored(outbox) == [("a", "start over"), ("a", "other")]
    pause_is_over(outbox)
    assert relay.deliver_due() == 2 and got == ["start over", "other"]


def test_wall_clock_set_back_by_hours_holds_no_message_up(outbox: Outbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the pause after a failure nor the claim of a dead relay lasts longer than it was meant to."""
    ahead_s = [7200.0]
    monkeypatch.setattr("flock.db.outbox.utcnow", lambda: utcnow() + datetime.timedelta(seconds=ahead_s[0]))
    for key, payload in (("a", "a1"), ("a", "a2"), ("b", "b1")):
        put(outbox, key, payload)
    with outbox.db.writer() as conn:
        outbox.put_once(conn, key="held", kind="tell", payload="h1", due=utcnow() + datetime.timedelta(minutes=30))

    def away(_: Any) -> None:
        raise ConnectionError("peer away")

    policy = Policy(retry=Backoff(1.0, 5.0, jitter=0.0))
    dead = Relay(outbox, {"tell": away}, policy, keys=["a"])
    assert dead.deliver_due() == 1  # a1 waits now, and a2 behind it
    assert [message.payload for message in dead._take("b", utcnow() + datetime.timedelta(hours=2))] == ['"b1"']
    got: list[str] = []
    relay = Relay(outbox, {"tell": got.append}, policy, keys=["a", "b"])
    assert relay.deliver_due() == 0
    ahead_s[0] = 0.0
    assert Relay(outbox, {"tell": got.append}, policy, keys=["held"]).deliver_due() == 0
    assert Relay(outbox, {"tell": got.append}, policy)._due_keys(utcnow()) == ["a", "b"]
    assert relay.deliver_due() == 3
    assert got == ["a1", "a2", "b1"]


def test_a_lease_taken_a_moment_after_this_relay_read_the_time_counts(outbox: Outbox) -> None:
    put(outbox, "a", 1)
    now = utcnow()
    with outbox.db.writer() as conn:
        conn.execute(sa.update(TABLE).values(owner="another", lease_until=now + datetime.timedelta(seconds=60.5)))
    relay = Relay(outbox, {"tell": lambda payload: None}, Policy(lease_s=60))
    assert relay.deliver_due() == 0
