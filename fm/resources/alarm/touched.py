# SPDX-License-Identifier: Apache-2.0
"""Reads the rows that a batch of requests may touch in one statement: alarms, catalogue ids, silences."""
from __future__ import annotations

import functools
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import zip_longest
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from flock.db import UtcTime
from fm.contract.enums import SuppressionStatus
from fm.core.batch import Touched
from fm.core.records import Alarm
from fm.core.silencing import NO_SILENCES, Silence, Silences
from fm.db import conditions
from fm.db.hiding import in_force
from fm.db.tables import ALARM, EVENT_SUPPRESSION, SILENCE
from fm.resources.alarm.store import ENTITY, alarm_of

# How many entities, alarm ids and conditions on containment a statement may have. Shorter lists repeat their last
# value: reusing a cached statement costs less than compiling one of the exact size.
NAME_SIZES = (0, 1, 4, 32, 1000)
BELOW_SIZES = (0, 1, 4, 10, 100)
NAMES_MAX, BELOW_MAX = NAME_SIZES[-1], BELOW_SIZES[-1]
_ALARM, _KNOWN, _SILENCE = 0, 1, 2
_SUPPRESSED = SuppressionStatus.SUPPRESSED.value


@dataclass(frozen=True, slots=True)
class Stored:
    """Alarms in the order of their numbers, and the silences in force. ``known`` maps each catalogue id of these alarms
    and of the requests to whether the operator suppresses it."""

    alarms: list[Alarm]
    known: dict[str, bool]
    silences: Silences


def read(conn: Connection, touched: Touched, now: datetime) -> Stored:
    """The rows that a batch on ``touched`` may read or change. Runs one statement per ``NAMES_MAX`` entities or
    ``BELOW_MAX`` entities with their contained ones."""
    rows: dict[int, Any] = {}
    known: dict[str, bool] = {}
    silences: dict[str, Silence] = {}
    for entities, below, ids in _chunks(touched):
        values: dict[str, Any] = {"now": now}
        sizes = (_fill(values, "entity", entities, NAME_SIZES), _fill(values, "below", below, BELOW_SIZES),
                 _fill(values, "id", ids, NAME_SIZES))
        for row in conn.execute(_statement(*sizes), values).mappings():
            if row["part"] == _SILENCE:
                silences[row["uuid"]] = Silence(row["uuid"], row["alarm_id"], row["entity_instance_id"], row["ack_at"])
                continue
            if row["status"] is not None:
                known[row["alarm_id"]] = row["status"] == _SUPPRESSED
            if row["part"] == _ALARM:
                rows[row["id"]] = row
    return Stored([alarm_of(rows[number]) for number in sorted(rows)], known,
                  Silences(silences.values()) if silences else NO_SILENCES)


def _chunks(touched: Touched) -> Iterator[tuple[list[str], list[str], list[str]]]:
    """Split into (entities, entities with contained ones, alarm ids) for one statement each; at least one."""
    yield from zip_longest(_parts(touched.entities, NAMES_MAX), _parts(touched.below, BELOW_MAX),
                           _parts(touched.alarm_ids, NAMES_MAX), fillvalue=[])


def _parts(names: Collection[str], size: int) -> Iterator[list[str]]:
    ordered = sorted(names)
    return (ordered[start:start + size] for start in range(0, len(ordered) or 1, size))


def _fill(values: dict[str, Any], name: str, given: Sequence[str], sizes: Sequence[int]) -> int:
    """Put ``given`` into ``values``, repeating the last one up to the next of ``sizes``; returns that size."""
    size = next(size for size in sizes if size >= len(given))
    for number in range(size):
        values[f"{name}_{number}"] = given[min(number, len(given) - 1)]
    return size


def _marks(name: str, size: int) -> list[sa.BindParameter[str]]:
    return [sa.bindparam(f"{name}_{number}", type_=sa.String) for number in range(size)]


@functools.cache
def _statement(entities: int, below: int, ids: int) -> sa.CompoundSelect[Any]:
    """The statement for these numbers of entities, entities with contained ones, and ids. The status is NULL for an id
    that is marked for deletion."""
    on_or_below = sa.or_(ENTITY.in_(_marks("entity", entities)),
                         *(conditions.within(ENTITY, entity) for entity in _marks("below", below)))
    status = EVENT_SUPPRESSION.c.suppression_status
    alarms = sa.select(
        sa.literal_column(str(_ALARM)).label("part"), *ALARM.c,
        sa.case((EVENT_SUPPRESSION.c.set_for_deletion, sa.null()), else_=status).label("status"),
    ).select_from(ALARM.join(EVENT_SUPPRESSION, ALARM.c.alarm_id == EVENT_SUPPRESSION.c.alarm_id)).where(on_or_below)
    known = sa.select(*_columns(_KNOWN, {"alarm_id": EVENT_SUPPRESSION.c.alarm_id}), status).where(
        EVENT_SUPPRESSION.c.alarm_id.in_(_marks("id", ids)),
        EVENT_SUPPRESSION.c.set_for_deletion.is_(False))
    silences = sa.select(*_columns(_SILENCE, {
        "uuid": SILENCE.c.uuid, "alarm_id": SILENCE.c.alarm_id, "entity_instance_id": SILENCE.c.entity_instance_id,
        "ack_at": SILENCE.c.expires_at}), sa.null()).where(in_force(sa.bindparam("now", type_=UtcTime())))
    return sa.union_all(alarms, known, silences)


def _columns(part: int, given: dict[str, sa.ColumnElement[Any]]) -> list[sa.ColumnElement[Any]]:
    """The columns of an alarm with ``given`` in some and NULL in the others."""
    return [sa.literal_column(str(part)), *(given.get(column.name, sa.null()) for column in ALARM.c)]
