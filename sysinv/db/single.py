# SPDX-License-Identifier: Apache-2.0
"""Settings that the system has once: one row of a table of their own, which belongs to the system."""
from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from flock.core import ids
from flock.db import Database, columns, compare_and_set, revision_column
from flock.wire.errors import shown
from sysinv.db.lookup import ItemNotFound, Row
from sysinv.db.schema import METADATA
from sysinv.resources.system.table import I_SYSTEM

_MARK = "once_for_a_system"


def single_table(name: str, *settings: sa.Column[Any]) -> sa.Table:
    """Return a table of settings, of which a system has one row from its start on; each column has a default."""
    return sa.Table(
        name, METADATA, *columns(), revision_column(), *settings,
        sa.Column("isystem_id", sa.Integer, sa.ForeignKey("i_system.id", ondelete="CASCADE"), nullable=False),
        sa.UniqueConstraint("isystem_id"), info={_MARK: True})


def single_tables(metadata: sa.MetaData) -> list[sa.Table]:
    """Return all such tables of the complete ``metadata``."""
    return [table for table in metadata.tables.values() if table.info.get(_MARK)]


class SingleService:
    """Reads and changes such settings. ``noun`` names them in messages."""

    table: ClassVar[sa.Table]
    noun: ClassVar[str]

    def __init__(self, db: Database) -> None:
        self._db = db

    def all(self) -> list[Row]:
        """Return the settings in a list; empty before the bootstrap."""
        with self._db.reader() as conn:
            return [dict(row) for row in conn.execute(self._query().order_by(self.table.c.id)).mappings()]

    def get(self, uuid: str) -> Row:
        """Return the settings by their uuid; ItemNotFound."""
        with self._db.reader() as conn:
            return self._row(conn, uuid)

    def change(self, uuid: str, changes: Mapping[str, Any], *, applies: bool | None = None) -> Row:
        """Carry out a PATCH, all or nothing; ItemNotFound, Refused.

        ``applies``: hosts are told also when nothing changes, which repeats what failed; False: not at all; None: only
        of a change.
        """
        with self._db.writer() as conn:
            # Rules of some settings read others; two requests must not break them together.
            conn.execute(sa.select(I_SYSTEM.c.id).with_for_update())
            row = self._row(conn, uuid, lock=True)
            wanted = self.checked(conn, row, changes)
            values = {name: value for name, value in wanted.items() if row[name] != value}
            if values:
                compare_and_set(conn, self.table, row["id"], row["revision"], values)
            if applies or (values and applies is None):
                self.order(conn)
            return self._row(conn, uuid)

    def checked(self, conn: Connection, row: Row, changes: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the values to store; a subclass refuses what breaks a rule."""
        return changes

    def order(self, conn: Connection) -> None:
        """Order the change on the hosts that it concerns; a subclass whose settings configure hosts does."""

    def _query(self) -> sa.Select[Any]:
        return sa.select(self.table, I_SYSTEM.c.uuid.label("isystem_uuid")).join(
            I_SYSTEM, I_SYSTEM.c.id == self.table.c.isystem_id)

    def _row(self, conn: Connection, uuid: str, *, lock: bool = False) -> Row:
        query = self._query().where(self.table.c.uuid == uuid.lower())
        query = query.with_for_update(of=self.table) if lock else query
        row = conn.execute(query).mappings().first() if ids.is_uuid(uuid) else None
        if row is None:
            raise ItemNotFound(resource=self.noun, id=shown(uuid))
        return dict(row)


def stored(conn: Connection, table: sa.Table) -> Row:
    """Return the settings of the system; ItemNotFound before the bootstrap."""
    row = conn.execute(sa.select(table).order_by(table.c.id).limit(1)).mappings().first()
    if row is None:
        raise ItemNotFound(resource="System", id="settings")
    return dict(row)
