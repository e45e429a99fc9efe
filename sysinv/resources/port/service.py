# SPDX-License-Identifier: Apache-2.0
"""Use case of network ports: store a report. Interfaces follow the ports."""
from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy.engine import Connection

from sysinv.contract.enums import InvProvision
from sysinv.db import reported as rows
from sysinv.hosts.inventory import ReportingHost
from sysinv.resources.host import store as hosts
from sysinv.resources.interface import service as interfaces
from sysinv.resources.node import store as nodes
from sysinv.resources.port import store
from sysinv.resources.port.intake import port_change
from sysinv.resources.port.report import PortReport


def take_report(conn: Connection, host: ReportingHost, reported: Sequence[PortReport]) -> None:
    """Store the host's ports; removes those that a complete report omits."""
    node_ids = nodes.ensure(conn, host.id, {port.numa_node for port in reported if port.numa_node >= 0})
    stored = rows.of_host(conn, store.HOST, host.id)
    change = port_change(stored, reported, host.row["mgmt_mac"], node_ids, partial=host.partial)
    store.apply(conn, host.row, change)
    interfaces.follow_ports(conn, host.row, host.interfaces, partial=host.partial)
    if host.row["invprovision"] is None:
        hosts.write(conn, host.row, {"invprovision": InvProvision.UNPROVISIONED.value})
