# SPDX-License-Identifier: Apache-2.0
"""SQL on active alarms. Only fm-manager uses ``apply_change`` and ``new_rows``."""
from __future__ import annotations

import functools
import operator
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, RowMapping

from flock.db import utcnow
from flock.db.inserts import Insertion, NewRows
from flock.db.paging import keyset, rows
from fm.contract.enums import AlarmType, Severity, SuppressionStatus
from fm.core.filters import Filter, Match
from fm.core.ledger import NetChange
from fm.core.records import Alarm, HeldKind
from fm.db import conditions, hiding
from fm.db.hiding import Hiding
from fm.db.tables import ALARM, EVENT_LOG, EVENT_SUPPRESSION, HELD_CHANGE, SILENCE

# Most uuids and most names in one statement.
CHUNK, NAMES_MAX = 100, 1000
FILTER_FIELDS: Mapping[str, Match] = {
    "uuid": Match.SUBSTRING, "alarm_id": Match.SUBSTRING, "entity_type_id": Match.SUBSTRING,
    "entity_instance_id": Match.SUBSTRING, "severity": Match.SEVERITY, "alarm_type": Match.SUBSTRING}
SORT_KEYS = ("id", "uuid", "alarm_id", "entity_type_id", "entity_instance_id", "timestamp", "severity", "alarm_type",
             "probable_cause", "created_at")
_FIELDS = [field.name for field in fields(Alarm)]
GROUP = sa.func.substr(ALARM.c.alarm_id, 1, 3)
ENTITY = ALARM.c.entity_instance_id
_SEVERITIES = {severity.value: severity for severity in Severity}
_TYPES = {kind.value: kind for kind in AlarmType}
_SEEN = [column for column in ALARM.c if column.name not in (
    "created_at", "updated_at", "ack_user", "ack_comment", "ack_at", "last_refreshed", "time_to_live_s", "flapping")]
_JOINED = ALARM.join(EVENT_SUPPRESSION, ALARM.c.alarm_id == EVENT_SUPPRESSION.c.alarm_id)
_STATUS = EVENT_SUPPRESSION.c.suppression_status
_MARK = sa.select(
    sa.select(sa.func.max(EVENT_LOG.c.id)).scalar_subquery(),
    *(sa.select(sa.func.max(table.c.updated_at)).scalar_subquery() for table in (EVENT_SUPPRESSION, SILENCE)),
    *(sa.select(function(SILENCE.c.id)).scalar_subquery() for function in (sa.func.count, sa.func.max)))
_SUPPRESSED = SuppressionStatus.SUPPRESSED.value
# Statements that each raise or clear needs are built once, because building one costs more than running it.
_DELETE = sa.delete(ALARM).where(ALARM.c.uuid.in_(sa.bindparam("uuids", expanding=True)))
_values = operator.attrgetter(*_FIELDS)
_INSERTION = Insertion(ALARM, _FIELDS)
_BELOW = sa.bindparam("entity", type_=sa.String)
_NUMBER_BELOW = sa.select(
    sa.select(sa.func.count()).select_from(ALARM).where(conditions.within(ENTITY, _BELOW)).scalar_subquery()
    + sa.select(sa.func.count()).select_from(HELD_CHANGE).where(
        HELD_CHANGE.c.kind == HeldKind.RAISE.value,
        conditions.within(HELD_CHANGE.c.entity_instance_id, _BELOW)).scalar_subquery())


def listing(conn: Connection, *, filters: Sequence[Filter], include_suppress: bool, sort: Sequence[tuple[str, bool]],
            marker: str | None, limit: int | None, now: datetime | None = None,
            full: bool = True) -> list[dict[str, Any]]:
    """One page of visible alarms in wire columns; BadPage when the marker is no longer an active alarm.

    ``sort`` are (column, descending) pairs for ``flock.db.paging.keyset``. A silenced alarm counts as suppressed;
    silences that end after ``now`` (default: the current time) are in force. Without ``full`` the rows have only the
    columns that clients see by default.
    """
    hides = hiding.read(conn, now or utcnow())
    query = _wire(hides, full).where(*_visible(hides, include_suppress), *conditions.of_filters(filters, ALARM.c))
    return keyset(conn, query, ALARM, sort=sort, marker=marker, limit=limit)


