# SPDX-License-Identifier: Apache-2.0
"""Use case of LLDP agents: store a report."""
from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy.engine import Connection

from sysinv.db import reported as rows
from sysinv.hosts.inventory import ReportingHost
from sysinv.resources.lldpagent import store
from sysinv.resources.lldpagent.intake import agent_change
from sysinv.resources.lldpagent.report import LldpAgentReport
from sysinv.resources.port import store as ports


def take_report(conn: Connection, host: ReportingHost, reported: Sequence[LldpAgentReport]) -> None:
    """Store the agents of the host's ports; removes those that a complete report omits."""
    stored = rows.of_host(conn, store.HOST, host.id)
    change = agent_change(stored, reported, ports.ids_by_name(conn, host.id), partial=host.partial)
    rows.apply(conn, store.HOST, host.row, change)
