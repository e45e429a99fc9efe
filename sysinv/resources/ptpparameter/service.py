# SPDX-License-Identifier: Apache-2.0
"""Use cases of PTP parameters: give one that several owners share another value; change those of one owner."""
from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from flock.core import ids
from flock.core.errors import Conflict
from flock.db import Database, DuplicateEntry, ReferenceError, compare_and_set
from flock.wire.errors import shown
from sysinv.db.lookup import ItemNotFound, Row
from sysinv.model.members import Member
from sysinv.resources.ptpinstance.table import PTP_INSTANCES
from sysinv.resources.ptpinterface.table import PTP_INTERFACES
from sysinv.resources.ptpparameter import store
from sysinv.resources.ptpparameter.rules import (
    GLOBAL,
    Operation,
    Owner,
    Parameter,
    ParameterExists,
    changed,
    operation,
    with_value,
)
from sysinv.resources.ptpparameter.table import PTP_PARAMETERS

T = TypeVar("T")
COLLISIONS_MAX = 10


def repeated(db: Database, work: Callable[[Connection], T]) -> T:
    """Run ``work`` in a transaction, and again after another request has made or deleted a parameter that it shares."""
    for _ in range(COLLISIONS_MAX):
        try:
            return db.transact(work)
        except (DuplicateEntry, ReferenceError):
            continue
    raise Conflict(detail="Other requests are changing the same PTP parameters. Retry.")


def owner_of(kind: sa.Column[int], name: str) -> Owner:
    """Return an owner given by its name; ``kind`` is OF_INSTANCE or OF_INTERFACE."""
    if kind is store.OF_INSTANCE:
        return Owner(f"PTP instance {name}", sections=True)
    return Owner(f"PTP interface {name}", sections=False)


def change_parameters(conn: Connection, kind: sa.Column[int], owner: Row, members: Sequence[Member]) -> None:
    """Add parameters to a locked owner and remove them.

    ParameterRefused, ParameterExists, ParameterNotFound, ItemNotFound.
    """
    known = store.of_owners(conn, kind, [owner["id"]])[owner["id"]]
    operations = _operations(conn, members)
    store.write(conn, kind, owner["id"], known, changed(owner_of(kind, owner["name"]), known, operations))


def _operations(conn: Connection, members: Sequence[Member]) -> list[Operation]:
    by_uuid = store.by_uuids(conn, {one.value.lower() for one in members if ids.is_uuid(one.value)})
    found = []
    for one in members:
        made = operation(one.adds, one.value, one.more.get("section", GLOBAL), by_uuid)
        if made is None:
            raise ItemNotFound(resource="PTP parameter", id=shown(one.value))
        found.append(made)
    return found


class PtpParameterService:
    """The parameters of all PTP instances and PTP interfaces."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def modify(self, uuid: str, value: str) -> Row:
        """Give a parameter another value, for all its owners; ParameterRefused, ParameterExists, ItemNotFound."""
        try:
            return self._db.transact(lambda conn: self._modify(conn, uuid, value))
        except DuplicateEntry as error:
            raise ParameterExists(detail=f"There is another PTP parameter with value {value}, section and name of "
                                         f"{uuid}. Remove this one from its owners and add the other one.") from error

    def _modify(self, conn: Connection, uuid: str, value: str) -> Row:
        row = store.locked(conn, uuid.lower()) if ids.is_uuid(uuid) else None
        if row is None:
            raise ItemNotFound(resource="PTP parameter", id=shown(uuid))
        if row["value"] == value:
            return store.with_owners(conn, [row])[0]
        parameter = Parameter(row["section"], row["name"], row["value"])
        instances, interfaces = store.owners_of(conn, row["id"])
        for kind, table, owner_ids in ((store.OF_INSTANCE, PTP_INSTANCES, instances),
                                       (store.OF_INTERFACE, PTP_INTERFACES, interfaces)):
            names = conn.execute(sa.select(table.c.id, table.c.name).where(table.c.id.in_(owner_ids)))
            owned = store.of_owners(conn, kind, owner_ids)
            for owner in names:
                with_value(owner_of(kind, owner.name), owned[owner.id], parameter, value)
        compare_and_set(conn, PTP_PARAMETERS, row["id"], row["revision"], {"value": value})
        return store.with_owners(conn, [store.locked(conn, row["uuid"]) or row])[0]


SERVICE = PtpParameterService
