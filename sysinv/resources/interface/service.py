# SPDX-License-Identifier: Apache-2.0
"""Use cases of interfaces: follow the ports, add, change, delete."""
from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from flock.core import ids
from flock.db import Database
from flock.wire.errors import shown
from sysinv.db.lookup import ItemNotFound, Row, host_row, row_of_locked_host
from sysinv.resources.host.table import I_HOST
from sysinv.resources.interface import rules, store
from sysinv.resources.interface.checks import InterfaceFacts
from sysinv.resources.interface.intake import Defaults, following
from sysinv.resources.interface.table import INTERFACES
from sysinv.resources.interface.view import HostInterfaces, InterfaceRefused, InterfaceView
from sysinv.resources.port.table import PORTS

_FIELDS = frozenset(each.name for each in fields(InterfaceView))


def follow_ports(conn: Connection, host: Row, names: Mapping[str, str], *, partial: bool) -> None:
    """Give every port of a locked host row its interface. ``names`` are those of interfaces by network type."""
    before = store.view_of(conn, host)
    after = following(before, Defaults(names, store.families(conn), partial))
    store.write(conn, before, after)


def adopt_ports(db: Database, interfaces_of: Callable[[str | None], Mapping[str, str]]) -> None:
    """Give ports that were stored by an earlier release their interfaces, as a report of the ports would."""
    with db.reader() as conn:
        uuids = conn.execute(sa.select(I_HOST.c.uuid).join(PORTS, PORTS.c.host_id == I_HOST.c.id)
                             .where(PORTS.c.interface_id.is_(None)).distinct().order_by(I_HOST.c.uuid)).scalars().all()
    for uuid in uuids:
        db.transact(functools.partial(_adopt, uuid, interfaces_of))


def _adopt(uuid: str, interfaces_of: Callable[[str | None], Mapping[str, str]], conn: Connection) -> None:
    host = conn.execute(sa.select(I_HOST).where(I_HOST.c.uuid == uuid).with_for_update()).mappings().first()
    if host is not None:
        follow_ports(conn, dict(host), interfaces_of(host["hostname"]), partial=False)


def action_facts(conn: Connection, row: Row) -> InterfaceFacts:
    """Return the facts that the checks of interfaces need."""
    return InterfaceFacts(store.view_of(conn, row), frozenset(store.families(conn)))


class InterfaceService:
    """Interfaces of hosts."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def add(self, values: Mapping[str, Any]) -> Row:
        """Add an interface; HostMustBeLocked, InterfaceRefused, HostNotFound."""
        with self._db.writer() as conn:
            host = host_row(conn, values["ihost_uuid"], lock=True)
            before = store.view_of(conn, host)
            known = {name: value for name, value in values.items() if name in _FIELDS and value is not None}
            new = InterfaceView(**{**known, "id": before.next_id(), "uses": named(before, values.get("uses") or ())})
            row_ids = store.write(conn, before, rules.added(before, new))
            return _row(conn, INTERFACES.c.id == row_ids[new.id])

    def modify(self, uuid: str, changes: Mapping[str, Any]) -> Row:
        """Carry out a PATCH; HostMustBeLocked, InterfaceRefused, ItemNotFound."""
        with self._db.writer() as conn:
            row, host = locked(conn, uuid)
            store.lock_datanetworks(conn, row["id"])
            before = store.view_of(conn, host)
            wanted = dict(changes)
            if "uses" in wanted:
                wanted["uses"] = named(before, wanted["uses"] or ())
            store.write(conn, before, rules.modified(before, row["id"], wanted))
            return _row(conn, INTERFACES.c.id == row["id"])

    def delete(self, uuid: str) -> None:
        """Delete an interface with what it carries; HostMustBeLocked, InterfaceRefused, ItemNotFound."""
        with self._db.writer() as conn:
            row, host = locked(conn, uuid)
            before = store.view_of(conn, host)
            store.write(conn, before, rules.deleted(before, row["id"]))


def locked(conn: Connection, uuid: str) -> tuple[Row, Row]:
    """Lock the host of an interface; returns the rows of both. ItemNotFound."""
    query = store.QUERY.where(INTERFACES.c.uuid == uuid.lower())
    found = row_of_locked_host(conn, query, "ihost_uuid") if ids.is_uuid(uuid) else None
    if found is None:
        raise ItemNotFound(resource="Interface", id=shown(uuid))
    return found


def named(view: HostInterfaces, names: Sequence[str]) -> tuple[int, ...]:
    """Return the ids of interfaces, each given by its own name or by that of its port; InterfaceRefused."""
    by_name = {port.name: port.interface_id for port in view.ports if port.interface_id is not None}
    by_name |= {one.ifname: one.id for one in view.interfaces}
    unknown = [name for name in names if name not in by_name]
    if unknown:
        raise InterfaceRefused(detail=f"Host {view.host.name} has no interface or port {shown(unknown[0])}.")
    return tuple(by_name[name] for name in names)


def _row(conn: Connection, clause: sa.ColumnElement[bool]) -> Row:
    row = dict(conn.execute(store.QUERY.where(clause)).mappings().one())
    return store.with_names(conn, [row])[0]


SERVICE = InterfaceService
