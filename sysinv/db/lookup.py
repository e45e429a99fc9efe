# SPDX-License-Identifier: Apache-2.0
"""Queries that all resources share: find rows by the identifier in a URL, and fetch pages of rows."""
from __future__ import annotations

import re
from typing import Any, ClassVar

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from flock.core import ids
from flock.core.errors import NotFound
from flock.db.paging import keyset
from flock.wire.errors import shown
from flock.wire.paging import Page
from flock.wire.resource import Resource, shown_names
from sysinv.contract.errors import HostNotFound
from sysinv.model.system import SystemView, system_view
from sysinv.resources.host.table import I_HOST
from sysinv.resources.system.table import I_SYSTEM

Row = dict[str, Any]
ID_MAX = 2**31 - 1
_NUMBER = re.compile(r"[0-9]{1,10}")


class ItemNotFound(NotFound):
    """A collection has no row with that uuid."""

    code: ClassVar[str] = "sysinv.item.not_found"


def host_clause(ident: str) -> sa.ColumnElement[bool]:
    """Return the condition for a host given by numeric id, uuid or hostname."""
    if _NUMBER.fullmatch(ident) and int(ident) <= ID_MAX:
        return sa.or_(I_HOST.c.id == int(ident), I_HOST.c.hostname == ident)
    if ids.is_uuid(ident):
        return I_HOST.c.uuid == ident.lower()
    return I_HOST.c.hostname == ident


def host_row(conn: Connection, ident: str, *, lock: bool = False) -> Row:
    """Return the stored host; HostNotFound. ``lock`` excludes other writers of this host until the transaction ends."""
    query = sa.select(I_HOST).where(host_clause(ident)).order_by(I_HOST.c.id).limit(1)
    row = conn.execute(query.with_for_update() if lock else query).mappings().first()
    if row is None:
        raise HostNotFound(id=shown(ident))
    return dict(row)


def reference_clause(table: sa.Table, ident: str) -> sa.ColumnElement[bool]:
    """Return the condition for a row given by uuid, id or name, where a name is neither a uuid nor a number."""
    if ids.is_uuid(ident):
        return table.c.uuid == ident.lower()
    if _NUMBER.fullmatch(ident) and int(ident) <= ID_MAX:
        return table.c.id == int(ident)
    return table.c.name == ident


def sort_keys(resource: type[Resource], table: sa.Table) -> tuple[str, ...]:
    """The columns of ``table`` by which a client may sort: those that it may see, and the order of insertion."""
    return tuple(name for name in tuple(table.c.keys()) if name == "id" or name in shown_names(resource))


def row_of_locked_host(conn: Connection, query: sa.Select[Any], owner: str) -> tuple[Row, Row] | None:
    """Lock the host whose uuid is in column ``owner`` of the row of ``query``; returns row and host, None without row.

    Reads the row again under the lock: reports write it while they hold the host's lock, and change no revision.
    """
    found = conn.execute(query).mappings().first()
    if found is None:
        return None
    host = host_row(conn, found[owner], lock=True)
    found = conn.execute(query).mappings().first()
    return None if found is None else (dict(found), host)


def the_system(conn: Connection) -> SystemView:
    """Return the system; NotFound before the bootstrap."""
    return system_view(system_row(conn))


def system_row(conn: Connection) -> Row:
    """Return the row of the system; NotFound before the bootstrap."""
    row = conn.execute(sa.select(I_SYSTEM).order_by(I_SYSTEM.c.id).limit(1)).mappings().first()
    if row is None:
        raise ItemNotFound(resource="System", id="record")
    return dict(row)


def paged(conn: Connection, query: sa.Select[Any], table: sa.Table, page: Page) -> list[Row]:
    """Return ``page`` of ``query`` and one row more, if it exists; BadPage when the marker is not in the table."""
    return keyset(conn, query, table, sort=page.sort, marker=page.marker, limit=page.fetch)
