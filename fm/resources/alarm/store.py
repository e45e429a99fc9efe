# SPDX-License-Identifier: Apache-2.0
"""SQL on active alarms. Reads answer the API; ``apply_change`` is used by the manager alone."""
from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, RowMapping

from fm.contract.enums import AlarmType, Severity, SuppressionStatus
from fm.core.batch import Touched
from fm.core.filters import Filter, Match
from fm.core.ledger import NetChange
from fm.core.records import Alarm
from fm.db import conditions
from fm.db.paging import Order, after, as_dicts, order_by
from fm.db.tables import ALARM, EVENT_LOG, EVENT_SUPPRESSION, HELD_CHANGE

CHUNK = 100
FILTER_FIELDS: Mapping[str, Match] = {
    "uuid": Match.SUBSTRING, "alarm_id": Match.SUBSTRING, "entity_type_id": Match.SUBSTRING,
    "entity_instance_id": Match.SUBSTRING, "severity": Match.SEVERITY, "alarm_type": Match.SUBSTRING}
SORT_KEYS = ("id", "uuid", "alarm_id", "entity_type_id", "entity_instance_id", "timestamp", "severity", "alarm_type",
             "probable_cause", "created_at")
_FIELDS = [field.name for field in fields(Alarm)]
_UPDATABLE = [name for name in _FIELDS if name not in ("uuid", "alarm_id", "entity_instance_id", "created_at")]
_INHIBITOR = ALARM.alias("inhibitor")
_JOINED = ALARM.join(EVENT_SUPPRESSION, ALARM.c.alarm_id == EVENT_SUPPRESSION.c.alarm_id)
_WIRE = sa.select(
    ALARM, EVENT_SUPPRESSION.c.suppression_status, EVENT_SUPPRESSION.c.mgmt_affecting.label("mgmt_threshold"),
    EVENT_SUPPRESSION.c.degrade_affecting.label("degrade_threshold")).select_from(_JOINED)


def not_masked(conn: Connection) -> sa.ColumnElement[bool]:
    """Alarms that no other, inhibiting alarm on the same or a containing entity hides.

    Inhibiting alarms (locked hosts) are few as a rule: they are read first and named in the condition, because a join
    on containment compares every alarm with every other one.
    """
    few = conn.execute(sa.select(ALARM.c.id, ALARM.c.entity_instance_id).where(ALARM.c.inhibit_alarms.is_(True))
                       .limit(CHUNK + 1)).all()
    if not few:
        return sa.true()
    if len(few) <= CHUNK:
        hidden = sa.or_(*(sa.and_(ALARM.c.id != ident, conditions.within(ALARM.c.entity_instance_id, entity))
                          for ident, entity in few))
        return sa.or_(ALARM.c.suppression.is_(False), ~hidden)
    inhibited = sa.exists().where(
        _INHIBITOR.c.inhibit_alarms.is_(True), _INHIBITOR.c.id != ALARM.c.id,
        conditions.contains_column(_INHIBITOR.c.entity_instance_id, ALARM.c.entity_instance_id))
    return sa.or_(ALARM.c.suppression.is_(False), ~inhibited)


def not_suppressed() -> sa.ColumnElement[bool]:
    """Alarms whose id the operator does not hide."""
    return EVENT_SUPPRESSION.c.suppression_status != SuppressionStatus.SUPPRESSED.value


def listing(conn: Connection, *, filters: Sequence[Filter], include_suppress: bool, sort: Sequence[tuple[str, bool]],
            marker: str | None, limit: int) -> list[dict[str, Any]] | None:
    """One page of visible alarms in wire columns; None when the marker is not an active alarm any more.

    ``sort`` are (column, descending) pairs; id is added to make the order total.
    """
    orders = [Order(ALARM.c[name], descending) for name, descending in (*sort, ("id", sort[0][1] if sort else False))]
    query = _WIRE.where(not_masked(conn), *conditions.of_filters(filters, ALARM.c))
    if not include_suppress:
        query = query.where(not_suppressed())
    if marker is not None:
        row = conn.execute(sa.select(*(order.column for order in orders)).where(ALARM.c.uuid == marker)).first()
        if row is None:
            return None
        query = query.where(after(orders, row))
    return as_dicts(conn.execute(query.order_by(*order_by(orders)).limit(limit)))


def count(conn: Connection, *, filters: Sequence[Filter], include_suppress: bool) -> int:
    """How many alarms ``listing`` would give without a limit."""
    query = sa.select(sa.func.count()).select_from(_JOINED).where(
        not_masked(conn), *conditions.of_filters(filters, ALARM.c))
    if not include_suppress:
        query = query.where(not_suppressed())
    return int(conn.execute(query).scalar_one())


def show(conn: Connection, uuid: str) -> tuple[dict[str, Any], bool] | None:
    """One alarm in wire columns and whether it is masked; None when it is not active."""
    rows = as_dicts(conn.execute(_WIRE.add_columns(not_masked(conn).label("shown")).where(ALARM.c.uuid == uuid)))
    return (rows[0], not rows[0]["shown"]) if rows else None


