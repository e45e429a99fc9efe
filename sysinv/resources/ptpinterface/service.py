# SPDX-License-Identifier: Apache-2.0
"""Use cases of PTP interfaces: add, change parameters, assign to interfaces of hosts, delete."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy.engine import Connection

from flock.db import Database, DuplicateEntry, compare_and_set
from flock.wire.errors import shown
from sysinv.db.lookup import ItemNotFound, Row
from sysinv.model.members import Member
from sysinv.resources.interface.service import locked as locked_interface
from sysinv.resources.ptpinstance.service import locked as locked_instance
from sysinv.resources.ptpinterface import store
from sysinv.resources.ptpinterface.rules import Assignment, PtpInterfaceExists, assigned, check_delete, check_new
from sysinv.resources.ptpinterface.table import PTP_INTERFACES
from sysinv.resources.ptpparameter.service import change_parameters, repeated
from sysinv.resources.ptpparameter.store import OF_INTERFACE


class PtpInterfaceService:
    """The PTP interfaces of the system; ``ident`` is a uuid, an id or a name."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def get(self, ident: str) -> Row:
        """Return one PTP interface; ItemNotFound."""
        with self._db.reader() as conn:
            return _shown(conn, ident)

    def add(self, values: Mapping[str, Any]) -> Row:
        """Add a PTP interface to a PTP instance; PtpInterfaceRefused, PtpInterfaceExists, ItemNotFound."""
        name = values["name"]
        check_new(name)
        try:
            with self._db.writer() as conn:
                instance = locked_instance(conn, values["ptp_instance_uuid"])
                store.insert(conn, {"name": name, "ptp_instance_id": instance["id"]})
                return _shown(conn, name)
        except DuplicateEntry as error:
            raise PtpInterfaceExists(name=name) from error

    def change(self, ident: str, members: Sequence[Member]) -> Row:
        """Add and remove parameters, all or none.

        ParameterRefused, ParameterExists, ParameterNotFound, ItemNotFound.
        """
        return repeated(self._db, lambda conn: self._change(conn, ident, members))

    def _change(self, conn: Connection, ident: str, members: Sequence[Member]) -> Row:
        row = _locked(conn, ident)
        change_parameters(conn, OF_INTERFACE, row, members)
        compare_and_set(conn, PTP_INTERFACES, row["id"], row["revision"], {})
        return _shown(conn, row["uuid"])

    def delete(self, ident: str) -> None:
        """Delete a PTP interface that no interface has; PtpInterfaceRefused, ItemNotFound."""
        repeated(self._db, lambda conn: self._delete(conn, ident))

    def _delete(self, conn: Connection, ident: str) -> None:
        row = _locked(conn, ident)
        check_delete(row["uuid"], interfaces=store.is_assigned(conn, row["id"]))
        store.delete(conn, row["id"])

    def assign(self, interface_uuid: str, members: Sequence[Member]) -> None:
        """Assign PTP interfaces to an interface of a host and take them from it, all or none.

        PtpInterfaceAssigned, PtpInterfaceNotAssigned, ItemNotFound.
        """
        self._db.transact(lambda conn: self._assign(conn, interface_uuid, members))

    def _assign(self, conn: Connection, interface_uuid: str, members: Sequence[Member]) -> None:
        interface, _host = locked_interface(conn, interface_uuid)
        changes = []
        for member in members:
            row = _locked(conn, member.value)
            changes.append(Assignment(member.adds, row["id"], row["name"]))
        before = store.of_interface(conn, interface["id"])
        store.write_of_interface(conn, interface["id"], before, assigned(interface["ifname"], before, changes))


def _locked(conn: Connection, ident: str) -> Row:
    row = store.found(conn, ident, lock=True)
    if row is None:
        raise ItemNotFound(resource="PTP interface", id=shown(ident))
    return row


def _shown(conn: Connection, ident: str) -> Row:
    row = store.found(conn, ident)
    if row is None:
        raise ItemNotFound(resource="PTP interface", id=shown(ident))
    return store.with_related(conn, [row])[0]


SERVICE = PtpInterfaceService
