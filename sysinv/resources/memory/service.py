# SPDX-License-Identifier: Apache-2.0
"""Use case of memory: change reserve and huge pages of one NUMA node. It takes effect at the next unlock."""
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flock.core import ids
from flock.db import Database, compare_and_set
from flock.wire.errors import shown
from sysinv.db.lookup import ItemNotFound, Row, row_of_locked_host, the_system
from sysinv.db.tables import I_IMEMORY
from sysinv.model.host import host_view
from sysinv.resources.memory import store
from sysinv.resources.memory.rules import check_modify


class MemoryService:
    """Memory of hosts."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def modify(self, uuid: str, changes: Mapping[str, Any]) -> Row:
        """Carry out a PATCH of one node's memory; HostRefused, ItemNotFound."""
        query = store.QUERY.where(I_IMEMORY.c.uuid == uuid.lower())
        with self._db.writer() as conn:
            found = row_of_locked_host(conn, query, "ihost_uuid") if ids.is_uuid(uuid) else None
            if found is None:
                raise ItemNotFound(resource="Memory", id=shown(uuid))
            row, host = found
            check_modify(host_view(host), the_system(conn), row, changes)
            values = {name: value for name, value in changes.items() if row[name] != value}
            if "platform_reserved_mib" in changes:
                values["capabilities"] = {**(row["capabilities"] or {}), store.RESERVE_CHOSEN: True}
            if "platform_reserved_mib" in values:
                values["memtotal_mib"] = max(row["node_memtotal_mib"] - values["platform_reserved_mib"], 0)
            if values:
                compare_and_set(conn, I_IMEMORY, row["id"], row["revision"], values)
            return dict(conn.execute(query).mappings().one())
