# SPDX-License-Identifier: Apache-2.0
"""A message that its receiver refuses for good is kept, holds up nothing, and can be retried or dropped."""
from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from flock.core.backoff import Backoff
from flock.core.errors import DeadlineExceeded, InvalidInput, RemoteError, StaleWrite, Unavailable
from flock.db import Database, deadletters, metadata, utcnow
from flock.db.outbox import ERRORS_MAX, REFUSALS_MAX, Outbox, Policy, Relay, attempts_for, outbox_table
from flock.rpc.errors import Undecodable, VersionMismatch

METADATA = metadata()
TABLE = outbox_table(METADATA, "outbox")
NO_PAUSE = Policy(retry=Backoff(0.0, 0.0, jitter=0.0))


@pytest.fixture
def outbox(database: Database) -> Outbox:
    METADATA.create_all(database.engine)
    return Outbox(database, TABLE)


def put(outbox: Outbox, *payloads: Any) -> None:
    with outbox.db.writer() as conn:
        for payload in payloads:
            outbox.put(conn, key="host", kind="tell", payload=payload)


class Receiver:
    """Refuses what ``refusal`` says, and remembers the rest."""

    def __init__(self, refusal: Callable[[Any], Exception | None]) -> None:
        self.refusal, self.got, self.asked = refusal, [], 0

    def __call__(self, payload: Any) -> None:
        self.asked += 1
        if (error := self.refusal(payload)) is not None:
            raise error
        self.got.append(payload)


def too_long(payload: Any) -> Exception | None:
    return InvalidInput(field="name", rule="is too long") if len(str(payload)) > 255 else None


def test_a_refused_message_holds_up_no_other_and_is_kept_with_its_reason(outbox: Outbox) -> None:
    receiver = Receiver(too_long)
    relay = Relay(outbox, {"tell": receiver}, NO_PAUSE)
    put(outbox, "first", "x" * 256, "last")
    for _ in range(REFUSALS_MAX):
        relay.deliver_due()
    assert receiver.got == ["first", "last"] and receiver.asked == 2 + REFUSALS_MAX
    (letter,) = deadletters.found(outbox.db, TABLE)
    assert (letter.key, letter.kind, json.loads(letter.payload)) == ("host", "tell", "x" * 256)
    assert letter.attempts == REFUSALS_MAX and letter.reason == "Invalid input for name: is too long"
    assert relay.backlog() == 0 and outbox.waiting(["host"])["host"][0] == 0
    relay.deliver_due()
    assert receiver.asked == 2 + REFUSALS_MAX, "it is not tried again"


def test_a_receiver_that_is_away_makes_no_dead_letter(outbox: Outbox) -> None:
    for error in (Unavailable(service="a", reason="b"), DeadlineExceeded(what="a", timeout_s=1), OSError("no disk"),
                  StaleWrite(resource="a", id="b"), VersionMismatch(detail="a"), Undecodable(field="a", rule="b")):
        assert attempts_for(error) == math.inf, error
    assert attempts_for(RemoteError(detail="crashed")) == attempts_for(KeyError("a")) == ERRORS_MAX
    relay = Relay(outbox, {"tell": Receiver(lambda _: Unavailable(service="a", reason="b"))}, NO_PAUSE)
    put(outbox, "first", "last")
    for _ in range(3 * ERRORS_MAX):
        relay.deliver_due()
    assert deadletters.found(outbox.db, TABLE) == [] and relay.backlog() == 2


@pytest.mark.parametrize("damage", [{"payload": "{torn"}, {"kind": "of the future"}])
def test_what_no_handler_can_read_becomes_a_dead_letter(outbox: Outbox, damage: dict[str, str]) -> None:
    receiver = Receiver(lambda _: None)
    relay = Relay(outbox, {"tell": receiver}, NO_PAUSE)
    put(outbox, "first", "last")
    with outbox.db.writer() as conn:
        conn.execute(sa.update(TABLE).where(TABLE.c.id == 1).values(
            {name: sa.literal(value, sa.Text) for name, value in damage.items()}))
    for _ in range(ERRORS_MAX):
        relay.deliver_due()
    assert receiver.got == ["last"]
    (letter,) = deadletters.found(outbox.db, TABLE)
    assert letter.attempts == ERRORS_MAX and damage.items() <= {"payload": letter.payload, "kind": letter.kind}.items()


