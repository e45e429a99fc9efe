# SPDX-License-Identifier: Apache-2.0
"""Rows of ``i_host``; ``write`` makes every change of a row."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from flock.db import compare_and_set
from flock.wire.paging import Page
from sysinv.contract.enums import Administrative, BackendType, NetworkType, Operational, Personality, SystemMode
from sysinv.db.lookup import Row, host_clause, host_row, paged
from sysinv.model.addressing import address_name
from sysinv.model.hostname import FLOATING_HOST
from sysinv.resources.address.table import ADDRESSES
from sysinv.resources.cluster import store as clusters
from sysinv.resources.host.rules import Others
from sysinv.resources.host.table import I_HOST
from sysinv.resources.network.table import ADDRESS_POOLS, NETWORKS
from sysinv.resources.system.table import I_SYSTEM

_HIDDEN = frozenset({"bm_secret", "install_token_hash", "install_token_expires_at", "install_token_key",
                     "install_token_address", "mtce_sequence", "boot_id", "task", "action_text",
                     "maintenance_revision"})
_TOLD = frozenset({"hostname", "personality", "subfunctions", "mgmt_mac", "bm_type", "bm_ip", "bm_username",
                   "bm_secret"})
_MGMT_NAME = sa.case(
    (I_SYSTEM.c.system_mode == SystemMode.SIMPLEX.value, address_name(FLOATING_HOST, NetworkType.MGMT)),
    else_=I_HOST.c.hostname + f"-{NetworkType.MGMT}")
QUERY = (
    sa.select(*(column for column in I_HOST.c if column.name not in _HIDDEN), I_SYSTEM.c.uuid.label("isystem_uuid"),
              # mtce writes ``task``; sysinv's text for an action that has not begun takes precedence.
              sa.func.coalesce(I_HOST.c.action_text, I_HOST.c.task).label("task"),
              ADDRESSES.c.address.label("mgmt_ip"), sa.null().label("peers"))
    .join(I_SYSTEM, I_SYSTEM.c.id == I_HOST.c.forisystemid)
    .outerjoin(ADDRESSES, ADDRESSES.c.name == _MGMT_NAME))
_STANDARD = I_HOST.c.recordtype == "standard"


def page(conn: Connection, personality: str | None, wanted: Page) -> list[Row]:
    """Return one page of hosts with their derived fields, in a fixed number of statements."""
    query = QUERY.where(_STANDARD)
    if personality is not None:
        query = query.where(I_HOST.c.personality == personality)
    return _with_peers(conn, paged(conn, query, I_HOST, wanted))


def shown(conn: Connection, ident: str) -> Row:
    """Return one host with its derived fields; HostNotFound."""
    row = conn.execute(QUERY.where(host_clause(ident)).limit(1)).mappings().first()
    return _with_peers(conn, [dict(row) if row is not None else host_row(conn, ident)])[0]


def _with_peers(conn: Connection, rows: list[Row]) -> list[Row]:
    """Return hosts, the storage hosts among them with their replication group."""
    if not any(row["personality"] == Personality.STORAGE for row in rows):
        return rows
    groups = clusters.groups(conn, clusters.primary(conn))
    found = {name: {"name": group["name"], "hosts": group["hosts"]} for group in groups for name in group["hosts"]}
    return [{**row, "peers": found.get(row["hostname"])} for row in rows]


def by_mac(conn: Connection, mac: str, *, lock: bool = False) -> Row | None:
    """Return the host with that management MAC address."""
    query = sa.select(I_HOST).where(I_HOST.c.mgmt_mac == mac)
    return _first(conn, query.with_for_update() if lock else query)


def by_macs(conn: Connection, macs: Sequence[str]) -> list[Row]:
    """Return the hosts with one of these management MAC addresses, oldest first."""
    query = sa.select(I_HOST).where(I_HOST.c.mgmt_mac.in_(list(macs))).order_by(I_HOST.c.id)
    return [dict(row) for row in conn.execute(query).mappings()] if macs else []


def by_hostname(conn: Connection, hostname: str) -> Row | None:
    """Return the host with that name."""
    return _first(conn, sa.select(I_HOST).where(I_HOST.c.hostname == hostname))


def all_rows(conn: Connection) -> list[Row]:
    """Return every host, oldest first."""
    return [dict(row) for row in conn.execute(sa.select(I_HOST).where(_STANDARD).order_by(I_HOST.c.id)).mappings()]


def insert(conn: Connection, values: Mapping[str, Any]) -> Row:
    """Add a host and return its row."""
    done = conn.execute(sa.insert(I_HOST).values(**values))
    row_id = done.inserted_primary_key[0]  # type: ignore[index]
    return dict(conn.execute(sa.select(I_HOST).where(I_HOST.c.id == row_id)).mappings().one())


def write(conn: Connection, row: Row, values: Mapping[str, Any]) -> None:
    """Change a host that was read in this transaction; StaleWrite when another writer changed it first.

    Increments ``maintenance_revision`` when a column changes that mtce receives.
    """
    if values:
        counted = any(values[name] != row[name] for name in _TOLD & values.keys())
        compare_and_set(conn, I_HOST, row["id"], row["revision"], {**values, **(next_revision(row) if counted else {})})


def next_revision(row: Row) -> dict[str, int]:
    """Return the columns that give the record a higher revision for mtce than any sent before."""
    return {"maintenance_revision": row["maintenance_revision"] + 1}


def delete(conn: Connection, row_id: int) -> None:
    """Delete a host and all rows that belong to it."""
    conn.execute(sa.delete(I_HOST).where(I_HOST.c.id == row_id))


def others(conn: Connection, except_id: int | None) -> Others:
    """Return the facts that rules need about all hosts except one."""
    query = sa.select(I_HOST.c.id, I_HOST.c.hostname, I_HOST.c.personality, I_HOST.c.administrative,
                      I_HOST.c.operational, I_HOST.c.bm_ip).where(_STANDARD)
    rows = [row for row in conn.execute(query) if row.id != except_id]
    controllers = [row for row in rows if row.personality == Personality.CONTROLLER]
    family = conn.execute(
        sa.select(ADDRESS_POOLS.c.family).join(NETWORKS, NETWORKS.c.address_pool_id == ADDRESS_POOLS.c.id)
        .where(NETWORKS.c.type == NetworkType.OAM.value)).scalar()
    return Others(
        hostnames=frozenset(row.hostname for row in rows if row.hostname),
        controllers=len(controllers), any_host=bool(rows),
        enabled_controller=any(row.administrative == Administrative.UNLOCKED and row.operational == Operational.ENABLED
                               for row in controllers),
        bm_ips=frozenset(row.bm_ip for row in rows if row.bm_ip), oam_version=family or 4,
        own_addresses=_own_addresses(conn), subnets=_subnets(conn), storage_model=_storage_model(conn))


def _storage_model(conn: Connection) -> str | None:
    """Return the model of the host-based Ceph cluster; None without one, also if rook-ceph makes one."""
    backend = clusters.primary(conn)
    if backend is None or backend["backend"] != BackendType.CEPH:
        return None
    return clusters.model_of(conn, backend)


def _own_addresses(conn: Connection) -> frozenset[str]:
    """Return the addresses of the system: of controllers, floating ones, gateways, and those of all hosts."""
    columns = ADDRESS_POOLS.c
    named = conn.execute(sa.select(columns.floating_address, columns.controller0_address, columns.controller1_address,
                                   columns.gateway_address))
    given = conn.execute(sa.select(ADDRESSES.c.address)).scalars()
    return frozenset(address for row in named for address in row if address) | frozenset(given)


def _subnets(conn: Connection) -> frozenset[str]:
    return frozenset(f"{row.network}/{row.prefix}" for row in conn.execute(
        sa.select(ADDRESS_POOLS.c.network, ADDRESS_POOLS.c.prefix)))


def peer_of(conn: Connection, row: Mapping[str, Any]) -> Row | None:
    """Return the other controller; None without one."""
    if row["personality"] != Personality.CONTROLLER:
        return None
    query = sa.select(I_HOST).where(I_HOST.c.personality == Personality.CONTROLLER.value, I_HOST.c.id != row["id"])
    return _first(conn, query.limit(1))


def _first(conn: Connection, query: sa.Select[Any]) -> Row | None:
    row = conn.execute(query).mappings().first()
    return None if row is None else dict(row)