def count(conn: Connection, *, filters: Sequence[Filter], include_suppress: bool, now: datetime | None = None) -> int:
    """How many alarms ``listing`` returns without a limit."""
    hides = hiding.read(conn, now or utcnow())
    query = sa.select(sa.func.count()).select_from(_JOINED).where(
        *_visible(hides, include_suppress), *conditions.of_filters(filters, ALARM.c))
    return int(conn.execute(query).scalar_one())


def show(conn: Connection, uuid: str, now: datetime | None = None) -> tuple[dict[str, Any], bool] | None:
    """One alarm in wire columns and whether it is masked; None when it is not active."""
    hides = hiding.read(conn, now or utcnow())
    query = _wire(hides).add_columns(hides.not_masked().label("shown")).where(ALARM.c.uuid == uuid)
    found = rows(conn, query, ALARM.c.id)
    return (found[0], not found[0]["shown"]) if found else None


def counts(conn: Connection, *, include_suppress: bool, now: datetime | None = None) -> dict[str, int]:
    """Number of visible alarms by severity."""
    hides = hiding.read(conn, now or utcnow())
    query = sa.select(ALARM.c.severity, sa.func.count()).select_from(_JOINED).where(
        *_visible(hides, include_suppress)).group_by(ALARM.c.severity)
    return {severity: number for severity, number in conn.execute(query)}


def counts_by(conn: Connection, part: sa.ColumnElement[str], *, include_suppress: bool,
              now: datetime | None = None) -> list[tuple[str, str, int]]:
    """(value of ``part``, severity, number of visible alarms); ``part`` is ``GROUP`` or ``ENTITY``."""
    hides = hiding.read(conn, now or utcnow())
    query = sa.select(part, ALARM.c.severity, sa.func.count()).select_from(_JOINED).where(
        *_visible(hides, include_suppress)).group_by(part, ALARM.c.severity)
    return [(value, severity, number) for value, severity, number in conn.execute(query)]


def mark(conn: Connection) -> tuple[Any, ...]:
    """A value that differs after each change of the summary: each change of a count writes an event, and each change
    of suppressions and silences stores its time. The expiry of a silence alone does not change it."""
    return tuple(conn.execute(_MARK).one())


def refreshed(conn: Connection, alarm_ids: Collection[str]) -> list[tuple[str, int, datetime]]:
    """(alarm id, time to live, last refreshed) of the alarms that have a time to live or one of the ids."""
    return [(ident, ttl_s, moment) for ident, ttl_s, moment in conn.execute(
        sa.select(ALARM.c.alarm_id, ALARM.c.time_to_live_s, ALARM.c.last_refreshed).where(
            sa.or_(ALARM.c.time_to_live_s > 0, ALARM.c.alarm_id.in_(sorted(alarm_ids)))))]


def _visible(hides: Hiding, include_suppress: bool) -> list[sa.ColumnElement[bool]]:
    found = [hides.not_masked()]
    if not include_suppress:
        found.append(_STATUS != _SUPPRESSED)
        silenced = hides.alarm_silenced()
        if silenced is not None:
            found.append(~silenced)
    return found


def _wire(hides: Hiding, full: bool = True) -> sa.Select[Any]:
    silenced = hides.alarm_silenced()
    status = _STATUS if silenced is None else sa.case((silenced, _SUPPRESSED), else_=_STATUS)
    return sa.select(
        *(ALARM.c if full else _SEEN), status.label("suppression_status"),
        EVENT_SUPPRESSION.c.mgmt_affecting.label("mgmt_threshold"),
        EVENT_SUPPRESSION.c.degrade_affecting.label("degrade_threshold")).select_from(_JOINED)


def counts_by_group(conn: Connection) -> dict[tuple[str, str], int]:
    """All active alarms per severity and group (the first three digits of the id)."""
    query = sa.select(ALARM.c.severity, GROUP, sa.func.count()).group_by(ALARM.c.severity, GROUP)
    return {(severity, name): number for severity, name, number in conn.execute(query)}