def test_a_retried_dead_letter_is_delivered_once_and_a_dropped_one_is_gone(outbox: Outbox) -> None:
    receiver = Receiver(too_long)
    relay = Relay(outbox, {"tell": receiver}, NO_PAUSE)
    put(outbox, "a" * 300, "b" * 300)
    for _ in range(2 * REFUSALS_MAX):
        relay.deliver_due()
    first, second = deadletters.found(outbox.db, TABLE)
    receiver.refusal = lambda _: None
    assert deadletters.retry(outbox.db, TABLE, [first.id, 4711]) == 1
    relay.deliver_due()
    relay.deliver_due()
    assert receiver.got == ["a" * 300] and deadletters.found(outbox.db, TABLE) == [second]
    assert deadletters.drop(outbox.db, TABLE, [second.id]) == 1 and deadletters.found(outbox.db, TABLE) == []


def test_only_dead_letters_can_be_retried_or_dropped(outbox: Outbox) -> None:
    put(outbox, "waits")
    assert deadletters.retry(outbox.db, TABLE, [1]) == deadletters.drop(outbox.db, TABLE, [1]) == 0


def test_their_number_is_limited(outbox: Outbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deadletters, "KEPT_MAX", 3)
    relay = Relay(outbox, {"tell": Receiver(too_long)}, NO_PAUSE)
    put(outbox, *(str(number) * 300 for number in range(5)))
    put(outbox, "waits")
    for _ in range(6 * REFUSALS_MAX):
        relay.deliver_due()
    assert [json.loads(letter.payload)[0] for letter in deadletters.found(outbox.db, TABLE)] == ["2", "3", "4"]


def test_limits_of_waiting_messages_leave_dead_letters_alone(outbox: Outbox) -> None:
    put(outbox, "dead", "one", "two", "three")
    with outbox.db.writer() as conn:
        deadletters.bury(conn, TABLE, 1, 5, "no\x00good")
        outbox.put_once(conn, key="other", kind="tell", payload="again", due=utcnow())
    assert outbox.drop_beyond(["host"], 2) == {"host": 1}
    (letter,) = deadletters.found(outbox.db, TABLE)
    assert letter.reason == "no\\x00good"
    with outbox.db.writer() as conn:
        deadletters.bury(conn, TABLE, 5, 5, "refused")
        outbox.put_once(conn, key="other", kind="tell", payload="again", due=utcnow())
    assert outbox.waiting(["other"])["other"][0] == 1, "a dead letter does not stand for a new message"


def test_the_command_lists_retries_and_drops(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "made.sqlite"
    db = Database(f"sqlite:///{path}")
    METADATA.create_all(db.engine)
    outbox = Outbox(db, TABLE)
    put(outbox, "first", "second")
    with db.writer() as conn:
        deadletters.bury(conn, TABLE, 1, 5, "is too long")
        deadletters.bury(conn, TABLE, 2, 5, "is too long")
    conf = tmp_path / "made.conf"
    conf.write_text(f"[database]\nconnection = sqlite:///{path}\n")

    def run(*words: str) -> tuple[int, str]:
        code = deadletters.main("mtce", TABLE, ["--config-file", str(conf), *words])
        return code, capsys.readouterr().out

    code, out = run("list")
    assert code == 0
    assert [(row["id"], row["key"], row["reason"]) for row in map(json.loads, out.splitlines())] == [
        (1, "host", "is too long"), (2, "host", "is too long")]
    assert run("retry", "1") == (0, "retry: 1 of 1\n")
    assert run("drop", "1", "2") == (1, "drop: 1 of 2\n")
    assert [letter.id for letter in deadletters.found(db, TABLE)] == []
    with pytest.raises(SystemExit):
        run("drop")
    db.dispose()
