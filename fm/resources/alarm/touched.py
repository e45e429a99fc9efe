# SPDX-License-Identifier: Apache-2.0
"""What a batch of requests works on, read in one statement: alarms, ids of the catalogue, silences."""
from __future__ import annotations

import functools
from collections.abc import Iterator
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

# In one statement: names in a list, and conditions on containment, of which these numbers are prepared.
NAMES_MAX = 1000
BELOW_SIZES = (0, 1, 10, 100)
_ALARM, _KNOWN, _SILENCE = 0, 1, 2
_SUPPRESSED = SuppressionStatus.SUPPRESSED.value


@dataclass(frozen=True, slots=True)
class Stored:
    """Alarms in the order they were raised; for each id of the catalogue among theirs and the requests' whether the
    operator hides it; the silences in force."""

    alarms: list[Alarm]
    known: dict[str, bool]
    silences: Silences


def read(conn: Connection, touched: Touched, now: datetime) -> Stored:
    """Everything that a batch touching ``touched`` may read or change; one statement for each ``NAMES_MAX`` entities
    and each hundred entities with what is below them."""
    rows: dict[int, Any] = {}
    known: dict[str, bool] = {}
    silences: dict[str, Silence] = {}
    ids = sorted(touched.alarm_ids)
    for entities, below in _chunks(touched):
        size = next(size for size in BELOW_SIZES if size >= len(below))
        # What is missing to that size is asked twice.
        values = {f"entity_{number}": below[min(number, len(below) - 1)] for number in range(size)}
        for row in conn.execute(_statement(size), values | {"entities": entities, "ids": ids, "now": now}).mappings():
            if row["part"] == _SILENCE:
                silences[row["uuid"]] = Silence(row["uuid"], row["alarm_id"], row["entity_instance_id"], row["ack_at"])
                continue
            if row["status"] is not None:
                known[row["alarm_id"]] = row["status"] == _SUPPRESSED
            if row["part"] == _ALARM:
                rows[row["id"]] = row
    return Stored([alarm_of(rows[number]) for number in sorted(rows)], known,
                  Silences(silences.values()) if silences else NO_SILENCES)


def _chunks(touched: Touched) -> Iterator[tuple[list[str], list[str]]]:
    """Entities and entities with what is below, as many as one statement takes; at least one pair."""
    exact, below = sorted(touched.entities), sorted(touched.below)
    yield from zip_longest(
        (exact[start:start + NAMES_MAX] for start in range(0, len(exact) or 1, NAMES_MAX)),
        (below[start:start + BELOW_SIZES[-1]] for start in range(0, len(below) or 1, BELOW_SIZES[-1])), fillvalue=[])


@functools.cache
def _statement(size: int) -> sa.CompoundSelect[Any]:
    """The statement for ``size`` entities with what is below; an id marked for deletion has no status."""
    entities = [sa.bindparam(f"entity_{number}", type_=sa.String) for number in range(size)]
    on_or_below = sa.or_(ENTITY.in_(sa.bindparam("entities", expanding=True)),
                         *(conditions.within(ENTITY, entity) for entity in entities))
    status = EVENT_SUPPRESSION.c.suppression_status
    alarms = sa.select(
        sa.literal_column(str(_ALARM)).label("part"), *ALARM.c,
        sa.case((EVENT_SUPPRESSION.c.set_for_deletion, sa.null()), else_=status).label("status"),
    ).select_from(ALARM.join(EVENT_SUPPRESSION, ALARM.c.alarm_id == EVENT_SUPPRESSION.c.alarm_id)).where(on_or_below)
    known = sa.select(*_columns(_KNOWN, {"alarm_id": EVENT_SUPPRESSION.c.alarm_id}), status).where(
        EVENT_SUPPRESSION.c.alarm_id.in_(sa.bindparam("ids", expanding=True)),
        EVENT_SUPPRESSION.c.set_for_deletion.is_(False))
    silences = sa.select(*_columns(_SILENCE, {
        "uuid": SILENCE.c.uuid, "alarm_id": SILENCE.c.alarm_id, "entity_instance_id": SILENCE.c.entity_instance_id,
        "ack_at": SILENCE.c.expires_at}), sa.null()).where(in_force(sa.bindparam("now", type_=UtcTime())))
    return sa.union_all(alarms, known, silences)


def _columns(part: int, given: dict[str, sa.ColumnElement[Any]]) -> list[sa.ColumnElement[Any]]:
    """The columns of an alarm with ``given`` in some and NULL in the others."""
    return [sa.literal_column(str(part)), *(given.get(column.name, sa.null()) for column in ALARM.c)]
