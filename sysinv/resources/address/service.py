# SPDX-License-Identifier: Apache-2.0
"""Use cases of addresses: add one to an interface, delete it; facts for the checks."""
from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import Any

from sqlalchemy.engine import Connection

from flock.core import ids
from flock.db import Database
from flock.wire.errors import shown
from sysinv.contract.enums import NetworkType
from sysinv.db.lookup import ItemNotFound, Row, row_of_locked_host, the_system
from sysinv.hosts.provision import host_addresses
from sysinv.model.host import host_view
from sysinv.resources.address import store
from sysinv.resources.address.checks import AddressFacts
from sysinv.resources.address.rules import AddressOfPool, check_add, check_locked, static_name
from sysinv.resources.address.table import ADDRESSES
from sysinv.resources.interface import store as interfaces
from sysinv.resources.interface.service import locked
from sysinv.resources.route.store import check_addressed


def action_facts(conn: Connection, row: Row) -> AddressFacts:
    """Return the facts of the host in ``row``."""
    given = host_addresses(conn, the_system(conn), row["hostname"]) if row["hostname"] else {}
    return AddressFacts(has_oam=NetworkType.OAM in given)


class AddressService:
    """Addresses that operators add to interfaces."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def add(self, values: Mapping[str, Any]) -> Row:
        """Add an address; HostMustBeLocked, AddressRefused, AddressExists, ItemNotFound."""
        address, prefix = str(ipaddress.ip_address(values["address"])), values["prefix"]
        with self._db.writer() as conn:
            row, host = locked(conn, values["interface_uuid"])
            view = interfaces.view_of(conn, host)
            one = view.of(row["id"])
            check_add(view, one, address, prefix, store.holder(conn, address))
            enable_dad = values.get("enable_dad")
            row_id = store.add_static(conn, {
                "name": static_name(view.host.name, one.ifname, address), "address": address, "prefix": prefix,
                "enable_dad": ":" in address if enable_dad is None else enable_dad, "interface_id": one.id,
                "forihostid": host["id"]})
            return dict(conn.execute(store.QUERY.where(ADDRESSES.c.id == row_id)).mappings().one())

    def delete(self, uuid: str) -> None:
        """Delete an address that an operator added; HostMustBeLocked, AddressOfPool, AddressOfRoute, ItemNotFound."""
        query = store.QUERY.where(ADDRESSES.c.uuid == uuid.lower())
        with self._db.writer() as conn:
            stored = conn.execute(query).mappings().first() if ids.is_uuid(uuid) else None
            if stored is None:
                raise ItemNotFound(resource="Address", id=shown(uuid))
            if stored["ihost_uuid"] is None or stored["address_pool_id"] is not None:
                raise AddressOfPool(address=stored["address"])
            found = row_of_locked_host(conn, query, "ihost_uuid")
            if found is None:
                raise ItemNotFound(resource="Address", id=shown(uuid))
            row, host = found
            check_locked(host_view(host))
            store.delete(conn, row["name"])
            check_addressed(conn, row["interface_id"], row["ifname"])


SERVICE = AddressService
