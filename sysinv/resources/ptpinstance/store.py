# SPDX-License-Identifier: Apache-2.0
"""Rows of ``ptp_instances`` and ``ptp_instance_maps``; the caller of a write holds the lock of the instance."""
from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from sysinv.contract.enums import Administrative, Operational
from sysinv.db.lookup import Row, reference_clause
from sysinv.resources.host.table import I_HOST
from sysinv.resources.interface.table import INTERFACES
from sysinv.resources.ptpinstance.rules import SINGLE, InstanceView
from sysinv.resources.ptpinstance.table import PTP_INSTANCE_MAPS, PTP_INSTANCES
from sysinv.resources.ptpinterface.table import PTP_INTERFACE_MAPS, PTP_INTERFACES
from sysinv.resources.ptpparameter import store as parameters
from sysinv.resources.ptpparameter.rules import Parameter

TYPE = "ptp-instance"
QUERY = sa.select(PTP_INSTANCES, sa.literal(TYPE).label("type"))
ON_HOST = QUERY.join(PTP_INSTANCE_MAPS, PTP_INSTANCE_MAPS.c.ptp_instance_id == PTP_INSTANCES.c.id)
_MAPS = PTP_INSTANCE_MAPS.c


def found(conn: Connection, ident: str, *, lock: bool = False) -> Row | None:
    """Return the PTP instance with that uuid, id or name. ``lock`` excludes other writers of it."""
    query = QUERY.where(reference_clause(PTP_INSTANCES, ident))
    row = conn.execute(query.with_for_update(of=PTP_INSTANCES) if lock else query).mappings().first()
    return None if row is None else dict(row)


def with_related(conn: Connection, rows: Sequence[Row]) -> list[Row]:
    """Return rows of QUERY with the names of their hosts and with their parameters."""
    ids = [row["id"] for row in rows]
    owned = parameters.of_owners(conn, parameters.OF_INSTANCE, ids)
    names: dict[int, list[str]] = defaultdict(list)
    query = (sa.select(_MAPS.ptp_instance_id, sa.func.coalesce(I_HOST.c.hostname, I_HOST.c.uuid).label("name"))
             .join(I_HOST, I_HOST.c.id == _MAPS.forihostid).where(_MAPS.ptp_instance_id.in_(ids))
             .order_by(I_HOST.c.id))
    for row in conn.execute(query):
        names[row.ptp_instance_id].append(row.name)
    return [{**row, "hostnames": names[row["id"]], "parameters": by_section(owned[row["id"]])} for row in rows]


def by_section(owned: Sequence[Parameter]) -> dict[str, list[str]]:
    """Return parameters as clients read them; a name may have several values in one section."""
    sections: dict[str, list[str]] = {}
    for one in owned:
        sections.setdefault(one.section, []).append(one.pair)
    return sections


def insert(conn: Connection, values: Mapping[str, Any]) -> Row:
    """Add a PTP instance and return its row."""
    done = conn.execute(sa.insert(PTP_INSTANCES).values(capabilities={}, **values))
    row_id = done.inserted_primary_key[0]  # type: ignore[index]
    return dict(conn.execute(QUERY.where(PTP_INSTANCES.c.id == row_id)).mappings().one())


def delete(conn: Connection, row_id: int) -> None:
    """Delete a PTP instance, and the parameters that nobody else has."""
    owned = parameters.of_owners(conn, parameters.OF_INSTANCE, [row_id])[row_id]
    parameters.write(conn, parameters.OF_INSTANCE, row_id, owned, ())
    conn.execute(sa.delete(PTP_INSTANCES).where(PTP_INSTANCES.c.id == row_id))


def has_hosts(conn: Connection, row_id: int) -> bool:
    """Return whether the PTP instance is assigned to a host."""
    return conn.execute(sa.select(_MAPS.id).where(_MAPS.ptp_instance_id == row_id).limit(1)).first() is not None


def has_interfaces(conn: Connection, row_id: int) -> bool:
    """Return whether PTP interfaces belong to the PTP instance."""
    query = sa.select(PTP_INTERFACES.c.id).where(PTP_INTERFACES.c.ptp_instance_id == row_id).limit(1)
    return conn.execute(query).first() is not None


def of_host(conn: Connection, host_id: int) -> dict[int, InstanceView]:
    """Return the PTP instances that a host has, by id."""
    rows = conn.execute(ON_HOST.where(_MAPS.forihostid == host_id).order_by(PTP_INSTANCES.c.id))
    return {row.id: InstanceView(row.id, row.name, row.service) for row in rows}


def write_of_host(conn: Connection, host_id: int, before: Mapping[int, InstanceView],
                  after: Mapping[int, InstanceView]) -> None:
    """Give a host, whose lock the caller holds, the PTP instances ``after`` in place of ``before``."""
    gone = before.keys() - after.keys()
    if gone:
        conn.execute(sa.delete(PTP_INSTANCE_MAPS).where(_MAPS.forihostid == host_id, _MAPS.ptp_instance_id.in_(gone)))
    new = [one for row_id, one in after.items() if row_id not in before]
    if new:
        conn.execute(sa.insert(PTP_INSTANCE_MAPS), [
            {"forihostid": host_id, "ptp_instance_id": one.id,
             "single_service": one.service if one.service in SINGLE else None} for one in new])


def interfaces_of_host(conn: Connection, host_id: int, instance_ids: Collection[int]) -> list[Row]:
    """Return which PTP interfaces of these instances are on which interfaces of a host, in the order of their ids."""
    on = PTP_INTERFACE_MAPS.c
    query = (sa.select(PTP_INTERFACES.c.ptp_instance_id, on.ptp_interface_id, on.interface_id)
             .join(PTP_INTERFACES, PTP_INTERFACES.c.id == on.ptp_interface_id)
             .join(INTERFACES, INTERFACES.c.id == on.interface_id)
             .where(INTERFACES.c.forihostid == host_id, PTP_INTERFACES.c.ptp_instance_id.in_(list(instance_ids))))
    rows = conn.execute(query.order_by(on.ptp_interface_id, on.interface_id)).mappings()
    return [dict(row) for row in rows]


def wanted_by_interfaces(conn: Connection, host_id: int) -> tuple[tuple[str, str], ...]:
    """Return the names of the PTP interfaces on a host, each with that of its PTP instance, in the order of names."""
    query = (sa.select(PTP_INTERFACES.c.name, PTP_INSTANCES.c.name.label("instance"))
             .join(PTP_INSTANCES, PTP_INSTANCES.c.id == PTP_INTERFACES.c.ptp_instance_id)
             .where(PTP_INTERFACES.c.id.in_(
                 sa.select(PTP_INTERFACE_MAPS.c.ptp_interface_id)
                 .join(INTERFACES, INTERFACES.c.id == PTP_INTERFACE_MAPS.c.interface_id)
                 .where(INTERFACES.c.forihostid == host_id))).order_by(PTP_INTERFACES.c.name))
    return tuple((row.name, row.instance) for row in conn.execute(query))


def synchronised_hosts(conn: Connection) -> list[str]:
    """Return the uuids of the hosts in service that take their time by PTP."""
    query = sa.select(I_HOST.c.uuid).where(
        I_HOST.c.clock_synchronization == "ptp", I_HOST.c.administrative == Administrative.UNLOCKED.value,
        I_HOST.c.operational == Operational.ENABLED.value)
    return list(conn.execute(query.order_by(I_HOST.c.id)).scalars())
