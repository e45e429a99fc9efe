# SPDX-License-Identifier: Apache-2.0
"""Leases on rows: one owner at a time may work on a row, until a time; whoever is dead loses it by then."""
from __future__ import annotations

import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from flock.core.errors import Conflict, NotFound
from flock.db.schema import UtcTime


class ClaimedElsewhere(Conflict):
    """Somebody else holds the row."""

    code = "flock.db.claimed_elsewhere"
    text = "{resource} {id} is in use by {owner} ({purpose}). Retry later."


def claim_columns() -> tuple[sa.Column[Any], ...]:
    """Columns a claimable table needs: ``claim_owner``, ``claim_purpose``, ``claim_until``."""
    return (
        sa.Column("claim_owner", sa.String(64), nullable=True),
        sa.Column("claim_purpose", sa.String(64), nullable=True),
        sa.Column("claim_until", UtcTime, nullable=True),
    )


def claim(conn: Connection, table: sa.Table, uuid: str, *, owner: str, purpose: str, lease_s: float,
          now: datetime.datetime) -> None:
    """Take or renew the row for ``owner`` until ``now`` + ``lease_s``; ClaimedElsewhere when another holds it.

    NotFound when there is no such row.
    """
    until = now + datetime.timedelta(seconds=lease_s)
    free = sa.or_(table.c.claim_owner.is_(None), table.c.claim_owner == owner, table.c.claim_until <= now)
    done = conn.execute(sa.update(table).where(table.c.uuid == uuid, free)
                        .values(claim_owner=owner, claim_purpose=purpose, claim_until=until))
    if done.rowcount == 1:
        return
    holder = conn.execute(
        sa.select(table.c.claim_owner, table.c.claim_purpose).where(table.c.uuid == uuid)).first()
    if holder is None:
        raise NotFound(resource=table.name, id=uuid)
    raise ClaimedElsewhere(resource=table.name, id=uuid, owner=holder.claim_owner, purpose=holder.claim_purpose)


def release(conn: Connection, table: sa.Table, uuid: str, *, owner: str) -> bool:
    """Give the row back; False when ``owner`` did not hold it (any more)."""
    done = conn.execute(sa.update(table).where(table.c.uuid == uuid, table.c.claim_owner == owner)
                        .values(claim_owner=None, claim_purpose=None, claim_until=None))
    return done.rowcount == 1
