# SPDX-License-Identifier: Apache-2.0
"""Rows of ``addresses``; their name identifies them."""
from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from sysinv.resources.address.table import ADDRESSES
from sysinv.resources.host.table import I_HOST
from sysinv.resources.interface.table import INTERFACES
from sysinv.resources.interfacenetwork.table import INTERFACE_NETWORKS
from sysinv.resources.network.table import ADDRESS_POOLS, NETWORKS

# The interface of the host that carries the network after which the address is named.
_INTERFACE = (
    sa.select(INTERFACE_NETWORKS.c.interface_id)
    .join(NETWORKS, NETWORKS.c.id == INTERFACE_NETWORKS.c.network_id)
    .where(INTERFACE_NETWORKS.c.forihostid == ADDRESSES.c.forihostid,
           NETWORKS.c.address_pool_id == ADDRESSES.c.address_pool_id,
           ADDRESSES.c.name.like(sa.literal("%-") + NETWORKS.c.type))
    .correlate(ADDRESSES).limit(1).scalar_subquery())
ON_INTERFACE = sa.func.coalesce(ADDRESSES.c.interface_id, _INTERFACE)
QUERY = (
    sa.select(ADDRESSES, ADDRESS_POOLS.c.uuid.label("pool_uuid"), I_HOST.c.uuid.label("ihost_uuid"),
              INTERFACES.c.uuid.label("interface_uuid"), INTERFACES.c.ifname)
    .outerjoin(ADDRESS_POOLS, ADDRESS_POOLS.c.id == ADDRESSES.c.address_pool_id)
    .outerjoin(I_HOST, I_HOST.c.id == ADDRESSES.c.forihostid)
    .outerjoin(INTERFACES, INTERFACES.c.id == ON_INTERFACE))


def named(conn: Connection, names: Iterable[str]) -> dict[str, str]:
    """Return the existing addresses by name."""
    rows = conn.execute(sa.select(ADDRESSES.c.name, ADDRESSES.c.address).where(ADDRESSES.c.name.in_(list(names))))
    return {row.name: row.address for row in rows}


def ending(conn: Connection, network_type: str) -> dict[str, str]:
    """Return the addresses of all hosts on a network by hostname."""
    suffix = f"-{network_type}"
    rows = conn.execute(sa.select(ADDRESSES.c.name, ADDRESSES.c.address)
                        .where(ADDRESSES.c.name.like(f"%{suffix}")))
    return {row.name.removesuffix(suffix): row.address for row in rows}


def taken(conn: Connection, pool_id: int) -> list[str]:
    """Return the addresses of a pool that are in use."""
    return list(conn.execute(sa.select(ADDRESSES.c.address).where(ADDRESSES.c.address_pool_id == pool_id)).scalars())


def add(conn: Connection, name: str, address: str, prefix: int, pool_id: int, host_id: int | None) -> None:
    """Store an address under its name."""
    conn.execute(sa.insert(ADDRESSES).values(
        name=name, address=address, prefix=prefix, address_pool_id=pool_id, forihostid=host_id,
        enable_dad=":" in address))


def holder(conn: Connection, address: str) -> str | None:
    """Return the name of a stored address that is equal."""
    return conn.execute(sa.select(ADDRESSES.c.name).where(ADDRESSES.c.address == address).limit(1)).scalar()


def of_interface(conn: Connection, interface_id: int) -> list[str]:
    """Return the addresses that a host has on an interface, such as ``10.0.0.2/24``."""
    return _with_prefixes(conn, ON_INTERFACE.in_([interface_id]))


def of_host(conn: Connection, host_id: int) -> list[str]:
    """Return all addresses of a host with their prefixes."""
    return _with_prefixes(conn, ADDRESSES.c.forihostid == host_id)


def _with_prefixes(conn: Connection, clause: sa.ColumnElement[bool]) -> list[str]:
    rows = conn.execute(sa.select(ADDRESSES.c.address, ADDRESSES.c.prefix).where(clause).order_by(ADDRESSES.c.id))
    return [f"{row.address}/{row.prefix}" for row in rows]


def add_static(conn: Connection, values: Mapping[str, Any]) -> int:
    """Store an address of an interface; returns its row id."""
    return int(conn.execute(sa.insert(ADDRESSES).values(**values)).inserted_primary_key[0])  # type: ignore[index]


def delete(conn: Connection, name: str) -> None:
    """Delete the address with that name."""
    conn.execute(sa.delete(ADDRESSES).where(ADDRESSES.c.name == name))


def attach(conn: Connection, name: str, host_id: int | None) -> None:
    """Assign a fixed address to a host, or to none."""
    conn.execute(sa.update(ADDRESSES).where(ADDRESSES.c.name == name).values(forihostid=host_id))


def forget_pool(conn: Connection, pool_id: int) -> None:
    """Delete all addresses of a pool."""
    conn.execute(sa.delete(ADDRESSES).where(ADDRESSES.c.address_pool_id == pool_id))


def release(conn: Connection, host_id: int, keep_names: Iterable[str]) -> None:
    """Delete a host's addresses, except those in ``keep_names``, which stay without a host."""
    conn.execute(sa.update(ADDRESSES).where(ADDRESSES.c.forihostid == host_id, ADDRESSES.c.name.in_(list(keep_names)))
                 .values(forihostid=None))
    conn.execute(sa.delete(ADDRESSES).where(ADDRESSES.c.forihostid == host_id))
