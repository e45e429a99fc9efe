# SPDX-License-Identifier: Apache-2.0
"""Use cases of CPUs: store a report; change functions of cores, which takes effect at the next unlock."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy.engine import Connection

from flock.db import Database
from sysinv.db.lookup import Row, host_row, the_system
from sysinv.hosts.inventory import ReportingHost
from sysinv.model.host import host_view
from sysinv.model.topology import default_cpu_functions
from sysinv.resources.cpu import store
from sysinv.resources.cpu.intake import cpu_change, fitting
from sysinv.resources.cpu.report import CpuReport
from sysinv.resources.cpu.rules import assign, check_host, parse_requests
from sysinv.resources.cpu.table import I_ICPU
from sysinv.resources.memory.service import follow_processors
from sysinv.resources.node import store as nodes


def take_report(conn: Connection, host: ReportingHost, reported: Sequence[CpuReport]) -> None:
    """Store the host's CPUs; assigns default functions to a new or changed topology."""
    reported = [fitting(cpu) for cpu in reported]
    node_ids = nodes.ensure(conn, host.id, {cpu.numa_node for cpu in reported})
    change = cpu_change(store.of_host(conn, host.id), reported, partial=host.partial)
    if change.rebuild:
        functions = default_cpu_functions(host.role(conn), reported)
        store.replace_all(conn, host.id, reported, functions, node_ids)
    elif change.update:
        store.update(conn, host.id, change.update)
    if not change.is_empty:
        follow_processors(conn, host)


class CpuService:
    """Core assignment of hosts."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def modify(self, ident: str, body: Any) -> list[Row]:
        """Assign the host's cores as requested in ``body``; returns its CPUs. HostRefused, HostNotFound."""
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


SERVICE = CpuService
