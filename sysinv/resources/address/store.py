# SPDX-License-Identifier: Apache-2.0
"""Rows of ``addresses``; their name identifies them."""
from __future__ import annotations

from collections.abc import Iterable

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from sysinv.resources.address.table import ADDRESSES
from sysinv.resources.host.table import I_HOST
from sysinv.resources.network.table import ADDRESS_POOLS

QUERY = (
    sa.select(ADDRESSES, ADDRESS_POOLS.c.uuid.label("pool_uuid"), I_HOST.c.uuid.label("ihost_uuid"),
              sa.null().label("interface_uuid"))
    .outerjoin(ADDRESS_POOLS, ADDRESS_POOLS.c.id == ADDRESSES.c.address_pool_id)
    .outerjoin(I_HOST, I_HOST.c.id == ADDRESSES.c.forihostid))


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
