# SPDX-License-Identifier: Apache-2.0
"""Use cases of storage tiers."""
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from flock.db import Database, DuplicateEntry
from flock.wire.errors import shown
from sysinv.db.lookup import ItemNotFound, Row
from sysinv.resources.cluster.rules import CEPH_CLUSTER
from sysinv.resources.cluster.table import CLUSTERS
from sysinv.resources.storagebackend.store import serialise
from sysinv.resources.storagetier import rules, store
from sysinv.resources.storagetier.rules import TierExists


class TierService:
    """The storage tiers of the system."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def get(self, ident: str) -> Row:
        """Return one tier by uuid, id or name; ItemNotFound."""
        with self._db.reader() as conn:
            return _found(conn, ident)

    def add(self, values: Mapping[str, Any]) -> Row:
        """Add a tier to a cluster; TierRefused, TierExists, ItemNotFound."""
        try:
            with self._db.writer() as conn:
                serialise(conn)
                cluster = conn.execute(sa.select(CLUSTERS).where(
                    CLUSTERS.c.uuid == values["cluster_uuid"].lower())).mappings().first()
                if cluster is None:
                    raise ItemNotFound(resource="cluster", id=shown(values["cluster_uuid"]))
                rules.check_add(len(store.of_cluster(conn, cluster["id"])),
                                is_host_based=cluster["name"] == CEPH_CLUSTER)
                made = store.insert(conn, cluster["id"], values["name"], values.get("capabilities"))
                return _found(conn, str(made))
        except DuplicateEntry as error:
            raise TierExists(name=values["name"], cluster=CEPH_CLUSTER) from error

    def change(self, ident: str, changes: Mapping[str, Any]) -> Row:
        """Rename a tier that nothing uses, or change its capabilities; TierRefused, TierExists, ItemNotFound."""
        try:
            with self._db.writer() as conn:
                serialise(conn)
                row = _found(conn, ident)
                if changes.get("name", row["name"]) != row["name"]:
                    rules.check_change(row["name"], row["status"], "renamed")
                values = {name: value for name, value in changes.items() if row[name] != value}
                if values:
                    store.write(conn, row, values)
                return _found(conn, str(row["id"]))
        except DuplicateEntry as error:
            raise TierExists(name=changes["name"], cluster=CEPH_CLUSTER) from error

    def delete(self, ident: str) -> None:
        """Delete a tier that nothing uses; TierRefused, ItemNotFound."""
        with self._db.writer() as conn:
            serialise(conn)
            row = _found(conn, ident)
            rules.check_change(row["name"], row["status"], "deleted")
            store.delete(conn, row["id"])


def _found(conn: Connection, ident: str) -> Row:
    row = store.found(conn, ident)
    if row is None:
        raise ItemNotFound(resource="storage tier", id=shown(ident))
    return row


SERVICE = TierService
