# SPDX-License-Identifier: Apache-2.0
"""Use case of CPUs: give cores another function. It takes effect at the next unlock."""
from __future__ import annotations

from typing import Any

from flock.db import Database
from sysinv.db.lookup import Row, host_row, the_system
from sysinv.db.tables import I_ICPU
from sysinv.model.host import host_view
from sysinv.resources.cpu import store
from sysinv.resources.cpu.rules import assign, check_host, parse_requests


class CpuService:
    """Core assignment of hosts."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def modify(self, ident: str, body: Any) -> list[Row]:
        """Deal the host's cores out as ``body`` asks; its CPUs afterwards. HostRefused, HostNotFound."""
        requests = parse_requests(body)
        with self._db.writer() as conn:
            row = host_row(conn, ident, lock=True)
            system, view = the_system(conn), host_view(row)
            known = store.of_host(conn, row["id"])
            check_host(view, system, known)
            functions = assign(view, known, requests, system.vswitch_type)
            present = {cpu.cpu: cpu.allocated_function for cpu in known}
            store.set_functions(conn, row["id"], {
                cpu: function for cpu, function in functions.items() if present[cpu] != function})
            query = store.QUERY.where(I_ICPU.c.forihostid == row["id"]).order_by(I_ICPU.c.cpu)
            return [dict(found) for found in conn.execute(query).mappings()]
