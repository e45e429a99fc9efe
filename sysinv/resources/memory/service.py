# SPDX-License-Identifier: Apache-2.0
"""Use cases of memory: store a report; change reserve and huge pages, which takes effect at the next unlock."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy.engine import Connection

from flock.core import ids
from flock.db import Database, compare_and_set
from flock.db.fitting import fitted
from flock.wire.errors import shown
from sysinv.db.lookup import ItemNotFound, Row, row_of_locked_host, the_system
from sysinv.hosts.inventory import ReportingHost
from sysinv.model.host import host_view
from sysinv.model.topology import physical_cores
from sysinv.resources.cpu import store as cpus
from sysinv.resources.memory import store
from sysinv.resources.memory.checks import MemoryFacts
from sysinv.resources.memory.intake import (
    RESERVE_CHOSEN,
    Reserve,
    fitting_counts,
    follow,
    memory_values,
    reserves,
)
from sysinv.resources.memory.report import MemoryReport, without_memory
from sysinv.resources.memory.rules import check_modify
from sysinv.resources.memory.table import I_IMEMORY
from sysinv.resources.node import store as nodes


def take_report(conn: Connection, host: ReportingHost, reported: Sequence[MemoryReport]) -> None:
    """Store the memory of the nodes; a node that a complete report omits has no memory any more."""
    known = store.rows_of_host(conn, host.id)
    reports = {report.numa_node: report for report in reported}
    if not host.partial:
        reports = {node: without_memory(node) for node in known} | reports
    node_ids = nodes.ensure(conn, host.id, reports)
    found = _reserves(conn, host, known, {node: report.node_memtotal_mib for node, report in reports.items()})
    for node, report in reports.items():
        present = known.get(node)
        values = memory_values(present, report, found[node])
        store.write(conn, host.id, node_ids[node], fitted(I_IMEMORY, values), present)
    _follow(conn, {node: row for node, row in known.items() if node not in reports}, found)


def follow_processors(conn: Connection, host: ReportingHost) -> None:
    """Adapt default reserves after the host's CPUs changed; keeps reserves that the operator chose."""
    known = store.rows_of_host(conn, host.id)
    _follow(conn, known, _reserves(conn, host, known, {}))


def _reserves(conn: Connection, host: ReportingHost, known: Mapping[int, Row],
              reported: dict[int, int]) -> dict[int, Reserve]:
    totals = {node: row["node_memtotal_mib"] for node, row in known.items()} | reported
    return reserves(host.role(conn), totals, physical_cores(cpus.of_host(conn, host.id)))


def _follow(conn: Connection, known: Mapping[int, Row], found: Mapping[int, Reserve]) -> None:
    for node, values in follow(known, found).items():
        store.update(conn, known[node], values)


def action_facts(conn: Connection, row: Row) -> MemoryFacts:
    """Return the facts that the checks of memory need."""
    return MemoryFacts(store.nodes_of_host(conn, row["id"]), physical_cores(cpus.of_host(conn, row["id"])))


def write_changes(conn: Connection, row: Row, changes: Mapping[str, Any]) -> None:
    """Write checked changes of a node's row; the caller holds the host's lock."""
    values = {name: value for name, value in changes.items() if row[name] != value}
    if "platform_reserved_mib" in values:
        # Sending the displayed value back chooses no reserve: it remains a default that follows the node.
        values["capabilities"] = {**(row["capabilities"] or {}), RESERVE_CHOSEN: True}
        values |= fitting_counts(row, values["platform_reserved_mib"])
    if values:
        compare_and_set(conn, I_IMEMORY, row["id"], row["revision"], values)


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
            write_changes(conn, row, changes)
            return dict(conn.execute(query).mappings().one())


SERVICE = MemoryService
