# SPDX-License-Identifier: Apache-2.0
"""Discovery: an unknown machine with a lease on the pxeboot network becomes a locked host without a personality."""
from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any, Protocol

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from flock.core.errors import InvalidInput
from flock.db import Database, DuplicateEntry
from sysinv.contract.enums import ActionState, NetworkType, Personality
from sysinv.db.lookup import the_system
from sysinv.model.host import client_mac, initial_states
from sysinv.resources.host import store as hosts
from sysinv.resources.host.table import DHCP_FORGOTTEN, I_HOST
from sysinv.resources.network import store as networks

LOG = logging.getLogger(__name__)


class EventLog(Protocol):
    """The part of ``fm.raiser.Raiser`` that discovery uses."""

    def log_event(self, alarm_id: str, *, entity_instance_id: str | None = None, severity: str | None = None,
                  reason_text: str | None = None) -> str:
        """Write a customer log."""


class HostDiscovery:
    """Turns leases into hosts; a repeated lease makes no second host."""

    def __init__(self, db: Database, events: EventLog) -> None:
        self._db = db
        self._events = events

    def lease(self, tags: Sequence[str], mac_text: str, ip_address: str, expires_s: int) -> str | None:
        """Process one lease; returns the uuid of a newly discovered host, else None.

        Only the first tag counts. InvalidInput when ``mac_text`` is not a MAC address.
        """
        if not tags or tags[0] != NetworkType.PXEBOOT:
            return None
        mac = client_mac(mac_text)
        if mac is None:
            raise InvalidInput(field="mac", rule="must be an Ethernet address of six bytes")
        with self._db.reader() as conn:
            if not self._wanted(conn, mac, expires_s):
                return None
        try:
            uuid = self._db.transact(lambda conn: self._discover(conn, mac, expires_s))
        except DuplicateEntry:
            # Another request with the same lease has just created the host.
            return None
        if uuid is not None:
            LOG.info("host %s with MAC address %s discovered at %s", uuid, mac, ip_address)
            self._events.log_event("200.020", entity_instance_id=f"host={mac}.event=discovered", severity="warning",
                                   reason_text=f"Host with MAC address {mac} was discovered on the pxeboot network.")
        return uuid

    def sweep(self, leases: Sequence[tuple[str, str, int]]) -> int:
        """Process all leases (mac, address, expiry) of the pxeboot network; returns the number of new hosts.

        Finds leases whose message from dnsmasq was lost; costs one query when no lease is new.
        """
        with self._db.reader() as conn:
            known = set(conn.execute(sa.select(I_HOST.c.mgmt_mac)).scalars())
        found = [self.lease([NetworkType.PXEBOOT], mac, address, expires_s)
                 for mac, address, expires_s in leases if mac not in known]
        return sum(uuid is not None for uuid in found)

    def forget(self, conn: Connection, mac: str, expires_s: int) -> None:
        """Ignore the lease that the deleted host with ``mac`` still holds until ``expires_s``."""
        conn.execute(sa.delete(DHCP_FORGOTTEN).where(DHCP_FORGOTTEN.c.mac == mac))
        conn.execute(sa.insert(DHCP_FORGOTTEN).values(mac=mac, expires_s=expires_s))

    def _wanted(self, conn: Connection, mac: str, expires_s: int) -> bool:
        if the_system(conn).is_aio_simplex or not networks.dynamic(conn, NetworkType.PXEBOOT):
            return False
        if conn.execute(sa.select(I_HOST.c.id).where(I_HOST.c.mgmt_mac == mac)).first() is not None:
            return False
        forgotten = conn.execute(sa.select(DHCP_FORGOTTEN.c.expires_s).where(DHCP_FORGOTTEN.c.mac == mac)).scalar()
        return forgotten is None or expires_s == 0 or expires_s > forgotten

    def _discover(self, conn: Connection, mac: str, expires_s: int) -> str | None:
        if not self._wanted(conn, mac, expires_s):
            return None
        conn.execute(sa.delete(DHCP_FORGOTTEN).where(DHCP_FORGOTTEN.c.mac == mac))
        row = hosts.insert(conn, new_host_values(conn, mac))
        return str(row["uuid"])


def new_host_values(conn: Connection, mac: str) -> dict[str, Any]:
    """Return the columns of a new host: not installed, with the boot parameters of the controllers."""
    system = the_system(conn)
    return {
        **initial_states(), "mgmt_mac": mac, "forisystemid": system.id, "sw_version": system.software_version,
        "action_state": ActionState.REINSTALLING.value, "tboot": _controllers_tboot(conn)}


def _controllers_tboot(conn: Connection) -> str:
    query = sa.select(I_HOST.c.tboot).where(I_HOST.c.personality == Personality.CONTROLLER.value)
    return str(conn.execute(query.order_by(I_HOST.c.id).limit(1)).scalar() or "")
