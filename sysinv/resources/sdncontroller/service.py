# SPDX-License-Identifier: Apache-2.0
"""Use cases of SDN controllers: add, change, delete."""
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from flock.core import ids
from flock.db import Database, DuplicateEntry, compare_and_set
from flock.wire.errors import shown
from sysinv.db.lookup import ItemNotFound, Row, system_row
from sysinv.resources.network.store import oam_families
from sysinv.resources.sdncontroller import rules
from sysinv.resources.sdncontroller.table import SDN_CONTROLLER
from sysinv.resources.system.table import I_SYSTEM


class SdnControllerService:
    """The SDN controllers of the system, which configure no host."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def add(self, values: Mapping[str, Any]) -> Row:
        """Add a controller; SdnControllerRefused, SdnControllerExists."""
        given = {name: value for name, value in values.items() if value is not None}
        try:
            with self._db.writer() as conn:
                _check(conn)
                rules.check_count(conn.execute(sa.select(sa.func.count()).select_from(SDN_CONTROLLER)).scalar_one())
                given["ip_address"] = rules.check_address(given["ip_address"], oam_families(conn))
                key = conn.execute(sa.insert(SDN_CONTROLLER).values(**given)).inserted_primary_key
                return dict(conn.execute(sa.select(SDN_CONTROLLER).where(
                    SDN_CONTROLLER.c.id == (key or [0])[0])).mappings().one())
        except DuplicateEntry:
            raise rules.SdnControllerExists(ip_address=given["ip_address"], port=given["port"]) from None

    def change(self, uuid: str, changes: Mapping[str, Any]) -> Row:
        """Change a controller; SdnControllerRefused, SdnControllerExists, ItemNotFound."""
        after: dict[str, Any] = {}
        try:
            with self._db.writer() as conn:
                _check(conn)
                row = _row(conn, uuid)
                after = {**row, **changes}
                after["ip_address"] = rules.check_address(after["ip_address"], oam_families(conn))
                values = {name: after[name] for name in rules.CHANGEABLE if after[name] != row[name]}
                if values:
                    compare_and_set(conn, SDN_CONTROLLER, row["id"], row["revision"], values)
                return _row(conn, uuid)
        except DuplicateEntry:
            raise rules.SdnControllerExists(ip_address=after["ip_address"], port=after["port"]) from None

    def delete(self, uuid: str) -> None:
        """Delete a controller; ItemNotFound."""
        with self._db.writer() as conn:
            conn.execute(sa.delete(SDN_CONTROLLER).where(SDN_CONTROLLER.c.id == _row(conn, uuid)["id"]))


def _check(conn: Connection) -> None:
    # A request that disables SDN takes the same lock.
    conn.execute(sa.select(I_SYSTEM.c.id).with_for_update())
    rules.check_enabled(sdn_enabled=bool((system_row(conn)["capabilities"] or {}).get("sdn_enabled")))


def _row(conn: Connection, uuid: str) -> Row:
    query = sa.select(SDN_CONTROLLER).where(SDN_CONTROLLER.c.uuid == uuid.lower())
    row = conn.execute(query).mappings().first() if ids.is_uuid(uuid) else None
    if row is None:
        raise ItemNotFound(resource="SDN controller", id=shown(uuid))
    return dict(row)


SERVICE = SdnControllerService
