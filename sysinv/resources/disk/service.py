# SPDX-License-Identifier: Apache-2.0
"""Use case of disks: store a report."""
from __future__ import annotations

import logging
from collections.abc import Sequence

from sqlalchemy.engine import Connection

from sysinv.hosts.inventory import ReportingHost
from sysinv.resources.disk import store
from sysinv.resources.disk.intake import disk_change
from sysinv.resources.disk.report import DiskReport

LOG = logging.getLogger(__name__)


def take_report(conn: Connection, host: ReportingHost, reported: Sequence[DiskReport]) -> None:
    """Store the host's disks; removes those that a complete report omits."""
    change = disk_change(store.of_host(conn, host.id), reported)
    if host.partial:
        change.delete.clear()
    store.apply(conn, host.id, change)
    if change.replaced:
        LOG.warning("host %s: %d disk(s) were replaced", host.row["hostname"], len(change.replaced))
