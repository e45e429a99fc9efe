# SPDX-License-Identifier: Apache-2.0
"""Use case of disks: store a report."""
from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy.engine import Connection

from sysinv.db import reported as rows
from sysinv.hosts.inventory import ReportingHost
from sysinv.resources.disk.intake import disk_change
from sysinv.resources.disk.report import DiskReport
from sysinv.resources.disk.table import I_IDISK

_HOST = I_IDISK.c.forihostid


def take_report(conn: Connection, host: ReportingHost, reported: Sequence[DiskReport]) -> None:
    """Store the host's disks; removes those that a complete report omits."""
    change = disk_change(rows.of_host(conn, _HOST, host.id), reported, partial=host.partial)
    rows.apply(conn, _HOST, host.row, change)