def active(conn: Connection, *, alarm_id: str | None, entity: str | None, below: bool) -> list[Alarm]:
    """Active alarms by id and/or entity, for raisers: includes suppressed, silenced and masked ones."""
    query = _active(alarm_id, entity, below)
    return [alarm_of(row) for row in conn.execute(query.order_by(ALARM.c.id)).mappings()]


def active_page(conn: Connection, *, alarm_id: str | None, entity: str | None, below: bool, after: int,
                limit: int) -> list[tuple[int, Alarm]]:
    """As ``active``: the first ``limit`` alarms behind row ``after``, each with the number of its row."""
    query = _active(alarm_id, entity, below).where(ALARM.c.id > after).order_by(ALARM.c.id).limit(limit)
    return [(row["id"], alarm_of(row)) for row in conn.execute(query).mappings()]


def _active(alarm_id: str | None, entity: str | None, below: bool) -> sa.Select[Any]:
    query = sa.select(ALARM)
    if alarm_id is not None:
        query = query.where(ALARM.c.alarm_id == alarm_id)
    if entity is not None:
        column = ALARM.c.entity_instance_id
        query = query.where(conditions.within(column, entity) if below else column == entity)
    return query


def number_below(conn: Connection, entity: str) -> int:
    """How many alarms and held raises there are on and below an entity."""
    return int(conn.execute(_NUMBER_BELOW, {"entity": entity}).scalar_one())


def by_uuids(conn: Connection, uuids: Iterable[str]) -> list[Alarm]:
    """Active alarms with these uuids."""
    return [alarm_of(row) for part in _chunks(uuids)
            for row in conn.execute(sa.select(ALARM).where(ALARM.c.uuid.in_(part))).mappings()]


def used_uuids(conn: Connection, uuids: Iterable[str]) -> set[str]:
    """The uuids among ``uuids`` that an alarm, a held raise or an event already has."""
    used: set[str] = set()
    for part in _chunks(uuids):
        for table in (ALARM, EVENT_LOG, HELD_CHANGE):
            used.update(conn.execute(sa.select(table.c.uuid).where(table.c.uuid.in_(part))).scalars())
    return used


def apply_change(conn: Connection, change: NetChange, now: datetime) -> None:
    """Delete the alarms that a batch ended and update those it changed.

    Writes only changed fields, so that it does not overwrite what another transaction wrote into the others. Runs one
    statement for all alarms with the same changed fields.
    """
    for part in _chunks(change.deleted, NAMES_MAX):
        conn.execute(_DELETE, {"uuids": part})
    by_names: dict[tuple[str, ...], list[Alarm]] = {}
    for update in change.updated:
        by_names.setdefault(update.names, []).append(update.alarm)
    for names, updated in by_names.items():
        conn.execute(_update(names), [{"which": alarm.uuid, "new_updated_at": now}
                                      | {f"new_{name}": getattr(alarm, name) for name in names} for alarm in updated])


def new_rows(change: NetChange) -> NewRows:
    """Rows of new alarms. Store them after ``apply_change``, which deletes rows with the same id and entity."""
    return NewRows(_INSERTION, [_values(alarm) for alarm in change.inserted])


@functools.lru_cache(maxsize=256)
def _update(names: tuple[str, ...]) -> sa.Update:
    return sa.update(ALARM).where(ALARM.c.uuid == sa.bindparam("which")).values(
        {name: sa.bindparam(f"new_{name}") for name in (*names, "updated_at")})


def alarm_of(row: RowMapping) -> Alarm:
    values: dict[str, Any] = {name: row[name] for name in _FIELDS}
    # Invalid stored values get defaults, so that the alarm can still be listed and cleared.
    if bytes in map(type, values.values()):
        values = {name: value.decode("utf-8", "replace") if isinstance(value, bytes) else value
                  for name, value in values.items()}
    if not isinstance(values["time_to_live_s"], int):
        values["time_to_live_s"] = 0
    return Alarm(**values | {"severity": _SEVERITIES.get(row["severity"], Severity.NOT_APPLICABLE),
                             "alarm_type": _TYPES.get(row["alarm_type"], AlarmType.OTHER)})


def _chunks(items: Iterable[str], size: int = CHUNK) -> Iterable[list[str]]:
    ordered = sorted(items)
    return (ordered[start:start + size] for start in range(0, len(ordered), size))
