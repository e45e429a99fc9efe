# SPDX-License-Identifier: Apache-2.0
"""Use cases of routes: add one to an interface, delete it. The host applies both while it is in service."""
from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import Any

from sqlalchemy.engine import Connection

from flock.core import ids
from flock.db import Database
from flock.wire.errors import shown
from sysinv.config import ordering
from sysinv.config.ordering import Change
from sysinv.db.lookup import ItemNotFound, Row, row_of_locked_host
from sysinv.resources.address import store as addresses
from sysinv.resources.interface import store as interfaces
from sysinv.resources.interface.hiera import PUPPET_CLASS
from sysinv.resources.interface.service import locked
from sysinv.resources.route import store
from sysinv.resources.route.rules import METRIC_DEFAULT, RouteView, check_add, subnet_of
from sysinv.resources.route.table import ROUTES


class RouteService:
    """Static routes over the interfaces of hosts."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def add(self, values: Mapping[str, Any]) -> Row:
        """Add a route; RouteRefused, RouteExists, ItemNotFound."""
        subnet, gateway = subnet_of(values["network"], values["prefix"]), str(ipaddress.ip_address(values["gateway"]))
        with self._db.writer() as conn:
            row, host = locked(conn, values["interface_uuid"])
            metric = values.get("metric")
            new = RouteView(row["id"], subnet, gateway, METRIC_DEFAULT if metric is None else metric)
            check_add(interfaces.view_of(conn, host).of(row["id"]), new,
                      addresses.of_interface(conn, row["id"]), addresses.of_host(conn, host["id"]),
                      store.of_host(conn, host["id"]))
            row_id = store.add(conn, new)
            _order(conn, host)
            return dict(conn.execute(store.QUERY.where(ROUTES.c.id == row_id)).mappings().one())

    def delete(self, uuid: str) -> None:
        """Delete a route; ItemNotFound."""
        query = store.QUERY.where(ROUTES.c.uuid == uuid.lower())
        with self._db.writer() as conn:
            found = row_of_locked_host(conn, query, "ihost_uuid") if ids.is_uuid(uuid) else None
            if found is None:
                raise ItemNotFound(resource="Route", id=shown(uuid))
            row, host = found
            store.delete(conn, row["id"])
            _order(conn, host)


def _order(conn: Connection, host: Row) -> None:
    ordering.order(conn, Change("routes", (PUPPET_CLASS,), host_uuids=(host["uuid"],)))


SERVICE = RouteService
