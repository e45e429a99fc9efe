# SPDX-License-Identifier: Apache-2.0
"""Rows of ``addresses``; an address is found by its name."""
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
    """Name to address of those that exist."""
    rows = conn.execute(sa.select(ADDRESSES.c.name, ADDRESSES.c.address).where(ADDRESSES.c.name.in_(list(names))))
    return {row.name: row.address for row in rows}


def ending(conn: Connection, network_type: str) -> dict[str, str]:
    """Hostname to address of all hosts on a network."""
    suffix = f"-{network_type}"
    rows = conn.execute(sa.select(ADDRESSES.c.name, ADDRESSES.c.address)
                        .where(ADDRESSES.c.name.like(f"%{suffix}")))
    return {row.name.removesuffix(suffix): row.address for row in rows}


def taken(conn: Connection, pool_id: int) -> list[str]:
    """Addresses of a pool that are given out."""
    return list(conn.execute(sa.select(ADDRESSES.c.address).where(ADDRESSES.c.address_pool_id == pool_id)).scalars())


def add(conn: Connection, name: str, address: str, prefix: int, pool_id: int, host_id: int | None) -> None:
    """Store an address under its name."""
    conn.execute(sa.insert(ADDRESSES).values(
        name=name, address=address, prefix=prefix, address_pool_id=pool_id, forihostid=host_id,
        enable_dad=":" in address))


def attach(conn: Connection, name: str, host_id: int | None) -> None:
    """Tie a fixed address to a host, or set it free."""
    conn.execute(sa.update(ADDRESSES).where(ADDRESSES.c.name == name).values(forihostid=host_id))


def release(conn: Connection, host_id: int, keep_names: Iterable[str]) -> None:
    """Give a host's addresses back; the named ones stay, without host."""
    conn.execute(sa.update(ADDRESSES).where(ADDRESSES.c.forihostid == host_id, ADDRESSES.c.name.in_(list(keep_names)))
                 .values(forihostid=None))
    conn.execute(sa.delete(ADDRESSES).where(ADDRESSES.c.forihostid == host_id))
