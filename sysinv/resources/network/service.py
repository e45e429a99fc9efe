# SPDX-License-Identifier: Apache-2.0
"""Use cases of networks and address pools. The bootstrap makes those in which hosts have addresses."""
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from flock.core import ids
from flock.core.errors import Conflict
from flock.db import Database, DuplicateEntry, compare_and_set
from flock.wire.errors import shown
from sysinv.db.lookup import ItemNotFound, Row, the_system
from sysinv.model.addressing import PoolView, controller_addresses
from sysinv.resources.address import store as addresses
from sysinv.resources.interface.table import INTERFACES
from sysinv.resources.interfacenetwork.table import INTERFACE_NETWORKS
from sysinv.resources.network import rules, store
from sysinv.resources.network.table import ADDRESS_POOLS, NETWORKS

CARRIERS_SHOWN = 10


class NetworkService:
    """Adds, changes and deletes networks and address pools."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def add_network(self, values: Mapping[str, Any]) -> Row:
        """Carry out a POST of a network; controllers get their addresses in it."""
        try:
            with self._db.writer() as conn:
                return self._add_network(conn, values)
        except DuplicateEntry as error:
            raise Conflict(detail="A network of this type or name exists already.") from error

    def delete_network(self, ident: str) -> None:
        """Delete a network with the addresses in it; its pool stays."""
        with self._db.writer() as conn:
            row = network_row(conn, ident, lock=True)
            rules.check_network_deletion(row, [one.ifname for one in _carriers(conn, row["id"])])
            addresses.forget_pool(conn, row["address_pool_id"])
            conn.execute(sa.delete(NETWORKS).where(NETWORKS.c.id == row["id"]))

    def add_pool(self, values: Mapping[str, Any]) -> Row:
        """Carry out a POST of an address pool."""
        pool = rules.new_pool(values)
        try:
            with self._db.writer() as conn:
                rules.overlapping(pool, _all_pools(conn))
                return _shown_pool(conn, store.add_pool(conn, pool))
        except DuplicateEntry as error:
            raise Conflict(detail=f"Address pool {pool.name} already exists.") from error

    def change_pool(self, uuid: str, changes: Mapping[str, Any]) -> Row:
        """Carry out a PATCH of an address pool."""
        try:
            with self._db.writer() as conn:
                row = pool_row(conn, uuid, lock=True)
                before = store.pool_view(row, store.ranges(conn))
                after = rules.changed_pool(before, changes, [one.type for one in _networks_of(conn, row["id"])])
                values = {name: getattr(after, name) for name in rules.POOL_CHANGES
                          if name != "ranges" and getattr(after, name) != getattr(before, name)}
                if after.ranges != before.ranges:
                    store.replace_ranges(conn, row["id"], after.ranges)
                if after != before:
                    compare_and_set(conn, ADDRESS_POOLS, row["id"], row["revision"], values)
                return _shown_pool(conn, row["id"])
        except DuplicateEntry as error:
            raise Conflict(detail=f"Address pool {shown(changes.get('name'))} already exists.") from error

    def delete_pool(self, uuid: str) -> None:
        """Delete an address pool that nothing needs."""
        with self._db.writer() as conn:
            row = pool_row(conn, uuid, lock=True)
            rules.check_pool_deletion(store.pool_view(row, {}), [one.name for one in _networks_of(conn, row["id"])],
                                      len(addresses.taken(conn, row["id"])))
            conn.execute(sa.delete(ADDRESS_POOLS).where(ADDRESS_POOLS.c.id == row["id"]))

    def _add_network(self, conn: Connection, values: Mapping[str, Any]) -> Row:
        system, row = the_system(conn), pool_row(conn, values["pool_uuid"], lock=True)
        pool = store.pool_view(row, store.ranges(conn))
        network_type = str(values["type"])
        known = conn.execute(sa.select(NETWORKS.c.type)).scalars().all()
        rules.check_network(system, network_type, pool, [one.name for one in _networks_of(conn, row["id"])], known)
        added = store.add_network(conn, network_type, values.get("name") or network_type, row["id"],
                                  store.version_of(pool), is_dynamic=bool(values.get("dynamic", True)))
        taken = set(addresses.taken(conn, row["id"]))
        for name, address in controller_addresses(pool, network_type, system.is_simplex).items():
            if address not in taken:
                taken.add(address)
                addresses.add(conn, name, address, pool.prefix, row["id"], None)
        return dict(conn.execute(store.QUERY.where(NETWORKS.c.id == added)).mappings().one())


def network_row(conn: Connection, ident: str, *, lock: bool = False) -> Row:
    """The network with this uuid or name; ItemNotFound."""
    clause = NETWORKS.c.uuid == ident.lower() if ids.is_uuid(ident) else NETWORKS.c.name == ident
    query = store.QUERY.where(clause)
    row = conn.execute(query.with_for_update(of=NETWORKS) if lock else query).mappings().first()
    if row is None:
        raise ItemNotFound(resource="Network", id=shown(ident))
    return dict(row)


def _shown_pool(conn: Connection, pool_id: int) -> Row:
    row = conn.execute(sa.select(ADDRESS_POOLS).where(ADDRESS_POOLS.c.id == pool_id)).mappings().one()
    return with_ranges(dict(row), store.ranges(conn))


def with_ranges(row: Row, found: Mapping[int, list[tuple[str, str]]]) -> Row:
    """The row of a pool with its ranges, as they are shown."""
    return {**row, "ranges": [list(pair) for pair in found.get(row["id"], [])]}


def pool_row(conn: Connection, uuid: str, *, lock: bool = False) -> Row:
    """The address pool with this uuid; ItemNotFound."""
    query = sa.select(ADDRESS_POOLS).where(ADDRESS_POOLS.c.uuid == uuid.lower())
    row = conn.execute(query.with_for_update() if lock else query).mappings().first() if ids.is_uuid(uuid) else None
    if row is None:
        raise ItemNotFound(resource="Address pool", id=shown(uuid))
    return dict(row)


def _carriers(conn: Connection, network_id: int) -> list[Any]:
    return list(conn.execute(
        sa.select(INTERFACES.c.ifname).join(INTERFACE_NETWORKS, INTERFACE_NETWORKS.c.interface_id == INTERFACES.c.id)
        .where(INTERFACE_NETWORKS.c.network_id == network_id).order_by(INTERFACES.c.ifname).limit(CARRIERS_SHOWN)))


def _networks_of(conn: Connection, pool_id: int) -> list[Any]:
    return list(conn.execute(sa.select(NETWORKS.c.name, NETWORKS.c.type).where(NETWORKS.c.address_pool_id == pool_id)))


def _all_pools(conn: Connection) -> list[PoolView]:
    return [store.pool_view(dict(row), {}) for row in conn.execute(sa.select(ADDRESS_POOLS)).mappings()]


SERVICE = NetworkService
