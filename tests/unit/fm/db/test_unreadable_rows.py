# SPDX-License-Identifier: Apache-2.0
"""Stored values that cannot be read cost their own row at most."""
from __future__ import annotations

import pytest
import sqlalchemy as sa

from flock.db import Database, new_uuid, utcnow
from flock.db.paging import rows
from flock.db.schema import NO_TIME
from fm.db.tables import METADATA, SILENCE


@pytest.fixture
def stored(database: Database) -> Database:
    METADATA.create_all(database.engine)
    with database.writer() as conn:
        conn.execute(sa.insert(SILENCE), [
            {"uuid": new_uuid(), "alarm_id": f"100.10{number}", "comment": "", "created_by": "", "created_at": utcnow()}
            for number in range(3)])
    return database


def damage(database: Database, statement: str) -> None:
    with database.writer() as conn:
        conn.execute(sa.text(statement))


def test_a_time_that_is_none_reads_as_no_time(stored: Database) -> None:
    damage(stored, "UPDATE silence SET expires_at = 'tomorrow' WHERE alarm_id = '100.101'")
    with stored.reader() as conn:
        found = rows(conn, sa.select(SILENCE).order_by(SILENCE.c.id), SILENCE.c.id)
    assert [row["expires_at"] for row in found] == [None, NO_TIME, None]


def test_a_row_that_cannot_be_read_is_left_out(stored: Database, caplog: pytest.LogCaptureFixture) -> None:
    damage(stored, "UPDATE silence SET comment = CAST(X'fffe' AS TEXT) WHERE alarm_id = '100.101'")
    query = sa.select(SILENCE).where(SILENCE.c.created_by == "").order_by(SILENCE.c.id.desc()).limit(3)
    with stored.reader() as conn:
        found = rows(conn, query, SILENCE.c.id)
    assert [row["alarm_id"] for row in found] == ["100.102", "100.100"]
    assert "row 2 of silence cannot be read and is left out" in caplog.text


def test_what_is_wrong_with_the_query_is_told(stored: Database) -> None:
    with stored.reader() as conn, pytest.raises(Exception, match="nothing"):
        rows(conn, sa.select(sa.text("nothing")).select_from(SILENCE), SILENCE.c.id)
