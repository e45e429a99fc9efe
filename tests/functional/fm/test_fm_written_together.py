# SPDX-License-Identifier: Apache-2.0
"""How many statements raises and clears cost on each engine: on PostgreSQL one to read and one to write."""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import event

from flock.db import Database
from fm.contract.rpc import FaultRequest
from fm.core.retention import Limits
from fm.db.tables import METADATA
from fm.manager.catalogue import synchronise
from fm.manager.writer import Settings, Writer
from fm.raiser import requests as make

SEVERITY = {"severity": "major"}
Counted = Callable[[list[FaultRequest]], int]


@pytest.fixture
def counted(database: Database) -> Counted:
    METADATA.create_all(database.engine)
    synchronise(database)
    writer = Writer(database, lambda: Settings(Limits(1_000_000)))
    writer.release_due()
    seen: list[str] = []

    def note(_conn: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        if not statement.startswith("BEGIN"):
            seen.append(statement)

    event.listen(database.engine, "before_cursor_execute", note)

    def apply(requests: list[FaultRequest]) -> int:
        seen.clear()
        assert [outcome.error for outcome in writer.apply(requests)] == [None] * len(requests)
        return len(seen)

    return apply


@pytest.mark.parametrize("many", [1, 2, 5, 500])
def test_raises_refreshes_and_clears(database: Database, counted: Counted, many: int) -> None:
    entities = [f"host=h{number}" for number in range(many)]
    inserts = 3 if database.is_sqlite else 1
    assert counted([make.alarm_request("100.103", entity, {}, SEVERITY) for entity in entities]) == 1 + inserts
    refresh = counted([make.alarm_request("100.103", entity, {}, SEVERITY) for entity in entities])
    assert refresh == 3
    clears = counted([make.clear_request("100.103", entity, {}, True) for entity in entities])
    assert clears == 2 + (2 if database.is_sqlite else 1)
