# SPDX-License-Identifier: Apache-2.0
"""SQL on held changes and flap states. Only the manager reads and writes them, in the transaction of its batch."""
from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection, RowMapping

from flock.core.codec import codec_for
from flock.core.errors import InvalidInput
from fm.contract.fault import Fault
from fm.core.ledger import NetChange
from fm.core.places import Key
from fm.core.records import Flap, Held, HeldKind
from fm.db import conditions
from fm.db.tables import FLAP_STATE, HELD_CHANGE

LOG = logging.getLogger(__name__)
CHUNK = 100
_FAULT = codec_for(Fault)


def next_due(conn: Connection) -> datetime | None:
    """When the next held change takes effect or the next flap state expires; None when there are none."""
    moments = [conn.execute(sa.select(sa.func.min(column))).scalar()
               for column in (HELD_CHANGE.c.due_at, FLAP_STATE.c.quiet_at)]
    return min((moment for moment in moments if moment is not None), default=None)


def due_entities(conn: Connection, now: datetime, limit: int) -> set[str]:
    """Entities of the earliest due held changes and flap states, at most ``limit`` rows of each table."""
    found: set[str] = set()
    for table, column in ((HELD_CHANGE, HELD_CHANGE.c.due_at), (FLAP_STATE, FLAP_STATE.c.quiet_at)):
        found.update(conn.execute(sa.select(table.c.entity_instance_id).where(column <= now)
                                  .order_by(column, table.c.id).limit(limit)).scalars())
    return found


def held(conn: Connection, *, entities: Collection[str] = (), below: Collection[str] = (),
         uuids: Collection[str] = ()) -> list[Held]:
    """Held changes on ``entities``, on or below ``below``, and of alarms with ``uuids``."""
    found = {row["id"]: row for row in _rows(conn, HELD_CHANGE, entities, below)}
    for part in _chunks(uuids):
        query = sa.select(HELD_CHANGE).where(HELD_CHANGE.c.uuid.in_(part))
        found.update((row["id"], row) for row in conn.execute(query).mappings())
    return [_held(row) for row in found.values()]


def flaps(conn: Connection, *, entities: Collection[str] = (), below: Collection[str] = ()) -> list[Flap]:
    """Flap states on ``entities``, and on or below ``below``."""
    found = {row["id"]: row for row in _rows(conn, FLAP_STATE, entities, below)}
    return [Flap(row["alarm_id"], row["entity_instance_id"], tuple(row["changes"]), row["flapping"], row["quiet_at"])
            for row in found.values()]


def apply_change(conn: Connection, change: NetChange, now: datetime) -> None:
    """Store a batch's changes of held changes and flap states; runs no statement when there are none."""
    _delete(conn, HELD_CHANGE, change.released)
    _delete(conn, FLAP_STATE, change.calmed)
    if change.held:
        conn.execute(sa.insert(HELD_CHANGE), [
            {"uuid": item.uuid, "kind": item.kind.value, "alarm_id": item.alarm_id, "due_at": item.due_at,
             "entity_instance_id": item.entity_instance_id, "created_at": now,
             "fault": None if item.fault is None else _FAULT.to_document(item.fault)} for item in change.held])
    if change.flaps:
        conn.execute(sa.insert(FLAP_STATE), [
            {"alarm_id": item.alarm_id, "entity_instance_id": item.entity_instance_id, "quiet_at": item.quiet_at,
             "changes": list(item.changes_ms), "flapping": item.flapping, "created_at": now}
            for item in change.flaps])


def _rows(conn: Connection, table: sa.Table, entities: Collection[str], below: Collection[str]) -> Iterable[RowMapping]:
    column = table.c.entity_instance_id
    wanted: list[sa.ColumnElement[bool]] = [column.in_(part) for part in _chunks(entities)]
    wanted += [sa.or_(*(conditions.within(column, entity) for entity in part)) for part in _chunks(below)]
    for condition in wanted:
        yield from conn.execute(sa.select(table).where(condition)).mappings()


def _delete(conn: Connection, table: sa.Table, keys: Sequence[Key]) -> None:
    for start in range(0, len(keys), CHUNK):
        pair = sa.tuple_(table.c.alarm_id, table.c.entity_instance_id)
        conn.execute(sa.delete(table).where(pair.in_(keys[start:start + CHUNK])))


def _held(row: RowMapping) -> Held:
    return Held(HeldKind(row["kind"]), row["alarm_id"], row["entity_instance_id"], row["uuid"], row["due_at"],
                None if row["fault"] is None else _fault(row))


def _fault(row: RowMapping) -> Fault | None:
    """The fault of a held raise; None when it cannot be decoded: the raise is then dropped when due."""
    try:
        fault: Fault = _FAULT.from_document(row["fault"], "fault")
    except InvalidInput as error:
        LOG.error("the held raise of %s on %s cannot be decoded: %s: %s", row["alarm_id"],  # noqa: TRY400
                  row["entity_instance_id"], error, row["fault"])
        return None
    return fault


def _chunks(items: Collection[str]) -> Iterable[list[str]]:
    ordered = sorted(items)
    return (ordered[start:start + CHUNK] for start in range(0, len(ordered), CHUNK))