def counts(conn: Connection, *, include_suppress: bool) -> dict[str, int]:
    """Visible alarms per severity."""
    query = sa.select(ALARM.c.severity, sa.func.count()).select_from(_JOINED).where(not_masked(conn))
    if not include_suppress:
        query = query.where(not_suppressed())
    return {severity: number for severity, number in conn.execute(query.group_by(ALARM.c.severity))}


def counts_by_group(conn: Connection) -> dict[tuple[str, str], int]:
    """All active alarms per severity and group (the first three digits of the id)."""
    group = sa.func.substr(ALARM.c.alarm_id, 1, 3)
    query = sa.select(ALARM.c.severity, group, sa.func.count()).group_by(ALARM.c.severity, group)
    return {(severity, name): number for severity, name, number in conn.execute(query)}


def active(conn: Connection, *, alarm_id: str | None, entity: str | None, below: bool) -> list[Alarm]:
    """Active alarms by id and/or entity for raisers: neither suppression nor masking hides any."""
    query = _active(alarm_id, entity, below)
    return [_alarm(row) for row in conn.execute(query.order_by(ALARM.c.id)).mappings()]


def active_page(conn: Connection, *, alarm_id: str | None, entity: str | None, below: bool, after: int,
                limit: int) -> tuple[list[Alarm], int | None]:
    """As ``active``: the first ``limit`` alarms behind row ``after``, and behind which row to go on (None: no more)."""
    rows = conn.execute(_active(alarm_id, entity, below).where(ALARM.c.id > after).order_by(ALARM.c.id)
                        .limit(limit + 1)).mappings().all()
    page = rows[:limit]
    return [_alarm(row) for row in page], page[-1]["id"] if len(rows) > limit else None


def _active(alarm_id: str | None, entity: str | None, below: bool) -> sa.Select[Any]:
    query = sa.select(ALARM)
    if alarm_id is not None:
        query = query.where(ALARM.c.alarm_id == alarm_id)
    if entity is not None:
        column = ALARM.c.entity_instance_id
        query = query.where(conditions.within(column, entity) if below else column == entity)
    return query


def by_uuids(conn: Connection, uuids: Iterable[str]) -> list[Alarm]:
    """Active alarms with these uuids."""
    return [_alarm(row) for part in _chunks(uuids)
            for row in conn.execute(sa.select(ALARM).where(ALARM.c.uuid.in_(part))).mappings()]


def touched_alarms(conn: Connection, touched: Touched) -> list[Alarm]:
    """Every active alarm that a batch touching ``touched`` may read or change."""
    found: dict[str, Alarm] = {}
    column = ALARM.c.entity_instance_id
    queries: list[sa.ColumnElement[bool]] = [column.in_(part) for part in _chunks(touched.entities)]
    queries += [sa.or_(*(conditions.within(column, entity) for entity in part)) for part in _chunks(touched.below)]
    for condition in queries:
        for row in conn.execute(sa.select(ALARM).where(condition)).mappings():
            found[row["uuid"]] = _alarm(row)
    return list(found.values())


def used_uuids(conn: Connection, uuids: Iterable[str]) -> set[str]:
    """Those of ``uuids`` that an alarm, a held raise or an event has already."""
    used: set[str] = set()
    for part in _chunks(uuids):
        for table in (ALARM, EVENT_LOG, HELD_CHANGE):
            used.update(conn.execute(sa.select(table.c.uuid).where(table.c.uuid.in_(part))).scalars())
    return used


def apply_change(conn: Connection, change: NetChange, now: datetime) -> None:
    """Store the net change of a batch: one statement per kind of change."""
    for part in _chunks(change.deleted):
        conn.execute(sa.delete(ALARM).where(ALARM.c.uuid.in_(part)))
    if change.updated:
        statement = sa.update(ALARM).where(ALARM.c.uuid == sa.bindparam("which")).values(
            {name: sa.bindparam(f"new_{name}") for name in _UPDATABLE} | {"updated_at": now})
        conn.execute(statement, [{"which": alarm.uuid} | {f"new_{name}": getattr(alarm, name) for name in _UPDATABLE}
                                 for alarm in change.updated])
    if change.inserted:
        conn.execute(sa.insert(ALARM), [{name: getattr(alarm, name) for name in _FIELDS} for alarm in change.inserted])


def _alarm(row: RowMapping) -> Alarm:
    values: dict[str, Any] = {name: row[name] for name in _FIELDS}
    return Alarm(**values | {"severity": Severity(row["severity"]), "alarm_type": AlarmType(row["alarm_type"])})


def _chunks(items: Iterable[str]) -> Iterable[list[str]]:
    ordered = sorted(items)
    return (ordered[start:start + CHUNK] for start in range(0, len(ordered), CHUNK))
