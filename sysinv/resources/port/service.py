# SPDX-License-Identifier: Apache-2.0
"""Use case of network ports: store a report."""
from __future__ import annotations

import logging
from collections.abc import Sequence

from sqlalchemy.engine import Connection

from sysinv.contract.enums import InvProvision
from sysinv.hosts.inventory import ReportingHost
from sysinv.resources.host import store as hosts
from sysinv.resources.node import store as nodes
from sysinv.resources.port import store
from sysinv.resources.port.intake import port_change
from sysinv.resources.port.report import PortReport

LOG = logging.getLogger(__name__)


def take_report(conn: Connection, host: ReportingHost, reported: Sequence[PortReport]) -> None:
    """Store the host's ports; removes those that a complete report omits."""
    node_ids = nodes.ensure(conn, host.id, {port.numa_node for port in reported if port.numa_node >= 0})
    stored = [dict(one) for one in store.of_host(conn, host.id)]
    change = port_change(stored, reported, host.row["mgmt_mac"], node_ids, partial=host.partial)
    store.apply(conn, host.id, change)
    for name, old, new in change.new_macs:
        LOG.warning("port %s of host %s: MAC address changed from %s to %s", name, host.row["hostname"], old, new)
    if host.row["invprovision"] is None:
        hosts.write(conn, host.row, {"invprovision": InvProvision.UNPROVISIONED.value})
