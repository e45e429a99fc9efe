# SPDX-License-Identifier: Apache-2.0
"""Rows of ``routes``. Every caller of a write holds the lock of the host."""
from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from sysinv.resources.address import store as addresses
from sysinv.resources.host.table import I_HOST
from sysinv.resources.interface.table import INTERFACES
from sysinv.resources.route.rules import AddressOfRoute, RouteView, stranded
from sysinv.resources.route.table import ROUTES

QUERY = (
    sa.select(ROUTES, INTERFACES.c.uuid.label("interface_uuid"), INTERFACES.c.ifname, INTERFACES.c.forihostid,
              I_HOST.c.uuid.label("ihost_uuid"))
    .join(INTERFACES, INTERFACES.c.id == ROUTES.c.interface_id)
    .join(I_HOST, I_HOST.c.id == INTERFACES.c.forihostid))


def of_host(conn: Connection, host_id: int) -> list[RouteView]:
    """Return the routes of a host in the order in which they were added."""
    return _views(conn, INTERFACES.c.forihostid == host_id)


def add(conn: Connection, route: RouteView) -> int:
    """Store a route; returns its row id."""
    network, _, prefix = route.subnet.partition("/")
    done = conn.execute(sa.insert(ROUTES).values(
        network=network, prefix=int(prefix), gateway=route.gateway, metric=route.metric,
        interface_id=route.interface_id))
    return int(done.inserted_primary_key[0])  # type: ignore[index]


def delete(conn: Connection, row_id: int) -> None:
    """Delete a route."""
    conn.execute(sa.delete(ROUTES).where(ROUTES.c.id == row_id))


def check_addressed(conn: Connection, interface_id: int, ifname: str) -> None:
    """Raise AddressOfRoute when a route of the interface needs an address that the transaction has taken from it."""
    found = stranded(_views(conn, ROUTES.c.interface_id == interface_id), addresses.of_interface(conn, interface_id))
    if found is not None:
        raise AddressOfRoute(subnet=found.subnet, gateway=found.gateway, ifname=ifname)


def _views(conn: Connection, clause: sa.ColumnElement[bool]) -> list[RouteView]:
    rows = conn.execute(QUERY.where(clause).order_by(ROUTES.c.id))
    return [RouteView(row.interface_id, f"{row.network}/{row.prefix}", row.gateway, row.metric) for row in rows]
