# SPDX-License-Identifier: Apache-2.0
"""The table of operations and the queries on it; only the owner of a row's lease executes the operation."""
from __future__ import annotations

import datetime
from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from flock.db import EnumText, Json, UtcTime, new_uuid, utcnow
from flock.jobs.steps import ACTIVE, OperationRecord, State

STORED = ("state", "next_run_at", "step", "attempts", "result", "error", "undo_failed", "step_deadline",
          "last_try")
READ = (*STORED, "uuid", "kind", "subject", "params", "created_at", "cancel_reason", "deadline")


def operations_table(metadata: sa.MetaData, name: str) -> sa.Table:
    """The table of a subsystem's operations; the subsystem's own migration must create it.

    ``active_key`` is unique and holds the subject while an exclusive operation is active: at most one per subject.
    """
    return sa.Table(
        name, metadata,
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("uuid", sa.String(36), nullable=False, unique=True, default=new_uuid),
        sa.Column("kind", sa.String(64), nullable=False),
        sa.Column("subject", sa.String(255), nullable=False, index=True),
        sa.Column("active_key", sa.String(255), nullable=True, unique=True),
        sa.Column("params", Json, nullable=False),
        sa.Column("state", EnumText(State, 16), nullable=False, default=State.PENDING),
        sa.Column("step", sa.Integer, nullable=False, default=0),
        sa.Column("attempts", sa.Integer, nullable=False, default=0),
        sa.Column("result", Json, nullable=False, default=dict),
        sa.Column("error", Json, nullable=True),
        sa.Column("undo_failed", sa.Boolean, nullable=False, default=False),
        sa.Column("cancel_reason", sa.String(255), nullable=True),
        sa.Column("next_run_at", UtcTime, nullable=False, default=utcnow),
        sa.Column("step_deadline", UtcTime, nullable=True),
        sa.Column("last_try", sa.Boolean, nullable=False, default=False, server_default=sa.false()),
        sa.Column("deadline", UtcTime, nullable=True),
        sa.Column("owner", sa.String(64), nullable=True),
        sa.Column("lease_until", UtcTime, nullable=True),
        sa.Column("created_at", UtcTime, nullable=False, default=utcnow),
        sa.Column("updated_at", UtcTime, nullable=True, onupdate=utcnow),
        sa.Index(f"ix_{name}_state_next_run_at", "state", "next_run_at"),
    )


def record_of(row: Any) -> OperationRecord:
    """A record from a row that has the columns ``READ``."""
    return OperationRecord(**{name: getattr(row, name) for name in READ})


def fetch(conn: Connection, table: sa.Table, uuid: str) -> OperationRecord | None:
    """The operation ``uuid``; None when it does not exist."""
    row = conn.execute(_select(table).where(table.c.uuid == uuid)).first()
    return None if row is None else record_of(row)


def active_of(conn: Connection, table: sa.Table, subject: str) -> list[OperationRecord]:
    """The operations on ``subject`` that are not finished, oldest first."""
    query = _select(table).where(table.c.subject == subject, table.c.state.in_(ACTIVE)).order_by(table.c.id)
    return [record_of(row) for row in conn.execute(query)]


def claim_due(conn: Connection, table: sa.Table, kinds: Iterable[str], owner: str, now: datetime.datetime,
              lease_s: float, limit: int) -> list[OperationRecord]:
    """Lease up to ``limit`` operations that are due and have no valid lease, for ``lease_s``; returns them."""
    free = sa.or_(table.c.lease_until.is_(None), table.c.lease_until <= now)
    query = (_select(table)
             .where(table.c.state.in_(ACTIVE), table.c.kind.in_(list(kinds)), table.c.next_run_at <= now, free)
             .order_by(table.c.next_run_at, table.c.id).limit(limit).with_for_update(skip_locked=True))
    records = [record_of(row) for row in conn.execute(query)]
    if records:
        conn.execute(sa.update(table).where(table.c.uuid.in_([record.uuid for record in records])).values(
            owner=owner, lease_until=now + datetime.timedelta(seconds=lease_s)))
    return records


def save(conn: Connection, table: sa.Table, record: OperationRecord, owner: str, keep: bool,
         until: datetime.datetime) -> bool:
    """Store the progress of an operation; False when ``owner`` no longer holds it.

    ``keep`` renews the lease until ``until``; without it, or when the operation has ended, releases the lease.
    """
    values: dict[str, Any] = {name: getattr(record, name) for name in STORED}
    if not record.active:
        values["active_key"] = None
    held = keep and record.active
    values |= {"owner": owner if held else None, "lease_until": until if held else None}
    mine = sa.and_(table.c.uuid == record.uuid, table.c.owner == owner)
    if record.state is State.RUNNING and not keep:
        # A cancellation stored while the step ran must not wait until the step is due again.
        values["next_run_at"] = sa.case((table.c.cancel_reason.is_not(None), record.created_at),
                                        else_=record.next_run_at)
    return conn.execute(sa.update(table).where(mine).values(**values)).rowcount == 1


def renew(conn: Connection, table: sa.Table, uuids: Iterable[str], owner: str, until: datetime.datetime) -> None:
    """Extend the leases that ``owner`` holds on ``uuids`` until ``until``."""
    conn.execute(sa.update(table).where(table.c.uuid.in_(list(uuids)), table.c.owner == owner)
                 .values(lease_until=until))


def release_all(conn: Connection, table: sa.Table, owner: str) -> int:
    """Release every lease that ``owner`` held before a restart; returns how many."""
    return conn.execute(sa.update(table).where(table.c.owner == owner).values(owner=None, lease_until=None)).rowcount


def next_due(conn: Connection, table: sa.Table, kinds: Iterable[str],
             now: datetime.datetime) -> datetime.datetime | None:
    """When the next operation without a valid lease becomes due; None when there is none."""
    free = sa.or_(table.c.lease_until.is_(None), table.c.lease_until <= now)
    due: datetime.datetime | None = conn.execute(
        sa.select(sa.func.min(table.c.next_run_at))
        .where(table.c.state.in_(ACTIVE), table.c.kind.in_(list(kinds)), free)).scalar()
    return due


def _select(table: sa.Table) -> sa.Select[Any]:
    return sa.select(*(table.c[name] for name in READ))
