# SPDX-License-Identifier: Apache-2.0
"""SQL on the event log. Only the manager writes."""
from __future__ import annotations

import operator
from collections.abc import Mapping, Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from flock.db import utcnow
from flock.db.inserts import Insertion, NewRows
from flock.db.paging import keyset, rows
from fm.contract.enums import AlarmState, SuppressionStatus
from fm.core.filters import Filter, Match
from fm.core.records import Event
from fm.db import conditions, hiding
from fm.db.hiding import Hiding
from fm.db.tables import EVENT_LOG, EVENT_SUPPRESSION

FILTER_FIELDS: Mapping[str, Match] = {
    "uuid": Match.EXACT, "event_log_type": Match.EXACT, "event_log_id": Match.SUBSTRING,
    "entity_type_id": Match.SUBSTRING, "entity_instance_id": Match.SUBSTRING, "severity": Match.SEVERITY,
    "start": Match.NOT_BEFORE, "end": Match.NOT_AFTER}
SORT_KEYS = ("id", "uuid", "event_log_id", "state", "entity_type_id", "entity_instance_id", "timestamp", "severity",
             "event_log_type", "probable_cause", "created_at")
ALARM_STATES = (AlarmState.SET.value, AlarmState.CLEAR.value)
LOG_STATES = (AlarmState.LOG.value,)
_FIELDS = [field.name for field in fields(Event)]
_values = operator.attrgetter(*_FIELDS)
_INSERTION = Insertion(EVENT_LOG, (*_FIELDS, "created_at"))
_SHOWN = [column for column in EVENT_LOG.c if column.name != "sender"]
_COLUMNS = {**EVENT_LOG.c, "start": EVENT_LOG.c.timestamp, "end": EVENT_LOG.c.timestamp}
_JOINED = EVENT_LOG.outerjoin(EVENT_SUPPRESSION, EVENT_LOG.c.event_log_id == EVENT_SUPPRESSION.c.alarm_id)
_STATUS = EVENT_SUPPRESSION.c.suppression_status
_SUPPRESSED = SuppressionStatus.SUPPRESSED.value


def listing(conn: Connection, *, filters: Sequence[Filter], states: Sequence[str], include_suppress: bool,
            sort: Sequence[tuple[str, bool]], marker: str | None, limit: int | None,
            now: datetime | None = None) -> list[dict[str, Any]]:
    """One page of events in wire columns (all without ``limit``); BadPage when the marker names no event.

    Silences that end after ``now`` (default: the current time) hide set and clear events as suppression does.
    """
    hides = hiding.silences(conn, now or utcnow())
    query = _wire(hides).where(*_visible(hides, filters, states, include_suppress))
    return keyset(conn, query, EVENT_LOG, sort=sort or (("id", True),), marker=marker, limit=limit)


def count(conn: Connection, *, filters: Sequence[Filter], states: Sequence[str], include_suppress: bool,
          now: datetime | None = None) -> int:
    """How many events ``listing`` returns without a limit."""
    hides = hiding.silences(conn, now or utcnow())
    query = sa.select(sa.func.count()).select_from(_JOINED).where(*_visible(hides, filters, states, include_suppress))
    return int(conn.execute(query).scalar_one())


def show(conn: Connection, uuid: str) -> dict[str, Any] | None:
    """One event in wire columns, or None."""
    found = rows(conn, _wire(hiding.silences(conn, utcnow())).where(EVENT_LOG.c.uuid == uuid), EVENT_LOG.c.id)
    return found[0] if found else None


def states(alarms: bool, logs: bool) -> tuple[str, ...]:
    """The states of events of alarms or of customer logs, as a client wants; empty (any state) for both or neither."""
    if alarms == logs:
        return ()
    return ALARM_STATES if alarms else LOG_STATES


def after_id(conn: Connection, event_id: int, limit: int) -> list[dict[str, Any]]:
    """At most ``limit`` events stored after the one with number ``event_id``, oldest first."""
    query = _wire(hiding.silences(conn, utcnow())).where(EVENT_LOG.c.id > event_id)
    return rows(conn, query.order_by(EVENT_LOG.c.id).limit(limit), EVENT_LOG.c.id)


def bounds(conn: Connection) -> tuple[int | None, int]:
    """Numbers of the oldest and the newest stored event; None and 0 when there is none."""
    oldest, newest = conn.execute(sa.select(sa.func.min(EVENT_LOG.c.id), sa.func.max(EVENT_LOG.c.id))).one()
    return (None, 0) if oldest is None else (int(oldest), int(newest))


def newest_id(conn: Connection) -> int:
    """The number of the event stored last; 0 when there is none."""
    return int(conn.execute(sa.select(sa.func.coalesce(sa.func.max(EVENT_LOG.c.id), 0))).scalar_one())


def new_rows(events: Sequence[Event], now: datetime) -> NewRows:
    """The rows of ``events``, in order."""
    return NewRows(_INSERTION, [(*_values(event), now) for event in events])


def prune(conn: Connection, events_max: int, before: datetime | None) -> int:
    """Delete events beyond the ``events_max`` newest and events older than ``before``; returns how many."""
    oldest_kept = sa.select(EVENT_LOG.c.id).order_by(EVENT_LOG.c.id.desc()).limit(1).offset(events_max)
    boundary = conn.execute(oldest_kept).scalar()
    surplus = [] if boundary is None else [EVENT_LOG.c.id <= boundary]
    too_old = [] if before is None else [EVENT_LOG.c.timestamp < before]
    if not surplus and not too_old:
        return 0
    return int(conn.execute(sa.delete(EVENT_LOG).where(sa.or_(*surplus, *too_old))).rowcount)


def _visible(hides: Hiding, filters: Sequence[Filter], states: Sequence[str],
             include_suppress: bool) -> list[sa.ColumnElement[bool]]:
    found = conditions.of_filters(filters, _COLUMNS)
    if states:
        found.append(EVENT_LOG.c.state.in_(states))
    if not include_suppress:
        found.append(sa.or_(EVENT_LOG.c.state.in_(LOG_STATES), _STATUS.is_(None), _STATUS != _SUPPRESSED))
        silenced = hides.event_silenced()
        if silenced is not None:
            found.append(~silenced)
    return found


def _wire(hides: Hiding) -> sa.Select[Any]:
    status = sa.func.coalesce(_STATUS, "None")
    silenced = hides.event_silenced()
    shown = status if silenced is None else sa.case((silenced, _SUPPRESSED), else_=status)
    return sa.select(*_SHOWN, shown.label("suppression_status")).select_from(_JOINED)

