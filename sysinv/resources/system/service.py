# SPDX-License-Identifier: Apache-2.0
"""Use cases of the system: read and change it."""
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from flock.core import ids
from flock.db import Database, compare_and_set
from flock.wire.errors import shown
from sysinv.config import ordering
from sysinv.config.ordering import Change
from sysinv.db.lookup import ItemNotFound, Row
from sysinv.resources.sdncontroller.table import SDN_CONTROLLER
from sysinv.resources.system.fields import FOLDED
from sysinv.resources.system.rules import check_change
from sysinv.resources.system.table import I_SYSTEM


class SystemService:
    """Reads and changes the system."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def all(self) -> list[Row]:
        """Return the system in a list; empty before the bootstrap."""
        with self._db.reader() as conn:
            return [_shown(dict(row)) for row in conn.execute(sa.select(I_SYSTEM)).mappings()]

    def get(self, uuid: str) -> Row:
        """Return the system by its uuid."""
        with self._db.reader() as conn:
            return _shown(_row(conn, uuid))

    def change(self, uuid: str, changes: Mapping[str, Any]) -> Row:
        """Carry out a PATCH; SystemRefused names the broken rule."""
        with self._db.writer() as conn:
            row = _row(conn, uuid, lock=True)
            count = conn.execute(sa.select(sa.func.count()).select_from(SDN_CONTROLLER)).scalar_one()
            check_change(row, changes, sdn_controllers=count)
            folded = {name: changes[name] for name in FOLDED if name in changes}
            columns: dict[str, Any] = {name: value for name, value in changes.items() if name not in FOLDED}
            if folded:
                columns["capabilities"] = {**(row["capabilities"] or {}), **folded}
            if columns:
                compare_and_set(conn, I_SYSTEM, row["id"], row["revision"], columns)
            if columns.get("timezone", row["timezone"]) != row["timezone"]:
                ordering.order(conn, Change("time zone", ("platform::config::timezone",)))
            return _shown(_row(conn, uuid))


def _row(conn: Connection, uuid: str, *, lock: bool = False) -> Row:
    query = sa.select(I_SYSTEM).where(I_SYSTEM.c.uuid == uuid.lower())
    row = conn.execute(query.with_for_update() if lock else query).mappings().first() if ids.is_uuid(uuid) else None
    if row is None:
        raise ItemNotFound(resource="System", id=shown(uuid))
    return dict(row)


def _shown(row: Row) -> Row:
    # mtce reaches BMCs over a separate network, never over management.
    return {**row, "capabilities": {**(row["capabilities"] or {}), "bm_region": "External"}}


SERVICE = SystemService
