# SPDX-License-Identifier: Apache-2.0
"""Use cases of data networks on interfaces: assign and remove one."""
from __future__ import annotations

from flock.core import ids
from flock.db import Database
from flock.wire.errors import shown
from sysinv.db.lookup import ItemNotFound, Row, row_of_locked_host
from sysinv.resources.datanetwork import store as datanetworks
from sysinv.resources.interface import store as interfaces
from sysinv.resources.interface.service import locked
from sysinv.resources.interface.view import DataNetworkView
from sysinv.resources.interfacedatanetwork import store
from sysinv.resources.interfacedatanetwork.rules import assigned, removed
from sysinv.resources.interfacedatanetwork.table import INTERFACE_DATANETWORKS


class InterfaceDataNetworkService:
    """Data networks on the interfaces of hosts."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def assign(self, interface_uuid: str, datanetwork: str) -> Row:
        """Put a data network on an interface.

        HostMustBeLocked, InterfaceRefused, InterfaceDataNetworkExists, ItemNotFound.
        """
        with self._db.writer() as conn:
            row, host = locked(conn, interface_uuid)
            # Its lock excludes a change of the MTU that would pass the check beside this one.
            network = datanetworks.found(conn, datanetwork, lock=True)
            if network is None:
                raise ItemNotFound(resource="Data network", id=shown(datanetwork))
            before = interfaces.view_of(conn, host)
            carried = DataNetworkView(network["id"], network["name"], network["network_type"], network["mtu"])
            interfaces.write(conn, before, assigned(before, row["id"], carried))
            return dict(conn.execute(store.QUERY.where(
                INTERFACE_DATANETWORKS.c.interface_id == row["id"],
                INTERFACE_DATANETWORKS.c.datanetwork_id == network["id"])).mappings().one())

    def remove(self, uuid: str) -> None:
        """Take a data network from an interface; HostMustBeLocked, ItemNotFound."""
        query = store.QUERY.where(INTERFACE_DATANETWORKS.c.uuid == uuid.lower())
        with self._db.writer() as conn:
            found = row_of_locked_host(conn, query, "ihost_uuid") if ids.is_uuid(uuid) else None
            if found is None:
                raise ItemNotFound(resource="Interface data network", id=shown(uuid))
            row, host = found
            before = interfaces.view_of(conn, host)
            interfaces.write(conn, before, removed(before, row["interface_id"], row["datanetwork_id"]))


SERVICE = InterfaceDataNetworkService
