# SPDX-License-Identifier: Apache-2.0
"""Rows of ``ptp_parameters`` and ``ptp_parameter_ownerships``; the caller of a write holds the lock of the owner."""
from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from sysinv.db.lookup import Row
from sysinv.resources.ptpinstance.table import PTP_INSTANCES
from sysinv.resources.ptpinterface.table import PTP_INTERFACES
from sysinv.resources.ptpparameter.rules import Parameter
from sysinv.resources.ptpparameter.table import PTP_PARAMETER_OWNERSHIPS, PTP_PARAMETERS

QUERY = sa.select(PTP_PARAMETERS)
OF_OWNER = QUERY.join(PTP_PARAMETER_OWNERSHIPS, PTP_PARAMETER_OWNERSHIPS.c.ptp_parameter_id == PTP_PARAMETERS.c.id)
OF_INSTANCE, OF_INTERFACE = PTP_PARAMETER_OWNERSHIPS.c.ptp_instance_id, PTP_PARAMETER_OWNERSHIPS.c.ptp_interface_id
_OWNED = PTP_PARAMETER_OWNERSHIPS.c


def of_owners(conn: Connection, owner: sa.Column[int], owner_ids: Collection[int]) -> dict[int, list[Parameter]]:
    """Return the parameters of instances or interfaces by the owner's id, in the order in which they were added.

    ``owner`` is OF_INSTANCE or OF_INTERFACE.
    """
    found: dict[int, list[Parameter]] = {owner_id: [] for owner_id in owner_ids}
    query = (sa.select(owner.label("owner_id"), PTP_PARAMETERS.c.section, PTP_PARAMETERS.c.name, PTP_PARAMETERS.c.value)
             .join(PTP_PARAMETERS, PTP_PARAMETERS.c.id == _OWNED.ptp_parameter_id)
             .where(owner.in_(list(owner_ids))).order_by(_OWNED.id))
    for row in conn.execute(query):
        found[row.owner_id].append(Parameter(row.section, row.name, row.value))
    return found


def by_uuids(conn: Connection, uuids: Collection[str]) -> dict[str, Parameter]:
    """Return the parameters that have one of these uuids."""
    rows = conn.execute(QUERY.where(PTP_PARAMETERS.c.uuid.in_(list(uuids))))
    return {row.uuid: Parameter(row.section, row.name, row.value) for row in rows}


def locked(conn: Connection, uuid: str) -> Row | None:
    """Lock and return one row: until the transaction ends nobody begins to share the parameter."""
    row = conn.execute(QUERY.where(PTP_PARAMETERS.c.uuid == uuid).with_for_update()).mappings().first()
    return None if row is None else dict(row)


def owners_of(conn: Connection, parameter_id: int) -> tuple[list[int], list[int]]:
    """Lock and return the ids of the instances and of the interfaces that have a parameter."""
    found = []
    for table, owner in ((PTP_INSTANCES, OF_INSTANCE), (PTP_INTERFACES, OF_INTERFACE)):
        having = sa.select(owner).where(_OWNED.ptp_parameter_id == parameter_id, owner.is_not(None))
        query = sa.select(table.c.id).where(table.c.id.in_(having)).order_by(table.c.id)
        found.append(list(conn.execute(query.with_for_update()).scalars()))
    return found[0], found[1]


def with_owners(conn: Connection, rows: Sequence[Row]) -> list[Row]:
    """Return rows of QUERY with the uuids of their owners."""
    owners: dict[int, list[str]] = defaultdict(list)
    instance, interface = PTP_INSTANCES.c.uuid, PTP_INTERFACES.c.uuid
    query = (sa.select(_OWNED.ptp_parameter_id, sa.func.coalesce(instance, interface).label("uuid"))
             .outerjoin(PTP_INSTANCES, PTP_INSTANCES.c.id == OF_INSTANCE)
             .outerjoin(PTP_INTERFACES, PTP_INTERFACES.c.id == OF_INTERFACE)
             .where(_OWNED.ptp_parameter_id.in_([row["id"] for row in rows])).order_by(_OWNED.id))
    for row in conn.execute(query):
        owners[row.ptp_parameter_id].append(row.uuid)
    return [{**row, "owners": owners[row["id"]]} for row in rows]


def write(conn: Connection, owner: sa.Column[int], owner_id: int, before: Collection[Parameter],
          after: Collection[Parameter]) -> None:
    """Give an owner the parameters ``after`` in place of ``before``; deletes those that nobody has any more.

    DuplicateEntry or ReferenceError when another request makes or deletes one of them: repeat the transaction.
    """
    gone = [one for one in before if one not in after]
    new = [one for one in after if one not in before]
    known = _ids(conn, [*gone, *new])
    missing = [one for one in new if one not in known]
    if missing:
        conn.execute(sa.insert(PTP_PARAMETERS), [
            {"section": one.section, "name": one.name, "value": one.value} for one in missing])
        known |= _ids(conn, missing)
    if new:
        conn.execute(sa.insert(PTP_PARAMETER_OWNERSHIPS), [
            {owner.name: owner_id, "ptp_parameter_id": known[one]} for one in new])
    if gone:
        ids = [known[one] for one in gone]
        conn.execute(sa.delete(PTP_PARAMETER_OWNERSHIPS).where(owner == owner_id, _OWNED.ptp_parameter_id.in_(ids)))
        owned = sa.select(_OWNED.id).where(_OWNED.ptp_parameter_id == PTP_PARAMETERS.c.id).exists()
        conn.execute(sa.delete(PTP_PARAMETERS).where(PTP_PARAMETERS.c.id.in_(ids), ~owned))


def _ids(conn: Connection, parameters: Collection[Parameter]) -> dict[Parameter, int]:
    """Lock the rows of parameters and return their ids: one that is shared keeps its value until the end."""
    if not parameters:
        return {}
    columns = sa.tuple_(PTP_PARAMETERS.c.section, PTP_PARAMETERS.c.name, PTP_PARAMETERS.c.value)
    wanted = [(one.section, one.name, one.value) for one in parameters]
    query = QUERY.where(columns.in_(wanted)).order_by(PTP_PARAMETERS.c.id).with_for_update()
    return {Parameter(row.section, row.name, row.value): int(row.id) for row in conn.execute(query)}
