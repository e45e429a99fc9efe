# SPDX-License-Identifier: Apache-2.0
"""Rows of networks and their address pools."""
from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from sysinv.contract.enums import NetworkType
from sysinv.model.addressing import PoolView, check_pool
from sysinv.resources.network.table import ADDRESS_POOL_RANGES, ADDRESS_POOLS, NETWORK_ADDRESSPOOLS, NETWORKS

QUERY = (
    sa.select(NETWORKS, ADDRESS_POOLS.c.uuid.label("pool_uuid"))
    .outerjoin(ADDRESS_POOLS, ADDRESS_POOLS.c.id == NETWORKS.c.address_pool_id))


def pools_by_network(conn: Connection) -> dict[str, PoolView]:
    """Return the primary pool of each network type."""
    rows = conn.execute(
        sa.select(NETWORKS.c.type.label("network_type"), ADDRESS_POOLS)
        .join(ADDRESS_POOLS, ADDRESS_POOLS.c.id == NETWORKS.c.address_pool_id)).mappings().all()
    found = ranges(conn)
    return {row["network_type"]: pool_view(dict(row), found) for row in rows}


def oam_families(conn: Connection) -> set[int]:
    """Return the families of addresses that the OAM network has: 4, 6."""
    query = sa.select(ADDRESS_POOLS.c.family).join(NETWORKS, NETWORKS.c.address_pool_id == ADDRESS_POOLS.c.id)
    return set(conn.execute(query.where(NETWORKS.c.type == NetworkType.OAM.value)).scalars())


def pool_view(row: Mapping[str, Any], found: Mapping[int, Sequence[tuple[str, str]]]) -> PoolView:
    """Return the pool of a row; ``found`` as ``ranges`` returns them."""
    return PoolView(
        id=row["id"], uuid=row["uuid"], name=row["name"], network=row["network"], prefix=row["prefix"],
        order=row["order"], ranges=tuple(found.get(row["id"], ())), floating_address=row["floating_address"],
        controller0_address=row["controller0_address"], controller1_address=row["controller1_address"],
        gateway_address=row["gateway_address"])


def ranges(conn: Connection) -> dict[int, list[tuple[str, str]]]:
    """Return each pool's ranges in order, by row id."""
    found: dict[int, list[tuple[str, str]]] = {}
    for entry in conn.execute(sa.select(ADDRESS_POOL_RANGES).order_by(ADDRESS_POOL_RANGES.c.id)):
        found.setdefault(entry.address_pool_id, []).append((entry.start, entry.end))
    return found


def pool_query(network_type: str | None) -> sa.Select[Any]:
    """Return the query of all pools, or of those of one network type."""
    query = sa.select(ADDRESS_POOLS)
    if network_type is None:
        return query
    return query.join(NETWORKS, NETWORKS.c.address_pool_id == ADDRESS_POOLS.c.id).where(NETWORKS.c.type == network_type)


def dynamic(conn: Connection, network_type: str) -> bool:
    """Return whether hosts get addresses on this network by DHCP; False when the network does not exist."""
    return bool(conn.execute(sa.select(NETWORKS.c.dynamic).where(NETWORKS.c.type == network_type)).scalar())


def add(conn: Connection, network_type: str, pool: PoolView, *, is_dynamic: bool = True) -> int:
    """Store a network with its primary pool (ignores ``pool.id`` and ``pool.uuid``); returns the row id of the pool."""
    check_pool(pool)
    pool_id = add_pool(conn, pool)
    add_network(conn, network_type, network_type, pool_id, version_of(pool), is_dynamic=is_dynamic)
    return pool_id


def add_pool(conn: Connection, pool: PoolView) -> int:
    """Store a pool (ignores ``id`` and ``uuid``) with its ranges; returns its row id."""
    pool_id = _inserted(conn, sa.insert(ADDRESS_POOLS).values(
        name=pool.name, network=pool.network, prefix=pool.prefix, family=version_of(pool), order=pool.order,
        floating_address=pool.floating_address, controller0_address=pool.controller0_address,
        controller1_address=pool.controller1_address, gateway_address=pool.gateway_address))
    replace_ranges(conn, pool_id, pool.ranges)
    return pool_id


def replace_ranges(conn: Connection, pool_id: int, pairs: Iterable[tuple[str, str]]) -> None:
    """Store the ranges of a pool instead of those that it has."""
    conn.execute(sa.delete(ADDRESS_POOL_RANGES).where(ADDRESS_POOL_RANGES.c.address_pool_id == pool_id))
    for start, end in pairs:
        conn.execute(sa.insert(ADDRESS_POOL_RANGES).values(start=start, end=end, address_pool_id=pool_id))


def add_network(conn: Connection, network_type: str, name: str, pool_id: int, version: int, *, is_dynamic: bool) -> int:
    """Store a network whose primary pool is there; returns its row id."""
    network_id = _inserted(conn, sa.insert(NETWORKS).values(
        type=network_type, name=name, dynamic=is_dynamic, primary_pool_family=f"IPv{version}",
        address_pool_id=pool_id))
    conn.execute(sa.insert(NETWORK_ADDRESSPOOLS).values(network_id=network_id, address_pool_id=pool_id))
    return network_id


def version_of(pool: PoolView) -> int:
    """4 or 6."""
    return ipaddress.ip_network(f"{pool.network}/{pool.prefix}").version


def _inserted(conn: Connection, statement: sa.Insert) -> int:
    return int(conn.execute(statement).inserted_primary_key[0])  # type: ignore[index]
