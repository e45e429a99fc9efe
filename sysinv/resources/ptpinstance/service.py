# SPDX-License-Identifier: Apache-2.0
"""Use cases of PTP instances: add, change parameters, assign to hosts, apply, delete."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy.engine import Connection

from flock.db import Database, DuplicateEntry, compare_and_set
from flock.wire.errors import shown
from sysinv.config import ordering
from sysinv.db.lookup import ItemNotFound, Row, host_row
from sysinv.model.host import host_view
from sysinv.model.members import Member
from sysinv.resources.ptpinstance import store
from sysinv.resources.ptpinstance.checks import PtpFacts
from sysinv.resources.ptpinstance.rules import (
    Assignment,
    InstanceView,
    PtpInstanceExists,
    assigned,
    check_delete,
    check_new,
)
from sysinv.resources.ptpinstance.table import PTP_INSTANCES
from sysinv.resources.ptpparameter.service import change_parameters, repeated
from sysinv.resources.ptpparameter.store import OF_INSTANCE

PUPPET_CLASS = "platform::ptpinstance"


def action_facts(conn: Connection, row: Row) -> PtpFacts:
    """Return the facts of the host in ``row``."""
    instances = frozenset(one.name for one in store.of_host(conn, row["id"]).values())
    return PtpFacts(row["clock_synchronization"] == "ptp", instances, store.wanted_by_interfaces(conn, row["id"]))


class PtpInstanceService:
    """The PTP instances of the system; ``ident`` is a uuid, an id or a name."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def get(self, ident: str) -> Row:
        """Return one PTP instance; ItemNotFound."""
        with self._db.reader() as conn:
            return _shown(conn, ident)

    def add(self, values: Mapping[str, Any]) -> Row:
        """Add a PTP instance; PtpInstanceRefused, PtpInstanceExists."""
        check_new(values["name"])
        try:
            with self._db.writer() as conn:
                return store.with_related(conn, [store.insert(conn, values)])[0]
        except DuplicateEntry as error:
            raise PtpInstanceExists(name=values["name"]) from error

    def change(self, ident: str, members: Sequence[Member]) -> Row:
        """Add and remove parameters, all or none.

        ParameterRefused, ParameterExists, ParameterNotFound, ItemNotFound.
        """
        return repeated(self._db, lambda conn: self._change(conn, ident, members))

    def _change(self, conn: Connection, ident: str, members: Sequence[Member]) -> Row:
        row = locked(conn, ident)
        change_parameters(conn, OF_INSTANCE, row, members)
        compare_and_set(conn, PTP_INSTANCES, row["id"], row["revision"], {})
        return _shown(conn, row["uuid"])

    def delete(self, ident: str) -> None:
        """Delete a PTP instance that is not in use; PtpInstanceRefused, ItemNotFound."""
        repeated(self._db, lambda conn: self._delete(conn, ident))

    def _delete(self, conn: Connection, ident: str) -> None:
        row = locked(conn, ident)
        check_delete(row["uuid"], hosts=store.has_hosts(conn, row["id"]),
                     interfaces=store.has_interfaces(conn, row["id"]))
        store.delete(conn, row["id"])

    def assign(self, host: str, members: Sequence[Member]) -> None:
        """Assign PTP instances to a host and take them from it, all or none.

        PtpInstanceAssigned, PtpInstanceNotAssigned, PtpInstanceRefused, ItemNotFound, HostNotFound.
        """
        self._db.transact(lambda conn: self._assign(conn, host, members))

    def _assign(self, conn: Connection, ident: str, members: Sequence[Member]) -> None:
        host = host_row(conn, ident, lock=True)
        changes = []
        for member in members:
            row = locked(conn, member.value)
            changes.append(Assignment(member.adds, InstanceView(row["id"], row["name"], row["service"])))
        before = store.of_host(conn, host["id"])
        store.write_of_host(conn, host["id"], before, assigned(host_view(host).name, before, changes))

    def apply(self) -> None:
        """Order the hosts in service that take their time by PTP to configure it; others do so when unlocked."""
        with self._db.writer() as conn:
            hosts = store.synchronised_hosts(conn)
            if hosts:
                ordering.order(conn, ordering.Change(
                    reason="PTP", classes=(PUPPET_CLASS,), host_uuids=tuple(hosts)))


def locked(conn: Connection, ident: str) -> Row:
    """Lock and return a PTP instance; ItemNotFound."""
    row = store.found(conn, ident, lock=True)
    if row is None:
        raise ItemNotFound(resource="PTP instance", id=shown(ident))
    return row


def _shown(conn: Connection, ident: str) -> Row:
    row = store.found(conn, ident)
    if row is None:
        raise ItemNotFound(resource="PTP instance", id=shown(ident))
    return store.with_related(conn, [row])[0]


SERVICE = PtpInstanceService
