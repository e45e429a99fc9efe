# SPDX-License-Identifier: Apache-2.0
"""Use cases of data networks: add, change MTU and description, delete."""
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy.engine import Connection

from flock.db import Database, DuplicateEntry, compare_and_set
from flock.wire.errors import shown
from sysinv.db.lookup import ItemNotFound, Row
from sysinv.resources.datanetwork import store
from sysinv.resources.datanetwork.rules import DataNetworkExists, check_delete, check_mtu, new_network
from sysinv.resources.datanetwork.table import DATANETWORKS


class DataNetworkService:
    """The data networks of the system; ``ident`` is a uuid, an id or a name."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def get(self, ident: str) -> Row:
        """Return one data network; ItemNotFound."""
        with self._db.reader() as conn:
            return _row(conn, ident)

    def add(self, values: Mapping[str, Any]) -> Row:
        """Add a data network; DataNetworkRefused, DataNetworkExists."""
        columns = new_network(values)
        try:
            with self._db.writer() as conn:
                return store.insert(conn, columns)
        except DuplicateEntry as error:
            raise DataNetworkExists(name=columns["name"]) from error

    def modify(self, ident: str, changes: Mapping[str, Any]) -> Row:
        """Change MTU and description; DataNetworkRefused, ItemNotFound."""
        with self._db.writer() as conn:
            row = _row(conn, ident, lock=True)
            values = {name: value for name, value in changes.items() if row[name] != value}
            if "mtu" in values:
                check_mtu(row["network_type"], values["mtu"], store.carriers(conn, row["id"]))
            if values:
                compare_and_set(conn, DATANETWORKS, row["id"], row["revision"], values)
            return _row(conn, row["uuid"])

    def delete(self, ident: str) -> None:
        """Delete a data network that no interface carries; DataNetworkInUse, ItemNotFound."""
        with self._db.writer() as conn:
            row = _row(conn, ident, lock=True)
            check_delete(row["name"], store.carriers(conn, row["id"]))
            store.delete(conn, row["id"])


def _row(conn: Connection, ident: str, *, lock: bool = False) -> Row:
    row = store.found(conn, ident, lock=lock)
    if row is None:
        raise ItemNotFound(resource="Data network", id=shown(ident))
    return row


SERVICE = DataNetworkService
