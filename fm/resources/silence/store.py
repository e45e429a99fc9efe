# SPDX-License-Identifier: Apache-2.0
"""SQL on silences. All reads ignore expired silences, even before their rows are deleted. Only fm-manager writes."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from flock.db.paging import as_dicts, keyset
from fm.core.filters import Filter, Match
from fm.core.silencing import Silence, Silences
from fm.db import conditions
from fm.db.hiding import in_force
from fm.db.tables import SILENCE

FILTER_FIELDS: Mapping[str, Match] = {
    "uuid": Match.EXACT, "alarm_id": Match.EXACT, "entity_instance_id": Match.SUBSTRING, "created_by": Match.EXACT}
SORT_KEYS = ("id", "created_at")


def listing(conn: Connection, *, filters: Sequence[Filter], sort: Sequence[tuple[str, bool]], marker: str | None,
            limit: int | None, now: datetime) -> list[dict[str, Any]]:
    """Silences in force; BadPage when the marker names none."""
    query = sa.select(SILENCE).where(in_force(now), *conditions.of_filters(filters, SILENCE.c))
    return keyset(conn, query, SILENCE, sort=sort, marker=marker, limit=limit)


def show(conn: Connection, uuid: str, now: datetime) -> dict[str, Any] | None:
    """One silence in force, or None."""
    rows = as_dicts(conn.execute(sa.select(SILENCE).where(SILENCE.c.uuid == uuid, in_force(now))))
    return rows[0] if rows else None


def silences(conn: Connection, now: datetime) -> Silences:
    """All silences in force, indexed for lookup."""
    return Silences(Silence(*row) for row in conn.execute(sa.select(
        SILENCE.c.uuid, SILENCE.c.alarm_id, SILENCE.c.entity_instance_id, SILENCE.c.expires_at).where(in_force(now))))


def number(conn: Connection, now: datetime) -> int:
    """How many silences are in force."""
    return int(conn.execute(sa.select(sa.func.count()).select_from(SILENCE).where(in_force(now))).scalar_one())


def insert(conn: Connection, uuid: str, values: Mapping[str, Any], now: datetime) -> None:
    """Store a new silence."""
    conn.execute(sa.insert(SILENCE).values(uuid=uuid, created_at=now, **values))


def change(conn: Connection, uuid: str, values: Mapping[str, Any], now: datetime) -> bool:
    """Change a silence in force; False when none has that uuid."""
    return conn.execute(sa.update(SILENCE).where(SILENCE.c.uuid == uuid, in_force(now))
                        .values(updated_at=now, **values)).rowcount == 1


def delete(conn: Connection, uuid: str, now: datetime) -> bool:
    """Delete a silence in force; False when none has that uuid."""
    return conn.execute(sa.delete(SILENCE).where(SILENCE.c.uuid == uuid, in_force(now))).rowcount == 1


def delete_expired(conn: Connection, now: datetime) -> int:
    """Delete expired silences; returns how many."""
    return int(conn.execute(sa.delete(SILENCE).where(SILENCE.c.expires_at <= now)).rowcount)


def next_end(conn: Connection) -> datetime | None:
    """The earliest expiry of all stored silences, which may have passed; None when none of them expires."""
    found: datetime | None = conn.execute(sa.select(sa.func.min(SILENCE.c.expires_at))).scalar()
    return found
