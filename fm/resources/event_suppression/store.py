# SPDX-License-Identifier: Apache-2.0
"""SQL on suppression entries, one per alarm id of the catalogue. Only the manager and fm-dbsync write."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from flock.db.paging import as_dicts, keyset
from fm.contract.enums import AlarmState, SuppressionStatus
from fm.core.filters import Filter, Match
from fm.core.suppression import SuppressionRow, SyncPlan
from fm.db import conditions
from fm.db.tables import ALARM, EVENT_LOG, EVENT_SUPPRESSION, HELD_CHANGE

TABLE = EVENT_SUPPRESSION
SORT_KEYS = ("id", "alarm_id")
BY_ALARM_ID = (("alarm_id", False),)
FILTER_FIELDS: Mapping[str, Match] = {
    "uuid": Match.EXACT, "alarm_id": Match.EXACT, "description": Match.EXACT, "suppression_status": Match.EXACT}


def listing(conn: Connection, *, filters: Sequence[Filter], sort: Sequence[tuple[str, bool]] = BY_ALARM_ID,
            marker: str | None, limit: int | None) -> list[dict[str, Any]]:
    """Entries that are not marked for deletion; BadPage when the marker names none."""
    query = sa.select(TABLE).where(TABLE.c.set_for_deletion.is_(False), *conditions.of_filters(filters, TABLE.c))
    return keyset(conn, query, TABLE, sort=sort, marker=marker, limit=limit)


def show(conn: Connection, uuid: str) -> dict[str, Any] | None:
    """One entry, even if it is marked for deletion; None when there is none."""
    rows = as_dicts(conn.execute(sa.select(TABLE).where(TABLE.c.uuid == uuid)))
    return rows[0] if rows else None


def set_status(conn: Connection, uuid: str, status: SuppressionStatus, now: datetime) -> str | None:
    """Store the operator's status; returns the alarm id, None when there is no such entry."""
    # Update before the read: an entry deleted meanwhile is then reported as missing, not as changed.
    conn.execute(sa.update(TABLE).where(TABLE.c.uuid == uuid).values(suppression_status=status.value, updated_at=now))
    alarm_id: str | None = conn.execute(sa.select(TABLE.c.alarm_id).where(TABLE.c.uuid == uuid)).scalar()
    return alarm_id


def stored_rows(conn: Connection) -> list[SuppressionRow]:
    """All entries, for the comparison with the catalogue."""
    return [SuppressionRow(*row) for row in conn.execute(sa.select(
        TABLE.c.alarm_id, TABLE.c.description, TABLE.c.mgmt_affecting, TABLE.c.degrade_affecting,
        TABLE.c.set_for_deletion))]


def ids_in_use(conn: Connection) -> set[str]:
    """Ids of active alarms, of held raises, and of set and clear events."""
    used = set(conn.execute(sa.select(ALARM.c.alarm_id).distinct()).scalars())
    used.update(conn.execute(sa.select(HELD_CHANGE.c.alarm_id).distinct()).scalars())
    used.update(conn.execute(sa.select(EVENT_LOG.c.event_log_id)
                             .where(EVENT_LOG.c.state != AlarmState.LOG.value).distinct()).scalars())
    return used


def apply_sync(conn: Connection, plan: SyncPlan, now: datetime) -> None:
    """Store the plan of ``plan_sync``. Keeps the operator's status of existing entries; unsuppresses marked ones."""
    if plan.inserted:
        conn.execute(sa.insert(TABLE), [
            _values(row) | {"suppression_status": SuppressionStatus.UNSUPPRESSED.value} for row in plan.inserted])
    if plan.refreshed:
        names = ("description", "mgmt_affecting", "degrade_affecting", "set_for_deletion")
        statement = sa.update(TABLE).where(TABLE.c.alarm_id == sa.bindparam("which")).values(
            {name: sa.bindparam(f"new_{name}") for name in names} | {"updated_at": now})
        conn.execute(statement, [{"which": row.alarm_id} | {f"new_{name}": getattr(row, name) for name in names}
                                 for row in plan.refreshed])
    if plan.marked:
        conn.execute(sa.update(TABLE).where(TABLE.c.alarm_id.in_(plan.marked)).values(
            set_for_deletion=True, suppression_status=SuppressionStatus.UNSUPPRESSED.value, updated_at=now))
    if plan.deleted:
        conn.execute(sa.delete(TABLE).where(TABLE.c.alarm_id.in_(plan.deleted)))


def _values(row: SuppressionRow) -> dict[str, object]:
    return {"alarm_id": row.alarm_id, "description": row.description, "mgmt_affecting": row.mgmt_affecting,
            "degrade_affecting": row.degrade_affecting, "set_for_deletion": row.set_for_deletion}
