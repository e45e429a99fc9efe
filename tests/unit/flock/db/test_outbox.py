# SPDX-License-Identifier: Apache-2.0
"""The outbox delivers each message, in order per key, and a failing key blocks no other."""
from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa

from flock.db import Database, metadata, utcnow
from flock.db.outbox import Outbox, Relay, outbox_table

METADATA = metadata()
TABLE = outbox_table(METADATA, "outbox")


@pytest.fixture
def outbox(database: Database) -> Outbox:
    METADATA.create_all(database.engine)
    return Outbox(database, TABLE)


def put(outbox: Outbox, key: str, payload: Any, kind: str = "tell") -> None:
    with outbox.db.writer() as conn:
        outbox.put(conn, key=key, kind=kind, payload=payload)


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

    relay = Relay(outbox, {"tell": handler}, retry_min_s=0.05)
    for payload in ("a1", "b1", "a2", "b2"):
        put(outbox, payload[0], payload)
    relay.deliver_due()
    assert got == ["b1", "b2"]
    relay.deliver_due()
    assert got == ["b1", "b2"], "a2 must wait behind a1"
    broken.clear()
    time.sleep(0.06)  # longer than the pause
    relay.deliver_due()
    assert got == ["b1", "b2", "a1", "a2"]


def test_backoff_doubles_up_to_the_cap(outbox: Outbox) -> None:
    def refuse(_payload: Any) -> None:
        raise ConnectionError("peer away")

    relay = Relay(outbox, {"tell": refuse}, retry_min_s=10, retry_max_s=35)
    put(outbox, "a", 1)
    delays = []
    for _ in range(4):
        before = time.time()
        relay.deliver_due()
        with outbox.db.reader() as conn:
            row = conn.execute(sa.select(TABLE)).one()
        delays.append(round(row.next_try_at.timestamp() - before))
        assert row.last_error == "peer away"
        assert row.owner is None
        with outbox.db.writer() as conn:
            conn.execute(sa.update(TABLE).values(next_try_at=row.created_at))
    assert delays == [10, 20, 35, 35]


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
    relay = Relay(outbox, {"tell": told.append}, retry_min_s=0.0)
    assert relay.deliver_due() == 2 and told == ["well"]
    assert relay.deliver_due() == 1 and relay.backlog() == 1
    with outbox.db.reader() as conn:
        assert conn.execute(sa.select(outbox.table.c.attempts)).scalar_one() == 2


def test_nudge_delivers_at_once_and_stop_is_bounded(outbox: Outbox) -> None:
    got: list[Any] = []
    relay = Relay(outbox, {"tell": got.append}, poll_s=60)
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
    relays = [Relay(outbox, {"tell": handler}, batch_max=5, poll_s=0.05) for _ in range(2)]
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
    dead = Relay(outbox, {"tell": lambda payload: None}, lease_s=0.2)
    put(outbox, "a", 1)
    assert [message.payload for message in dead._claim(utcnow())] == ["1"]
    got: list[Any] = []
    heir = Relay(outbox, {"tell": got.append})
    assert heir.deliver_due() == 0
    time.sleep(0.25)  # longer than the lease
    assert heir.deliver_due() == 1
    assert got == [1]


def test_same_owner_goes_on_at_once_after_a_crash(outbox: Outbox) -> None:
    first = Relay(outbox, {"tell": lambda payload: None}, owner="manager")
    put(outbox, "a", 1)
    assert first._claim(utcnow())
    got: list[Any] = []
    assert Relay(outbox, {"tell": got.append}, owner="manager").deliver_due() == 1
    assert got == [1]
