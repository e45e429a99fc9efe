# SPDX-License-Identifier: Apache-2.0
"""Discovery: an unknown machine with a lease on the pxeboot network becomes a locked host without a personality."""
from __future__ import annotations

import datetime
import logging
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from flock.core.errors import InvalidInput
from flock.db import Database, DuplicateEntry, utcnow
from sysinv.contract.enums import ActionState, NetworkType, Personality
from sysinv.db.lookup import the_system
from sysinv.model.host import client_mac, initial_states
from sysinv.resources.host import store as hosts
from sysinv.resources.host.table import DHCP_FORGOTTEN, I_HOST
from sysinv.resources.network import store as networks

LOG = logging.getLogger(__name__)
VENDOR_DIGITS = len("08:00:27")
LOCAL_BIT = 0x02


@dataclass(frozen=True, slots=True)
class DiscoveryLimits:
    """``unconfirmed_max``: hosts without a personality; ``per_vendor_max``: new ones of one vendor in ``window_s``."""

    unconfirmed_max: int = 64
    per_vendor_max: int = 16
    window_s: int = 60


def vendor(mac: str) -> str:
    """Return the vendor's part of a MAC address; all locally administered ones, which anybody can make up, are one."""
    return "local" if int(mac[:2], 16) & LOCAL_BIT else mac[:VENDOR_DIGITS]


def discovery_refusal(mac: str, unconfirmed: Iterable[tuple[str, datetime.datetime]], now: datetime.datetime,
                      limits: DiscoveryLimits) -> str | None:
    """Return why a machine is not made a host now; None when it is. ``unconfirmed`` are (MAC, time of discovery)."""
    waiting = list(unconfirmed)
    if len(waiting) >= limits.unconfirmed_max:
        return f"{len(waiting)} discovered hosts wait for a personality; give them one, or delete them"
    since = now - datetime.timedelta(seconds=limits.window_s)
    recent = Counter(vendor(known) for known, found_at in waiting if since < found_at <= now)
    if recent[vendor(mac)] >= limits.per_vendor_max:
        return f"{recent[vendor(mac)]} hosts of vendor {vendor(mac)} were discovered within {limits.window_s} s"
    return None


class EventLog(Protocol):
    """The part of ``fm.raiser.Raiser`` that discovery uses."""

    def log_event(self, alarm_id: str, *, entity_instance_id: str | None = None, severity: str | None = None,
                  reason_text: str | None = None) -> str:
        """Write a customer log."""


class HostDiscovery:
    """Turns leases into hosts; a repeated lease makes no second host.

    Postpones machines beyond ``limits``: the next sweep of the leases tries them again.
    """

    def __init__(self, db: Database, events: EventLog, limits: DiscoveryLimits = DiscoveryLimits(),
                 now: Callable[[], datetime.datetime] = utcnow) -> None:
        self._db = db
        self._events = events
        self._limits = limits
        self._now = now
        self._postponed: str | None = None

    def trouble(self) -> str | None:
        """Return, for the health page, why machines on the pxeboot network are not made hosts now; None otherwise."""
        return self._postponed

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
        self._postponed = None
        with self._db.reader() as conn:
            known = set(conn.execute(sa.select(I_HOST.c.mgmt_mac)).scalars())
        found = [self.lease([NetworkType.PXEBOOT], mac, address, expires_s)
                 for mac, address, expires_s in leases if mac not in known]
        return sum(uuid is not None for uuid in found)

    def forget(self, conn: Connection, mac: str, expiries_s: Iterable[int]) -> None:
        """Ignore the leases that the deleted host with ``mac`` still holds; ``expiries_s`` are their expiries."""
        conn.execute(sa.delete(DHCP_FORGOTTEN).where(DHCP_FORGOTTEN.c.mac == mac))
        for expires_s in set(expiries_s):
            conn.execute(sa.insert(DHCP_FORGOTTEN).values(mac=mac, expires_s=expires_s))

    def _wanted(self, conn: Connection, mac: str, expires_s: int) -> bool:
        if the_system(conn).is_aio_simplex or not networks.dynamic(conn, NetworkType.PXEBOOT):
            return False
        if conn.execute(sa.select(I_HOST.c.id).where(I_HOST.c.mgmt_mac == mac)).first() is not None:
            return False
        # A new lease may expire earlier than the forgotten one: the machine is unconfirmed now and gets a short lease.
        held = sa.select(DHCP_FORGOTTEN.c.mac).where(DHCP_FORGOTTEN.c.mac == mac,
                                                     DHCP_FORGOTTEN.c.expires_s == expires_s)
        if expires_s != 0 and conn.execute(held).first() is not None:
            return False
        return self._has_room(conn, mac)

    def _has_room(self, conn: Connection, mac: str) -> bool:
        waiting = conn.execute(sa.select(I_HOST.c.mgmt_mac, I_HOST.c.created_at).where(I_HOST.c.personality.is_(None)))
        refusal = discovery_refusal(mac, ((row.mgmt_mac, row.created_at) for row in waiting), self._now(), self._limits)
        if refusal is not None:
            if self._postponed is None:
                LOG.warning("machine %s on the pxeboot network is not made a host now: %s", mac, refusal)
            self._postponed = f"machines on the pxeboot network are not made hosts: {refusal}"
        return refusal is None

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
