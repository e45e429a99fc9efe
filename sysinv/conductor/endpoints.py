# SPDX-License-Identifier: Apache-2.0
"""The conductor's smaller bus interfaces: leases from dnsmasq, states from mtce, notifications from the API."""
from __future__ import annotations

import logging
from collections.abc import Callable

from sqlalchemy.engine import Connection

from flock.db import Database
from sysinv.actions.progress import check_range, state_changes
from sysinv.contract.errors import HostNotFound
from sysinv.contract.records import HostStateUpdate
from sysinv.db.lookup import host_row
from sysinv.hosts.discovery import HostDiscovery
from sysinv.model.host import host_view
from sysinv.resources.host import store as hosts

LOG = logging.getLogger(__name__)


class DiscoveryEndpoint:
    """``Discovery``: receives leases; ``refresh`` writes dnsmasq's host files after a discovery."""

    def __init__(self, discovery: HostDiscovery, refresh: Callable[[], None]) -> None:
        self._discovery = discovery
        self._refresh = refresh

    def handle_dhcp_lease(self, *, tags: list[str], mac: str, ip_address: str, client_id: str | None,
                          expires_s: int) -> None:
        """Discover the machine that got a lease."""
        if self._discovery.lease(tags, mac, ip_address, expires_s) is not None:
            self._refresh()


class HostStatesEndpoint:
    """``HostStates``: receives the columns that only mtce writes."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def update_host_state(self, *, update: HostStateUpdate) -> None:
        """Store the given fields, unless a newer update is stored already."""
        self._db.transact(lambda conn: self._update(conn, update))

    def _update(self, conn: Connection, update: HostStateUpdate) -> None:
        try:
            row = host_row(conn, update.host_uuid, lock=True)
        except HostNotFound:
            # The host was deleted.
            LOG.info("dropping state of unknown host %s", update.host_uuid)
            return
        host = host_view(row)
        check_range(host, update)
        changes = state_changes(host, update)
        if changes is None:
            LOG.info("host %s: dropping state %d, which is older than %d", row["hostname"], update.sequence,
                     row["mtce_sequence"])
            return
        hosts.write(conn, row, changes)
        if update.action_failed is not None:
            LOG.warning("host %s: %s failed: %s", row["hostname"], row["ihost_action"], update.action_failed)


class OperationsEndpoint:
    """``Operations``: receives a notification after an operation was recorded."""

    def __init__(self, nudge: Callable[[], None]) -> None:
        self._nudge = nudge

    def operation_recorded(self, *, operation_uuid: str) -> None:
        """Look at the operations table now."""
        LOG.debug("operation %s was recorded", operation_uuid)
        self._nudge()
