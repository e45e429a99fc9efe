# SPDX-License-Identifier: Apache-2.0
"""SQL conditions for alarms and events that silences and inhibiting alarms hide at a given time.

There are usually few silences and inhibiting alarms (locked hosts). So one query reads both and the conditions name
them; a join on containment would compare every row with each of them. Without any, the conditions are constant.
"""
from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from flock.db import UtcTime
from fm.contract.enums import AlarmState, SuppressionStatus
from fm.core.silencing import NO_SILENCES, Silence, Silences
from fm.db import conditions
from fm.db.tables import ALARM, EVENT_LOG, EVENT_SUPPRESSION, SILENCE

FEW = 100
_SILENCE, _INHIBITOR, _KNOWN = "silence", "inhibitor", "known"
_inhibitor = ALARM.alias("inhibitor")
_NO_TIME = sa.cast(sa.null(), UtcTime)


def in_force(now: Any) -> sa.ColumnElement[bool]:
    """The condition for silences in force at ``now``, a time or a parameter."""
    return sa.or_(SILENCE.c.expires_at.is_(None), SILENCE.c.expires_at > now)


@dataclass(frozen=True, slots=True)
class Hiding:
    """Silences in force and inhibiting alarms as (row id, entity); each is None when there are more than ``FEW``."""

    now: datetime
    silences: tuple[Silence, ...] | None
    inhibitors: tuple[tuple[int, str], ...] | None

    def not_masked(self) -> sa.ColumnElement[bool]:
        """The condition for alarms that no other, inhibiting alarm on the same or a containing entity masks."""
        if self.inhibitors is None:
            hidden: sa.ColumnElement[bool] = sa.exists().where(
                _inhibitor.c.inhibit_alarms.is_(True), _inhibitor.c.id != ALARM.c.id,
                conditions.contains_column(_inhibitor.c.entity_instance_id, ALARM.c.entity_instance_id))
        elif self.inhibitors:
            hidden = sa.or_(*(sa.and_(ALARM.c.id != ident, conditions.within(ALARM.c.entity_instance_id, entity))
                              for ident, entity in self.inhibitors))
        else:
            return sa.true()
        return sa.or_(ALARM.c.suppression.is_(False), ~hidden)

    def alarm_silenced(self) -> sa.ColumnElement[bool] | None:
        """The condition for silenced alarms; None when no silence is in force."""
        return self._silenced(ALARM.c.alarm_id, ALARM.c.entity_instance_id)

    def event_silenced(self) -> sa.ColumnElement[bool] | None:
        """The condition for silenced set and clear events; None when no silence is in force."""
        found = self._silenced(EVENT_LOG.c.event_log_id, EVENT_LOG.c.entity_instance_id)
        return None if found is None else sa.and_(EVENT_LOG.c.state != AlarmState.LOG.value, found)

    def _silenced(self, alarm_id: sa.Column[str], entity: sa.Column[str]) -> sa.ColumnElement[bool] | None:
        if self.silences is None:
            return sa.exists().where(
                in_force(self.now), sa.or_(SILENCE.c.alarm_id.is_(None), SILENCE.c.alarm_id == alarm_id),
                sa.or_(SILENCE.c.entity_instance_id.is_(None),
                       conditions.contains_column(SILENCE.c.entity_instance_id, entity)))
        if not self.silences:
            return None
        return sa.or_(*(_matches(silence, alarm_id, entity) for silence in self.silences))


def read(conn: Connection, now: datetime) -> Hiding:
    """Read silences and inhibiting alarms at ``now`` with one query."""
    found: list[Silence] = []
    masking: list[tuple[int, str]] = []
    for kind, ident, uuid, alarm_id, entity, expires_at in conn.execute(_READ, {"now": now}):
        if kind == _SILENCE:
            found.append(Silence(uuid, alarm_id, entity, expires_at))
        else:
            masking.append((ident, entity))
    return Hiding(now, tuple(found) if len(found) <= FEW else None, tuple(masking) if len(masking) <= FEW else None)


def silences(conn: Connection, now: datetime) -> Hiding:
    """Read only the silences in force at ``now`` with one query, for events, which are not masked."""
    found = conn.execute(_SILENCES, {"now": now}).all()
    return Hiding(now, tuple(Silence(*row) for row in found) if len(found) <= FEW else None, ())


def known_ids(conn: Connection, alarm_ids: Collection[str], now: datetime) -> tuple[dict[str, bool], Silences]:
    """Whether the operator suppresses each catalogue id of ``alarm_ids``, and the silences in force; one query."""
    suppressed: dict[str, bool] = {}
    found: list[Silence] = []
    for kind, text, alarm_id, entity, expires_at in conn.execute(_KNOWN_IDS, {"now": now, "ids": sorted(alarm_ids)}):
        if kind == _SILENCE:
            found.append(Silence(text, alarm_id, entity, expires_at))
        else:
            suppressed[alarm_id] = text == SuppressionStatus.SUPPRESSED.value
    return suppressed, Silences(found) if found else NO_SILENCES


def _matches(silence: Silence, alarm_id: sa.Column[str], entity: sa.Column[str]) -> sa.ColumnElement[bool]:
    parts: list[sa.ColumnElement[bool]] = []
    if silence.alarm_id is not None:
        parts.append(alarm_id == silence.alarm_id)
    if silence.entity_instance_id is not None:
        parts.append(conditions.within(entity, silence.entity_instance_id))
    return sa.and_(*parts) if parts else sa.true()


# Built once, because building these statements takes longer than executing them.
_AT = in_force(sa.bindparam("now", type_=UtcTime()))
_MATCH = (SILENCE.c.uuid, SILENCE.c.alarm_id, SILENCE.c.entity_instance_id, SILENCE.c.expires_at)
_SILENCES = sa.select(*_MATCH).where(_AT).limit(FEW + 1)
_READ = sa.union_all(
    sa.select(sa.select(sa.literal(_SILENCE), sa.literal(0), *_MATCH).where(_AT).limit(FEW + 1).subquery()),
    sa.select(sa.select(sa.literal(_INHIBITOR), ALARM.c.id, ALARM.c.uuid, ALARM.c.alarm_id, ALARM.c.entity_instance_id,
                        _NO_TIME).where(ALARM.c.inhibit_alarms.is_(True)).limit(FEW + 1).subquery()))
_KNOWN_IDS = sa.union_all(
    sa.select(sa.literal(_KNOWN), EVENT_SUPPRESSION.c.suppression_status, EVENT_SUPPRESSION.c.alarm_id, sa.null(),
              _NO_TIME).where(EVENT_SUPPRESSION.c.alarm_id.in_(sa.bindparam("ids", expanding=True)),
                              EVENT_SUPPRESSION.c.set_for_deletion.is_(False)),
    sa.select(sa.literal(_SILENCE), *_MATCH).where(_AT))
