# SPDX-License-Identifier: Apache-2.0
"""Use case of memory: change reserve and huge pages of one NUMA node. It takes effect at the next unlock."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy.engine import Connection

from flock.core import ids
from flock.db import Database, compare_and_set
from flock.wire.errors import shown
from sysinv.db.lookup import ItemNotFound, Row, row_of_locked_host, the_system
from sysinv.hosts.inventory import ReportingHost
from sysinv.model.host import host_view
from sysinv.model.topology import default_reserve_mib, fitting_reserve_mib, minimum_reserve_mib, physical_cores
from sysinv.resources.cpu import store as cpus
from sysinv.resources.memory import store
from sysinv.resources.memory.checks import MemoryFacts
from sysinv.resources.memory.intake import Reserve, memory_values
from sysinv.resources.memory.report import MemoryReport
from sysinv.resources.memory.rules import check_modify
from sysinv.resources.memory.table import I_IMEMORY
from sysinv.resources.node import store as nodes


def take_report(conn: Connection, host: ReportingHost, reported: Sequence[MemoryReport]) -> None:
    """Store the memory of the nodes that are reported; a node that is not stays as it was."""
    role = host.role(conn)
    numbers = [report.numa_node for report in reported]
    node_ids = nodes.ensure(conn, host.id, numbers)
    known = store.rows_of_host(conn, host.id)
    cores = physical_cores(cpus.of_host(conn, host.id))
    totals = {report.numa_node: report.node_memtotal_mib for report in reported}
    defaults = fitting_reserve_mib(default_reserve_mib(role, numbers, cores), totals)
    for report in reported:
        node = report.numa_node
        minimum = min(minimum_reserve_mib(role, numbers, node), totals[node] * 2 // 3)
        present = known.get(node)
        values = memory_values(store.stored(present) if present is not None else None, report,
                               Reserve(defaults[node], minimum))
        store.write(conn, host.id, node_ids[node], values, present)


def action_facts(conn: Connection, row: Row) -> MemoryFacts:
    """What the checks of memory look at."""
    return MemoryFacts(store.nodes_of_host(conn, row["id"]), physical_cores(cpus.of_host(conn, row["id"])))


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


SERVICE = MemoryService
