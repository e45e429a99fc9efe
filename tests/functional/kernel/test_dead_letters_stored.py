# SPDX-License-Identifier: Apache-2.0
"""Dead letters on SQLite and PostgreSQL: kept in order of their messages, limited, retried and dropped."""
from __future__ import annotations

import json
from typing import Any

import pytest

from flock.core.backoff import Backoff
from flock.core.errors import InvalidInput
from flock.db import Database, deadletters, metadata
from flock.db.outbox import REFUSALS_MAX, Outbox, Policy, Relay, outbox_table

METADATA = metadata()
TABLE = outbox_table(METADATA, "outbox")


@pytest.mark.parametrize("lease_s", [120.0, None])
def test_what_is_refused_is_kept_and_the_rest_is_delivered(
        database: Database, monkeypatch: pytest.MonkeyPatch, lease_s: float | None) -> None:
    monkeypatch.setattr(deadletters, "KEPT_MAX", 3)
    METADATA.create_all(database.engine)
    outbox, got, refuses = Outbox(database, TABLE), [], [True]

    def deliver(payload: Any) -> None:
        if refuses[0] and payload % 2:
            raise InvalidInput(field="name", rule="must not contain \x00, 漢 or " + "x" * 300)
        got.append(payload)

    with database.writer() as conn:
        outbox.put_all(conn, [(f"host-{number % 3}", "tell", number) for number in range(12)])
    keys = None if lease_s else ("host-0", "host-1", "host-2")
    relay = Relay(outbox, {"tell": deliver}, Policy(retry=Backoff(0.0, 0.0, jitter=0.0), lease_s=lease_s), keys=keys)
    for _ in range(8 * REFUSALS_MAX):
        relay.deliver_due()
    assert sorted(got) == [0, 2, 4, 6, 8, 10] and relay.backlog() == 0
    letters = deadletters.found(database, TABLE)
    assert [json.loads(letter.payload) for letter in letters] == [7, 9, 11]
    assert all(len(letter.reason) == deadletters.REASON_MAX and "\\x00, 漢" in letter.reason for letter in letters)
    refuses[0] = False
    assert deadletters.retry(database, TABLE, [letters[0].id, letters[1].id]) == 2
    relay.deliver_due()
    assert sorted(got) == [0, 2, 4, 6, 7, 8, 9, 10]
    assert deadletters.drop(database, TABLE, [letter.id for letter in letters]) == 1
    assert deadletters.found(database, TABLE) == []
