# SPDX-License-Identifier: Apache-2.0
"""Use case of NUMA nodes: store a report."""
from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy.engine import Connection

from sysinv.hosts.inventory import ReportingHost
from sysinv.resources.node import store
from sysinv.resources.node.report import NumaReport


def take_report(conn: Connection, host: ReportingHost, nodes: Sequence[NumaReport]) -> None:
    """Add new nodes."""
    store.ensure(conn, host.id, [node.numa_node for node in nodes])
