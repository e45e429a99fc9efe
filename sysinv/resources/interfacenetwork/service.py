# SPDX-License-Identifier: Apache-2.0
"""Use cases of platform networks on interfaces: assign and remove one, with the address of the host on it."""
from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from flock.core import ids
from flock.db import Database
from flock.wire.errors import shown
from sysinv.contract.enums import NetworkType
from sysinv.db.lookup import ItemNotFound, Row, row_of_locked_host, the_system
from sysinv.hosts.provision import assign_address, release_address
from sysinv.hosts.work import Work
from sysinv.resources.host import store as hosts
from sysinv.resources.interface import store as interfaces
from sysinv.resources.interface.service import locked
from sysinv.resources.interface.view import HostInterfaces, InterfaceRefused
from sysinv.resources.interfacenetwork import store
from sysinv.resources.interfacenetwork.rules import assigned, boot_mac, removed
from sysinv.resources.interfacenetwork.table import INTERFACE_NETWORKS
from sysinv.resources.network.table import NETWORKS
from sysinv.resources.route.store import check_addressed


class InterfaceNetworkService:
    """Platform networks on the interfaces of hosts. ``work`` records what the conductor has to carry out."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def assign(self, interface_uuid: str, network_uuid: str, work: Work) -> Row:
        """Put a network on an interface; HostMustBeLocked, InterfaceRefused, InterfaceNetworkExists, ItemNotFound."""
        with self._db.writer() as conn:
            row, host = locked(conn, interface_uuid)
            network = _network(conn, network_uuid)
            before = interfaces.view_of(conn, host)
            after = assigned(before, row["id"], network["type"], interfaces.families(conn)[network["type"]],
                             cluster_on_controller=store.on_a_controller(conn, NetworkType.CLUSTER_HOST))
            interfaces.write(conn, before, after)
            if host["hostname"]:
                assign_address(conn, the_system(conn), host["id"], host["hostname"], network["type"])
            boots = network["type"] in (NetworkType.PXEBOOT, NetworkType.MGMT)
            operation = _follow_boot(conn, host, after, work) if boots else None
            found = dict(conn.execute(store.QUERY.where(
                INTERFACE_NETWORKS.c.interface_id == row["id"], NETWORKS.c.id == network["id"])).mappings().one())
        if operation is not None:
            work.begin(operation)
        return found

    def remove(self, uuid: str) -> None:
        """Take a network from its interface; HostMustBeLocked, InterfaceRefused, AddressOfRoute, ItemNotFound."""
        query = store.QUERY.where(INTERFACE_NETWORKS.c.uuid == uuid.lower())
        with self._db.writer() as conn:
            found = row_of_locked_host(conn, query, "ihost_uuid") if ids.is_uuid(uuid) else None
            if found is None:
                raise ItemNotFound(resource="Interface network", id=shown(uuid))
            row, host = found
            before = interfaces.view_of(conn, host)
            interfaces.write(conn, before, removed(before, row["interface_id"], row["network_type"]))
            if host["hostname"]:
                release_address(conn, host["hostname"], row["network_type"])
            check_addressed(conn, row["interface_id"], row["ifname"])


def _network(conn: Connection, uuid: str) -> Any:
    row = conn.execute(sa.select(NETWORKS).where(NETWORKS.c.uuid == uuid)).mappings().first()
    if row is None:
        raise ItemNotFound(resource="Network", id=shown(uuid))
    return row


def _follow_boot(conn: Connection, host: Row, after: HostInterfaces, work: Work) -> str | None:
    """Record the MAC address of the interface from which the host boots now; returns the operation, if it changed."""
    mac = boot_mac(after)
    if mac is None or mac == host["mgmt_mac"]:
        return None
    other = hosts.by_mac(conn, mac)
    if other is not None:
        raise InterfaceRefused(detail=f"MAC address {mac} is that of host {other['hostname'] or other['uuid']}.")
    hosts.write(conn, host, {"mgmt_mac": mac})
    return work.configure(conn, host["uuid"], boot_file=False, name=host["hostname"] or host["uuid"])


SERVICE = InterfaceNetworkService
