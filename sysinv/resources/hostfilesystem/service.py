# SPDX-License-Identifier: Apache-2.0
"""Use cases of file systems: store a report; add, grow and delete, at once or at the unlock; settle what hosts did."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from flock.core import ids
from flock.db import Database
from flock.wire.errors import shown
from sysinv.config import ordering
from sysinv.config.model import Outcome
from sysinv.config.ordering import Change
from sysinv.contract.enums import InvState
from sysinv.db import reported as rows
from sysinv.db.lookup import ItemNotFound, Row, host_row, row_of_locked_host
from sysinv.hosts.inventory import ReportingHost
from sysinv.hosts.work import Work
from sysinv.model.filesystem import parse_update
from sysinv.model.host import HostRefused
from sysinv.resources.host.table import I_HOST
from sysinv.resources.hostfilesystem import hiera, rules, store
from sysinv.resources.hostfilesystem.fields import NewHostFilesystem
from sysinv.resources.hostfilesystem.intake import reported_change
from sysinv.resources.hostfilesystem.report import FilesystemReport
from sysinv.resources.hostfilesystem.rules import FUNCTIONS, FilesystemView, HostFacts
from sysinv.resources.hostfilesystem.table import HOST_FS

_HOST = HOST_FS.c.forihostid
ERROR_MAX = 255


def take_report(conn: Connection, host: ReportingHost, reported: Sequence[FilesystemReport]) -> None:
    """Store what the host has of its file systems."""
    store.add_missing(conn, host.row)
    change = reported_change(
        store.of_host(conn, host.id), reported, installing=host.row["inv_state"] != InvState.INVENTORIED,
        has_group=store.facts(conn, host.row).free_mib is not None, partial=host.partial)
    rows.apply(conn, _HOST, host.row, change)


def inventoried(conn: Connection, row: Row) -> None:
    """Give a host its file systems, also one whose agent does not report any."""
    store.add_missing(conn, row)


def action_facts(conn: Connection, row: Row) -> HostFacts:
    """Return the facts that the check of file systems needs."""
    return store.facts(conn, row)


def at_unlock(conn: Connection, row: Row, _work: Work) -> None:
    """The order for the whole configuration makes what waits; here only what a new role brings is added."""
    store.add_missing(conn, row)


def configured(conn: Connection, host: Row, outcome: Outcome) -> None:
    """Settle the file systems whose class the host has run."""
    for row in store.of_host(conn, host["id"]):
        view = store.view(row)
        error = outcome.error_of(hiera.puppet_class(row["name"]))
        if error is None or not rules.is_due(view, whole=outcome.whole):
            continue
        state = rules.after_run(view, error or None)
        if state is None:
            store.delete(conn, row["id"])
        else:
            store.write(conn, row, {"state": state.value, "error": error[:ERROR_MAX] or None})


def adopt(db: Database) -> None:
    """Give hosts of an earlier release the file systems that they always have."""

    def work(conn: Connection) -> None:
        for row in conn.execute(sa.select(I_HOST.c.uuid).where(
                I_HOST.c.personality.is_not(None), I_HOST.c.inv_state == InvState.INVENTORIED.value)):
            store.add_missing(conn, host_row(conn, row.uuid, lock=True))

    db.transact(work)


class HostFilesystemService:
    """File systems of hosts."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def add(self, body: NewHostFilesystem) -> Row:
        """Add one; HostRefused, HostMustBeLocked, FilesystemExists, FilesystemBusy, HostNotFound."""
        with self._db.writer() as conn:
            row = host_row(conn, body.ihost_uuid, lock=True)
            facts = store.facts(conn, row)
            state = rules.check_add(facts, body.name, body.size)
            made = store.insert(conn, {
                "name": body.name, "size": body.size, "logical_volume": rules.logical_volume(body.name),
                "state": state.value, "capabilities": _capabilities(body), "present_mib": 0, "mounted": False,
                "forihostid": row["id"]})
            _order(conn, facts, [body.name])
            return dict(conn.execute(store.QUERY.where(HOST_FS.c.id == made)).mappings().one())

    def update(self, host: str, body: Any) -> list[Row]:
        """Give file systems of a host new sizes or functions, all or none, and return all of them.

        BadPatch, HostRefused, FilesystemBusy, HostNotFound.
        """
        wanted = parse_update(body, ("size", "capabilities"))
        with self._db.writer() as conn:
            row = host_row(conn, host, lock=True)
            facts = store.facts(conn, row)
            changed = {view.name: view for view in rules.check_update(facts, wanted)}
            for stored in store.of_host(conn, row["id"]):
                view = changed.get(stored["name"])
                if view is not None:
                    store.write(conn, stored, _values(view))
            _order(conn, facts, [name for name, view in changed.items() if view.state in rules.CHANGING])
            return [dict(one) for one in conn.execute(
                store.QUERY.where(HOST_FS.c.forihostid == row["id"]).order_by(HOST_FS.c.id)).mappings()]

    def delete(self, uuid: str, *, force: bool) -> None:
        """Delete one; HostRefused, HostMustBeLocked, FilesystemBusy, ItemNotFound."""
        query = store.QUERY.where(HOST_FS.c.uuid == uuid.lower())
        with self._db.writer() as conn:
            found = row_of_locked_host(conn, query, "ihost_uuid") if ids.is_uuid(uuid) else None
            if found is None:
                raise ItemNotFound(resource="file system", id=shown(uuid))
            stored, row = found
            facts = store.facts(conn, row)
            state = rules.check_delete(facts, stored["name"], force=force)
            if state is None:
                store.delete(conn, stored["id"])
                return
            store.write(conn, stored, {"state": state.value, "error": None})
            _order(conn, facts, [stored["name"]])


def _values(view: FilesystemView) -> dict[str, Any]:
    return {"size": view.size_gib, "state": view.state.value, "capabilities": {FUNCTIONS: list(view.functions)},
            **({"error": None} if view.state in rules.CHANGING else {})}


def _capabilities(body: NewHostFilesystem) -> dict[str, Any]:
    """Return the capabilities of a new file system, which follow from its name; HostRefused for others."""
    made = rules.new_capabilities(body.name)
    asked = body.capabilities or None
    if asked and asked != made:
        raise HostRefused(detail=f"capabilities: those of file system {body.name} are {made}.")
    return made


def _order(conn: Connection, facts: HostFacts, names: Sequence[str]) -> None:
    """Order a change at a host in service; one that is locked carries it out at its unlock."""
    if names and not facts.host.is_locked:
        ordering.order(conn, Change(f"file systems {', '.join(names)}"[:ERROR_MAX],
                                    tuple(hiera.puppet_class(name) for name in names), host_uuids=(facts.host.uuid,)))


SERVICE = HostFilesystemService
