# SPDX-License-Identifier: Apache-2.0
"""Rows of ``ptp_interfaces`` and ``ptp_interface_maps``; the caller of a write holds the lock of the PTP interface."""
from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from sysinv.db.lookup import Row, reference_clause
from sysinv.resources.host.table import I_HOST
from sysinv.resources.interface.table import INTERFACES
from sysinv.resources.ptpinstance.table import PTP_INSTANCES
from sysinv.resources.ptpinterface.table import PTP_INTERFACE_MAPS, PTP_INTERFACES
from sysinv.resources.ptpparameter import store as parameters

TYPE = "ptp-interface"
_MAPS = PTP_INTERFACE_MAPS.c
QUERY = (
    sa.select(PTP_INTERFACES, sa.literal(TYPE).label("type"), PTP_INSTANCES.c.uuid.label("ptp_instance_uuid"),
              PTP_INSTANCES.c.name.label("ptp_instance_name"))
    .join(PTP_INSTANCES, PTP_INSTANCES.c.id == PTP_INTERFACES.c.ptp_instance_id))
ON_INTERFACE = QUERY.join(PTP_INTERFACE_MAPS, _MAPS.ptp_interface_id == PTP_INTERFACES.c.id)
# Several interfaces of a host may have the same PTP interface, which is one of the host once.
_HOSTS = (sa.select(_MAPS.ptp_interface_id, INTERFACES.c.forihostid)
          .join(INTERFACES, INTERFACES.c.id == _MAPS.interface_id).distinct().subquery("ptp_interface_hosts"))
ON_HOST = QUERY.join(_HOSTS, _HOSTS.c.ptp_interface_id == PTP_INTERFACES.c.id)
HOST = _HOSTS.c.forihostid


def found(conn: Connection, ident: str, *, lock: bool = False) -> Row | None:
    """Return the PTP interface with that uuid, id or name. ``lock`` excludes other writers of it."""
    query = QUERY.where(reference_clause(PTP_INTERFACES, ident))
    row = conn.execute(query.with_for_update(of=PTP_INTERFACES) if lock else query).mappings().first()
    return None if row is None else dict(row)


def with_related(conn: Connection, rows: Sequence[Row]) -> list[Row]:
    """Return rows of QUERY with the names of their interfaces and hosts, and with their parameters."""
    ids = [row["id"] for row in rows]
    owned = parameters.of_owners(conn, parameters.OF_INTERFACE, ids)
    hosts: dict[int, dict[str, None]] = defaultdict(dict)
    names: dict[int, list[str]] = defaultdict(list)
    query = (sa.select(_MAPS.ptp_interface_id, INTERFACES.c.ifname,
                       sa.func.coalesce(I_HOST.c.hostname, I_HOST.c.uuid).label("host"))
             .join(INTERFACES, INTERFACES.c.id == _MAPS.interface_id)
             .join(I_HOST, I_HOST.c.id == INTERFACES.c.forihostid)
             .where(_MAPS.ptp_interface_id.in_(ids)).order_by(I_HOST.c.id, INTERFACES.c.id))
    for row in conn.execute(query):
        hosts[row.ptp_interface_id][row.host] = None
        names[row.ptp_interface_id].append(f"{row.host}/{row.ifname}")
    return [{**row, "hostnames": list(hosts[row["id"]]), "interface_names": names[row["id"]],
             "parameters": [one.pair for one in owned[row["id"]]]} for row in rows]


def insert(conn: Connection, values: Mapping[str, Any]) -> None:
    """Add a PTP interface."""
    conn.execute(sa.insert(PTP_INTERFACES).values(**values))


def delete(conn: Connection, row_id: int) -> None:
    """Delete a PTP interface, and the parameters that nobody else has."""
    owned = parameters.of_owners(conn, parameters.OF_INTERFACE, [row_id])[row_id]
    parameters.write(conn, parameters.OF_INTERFACE, row_id, owned, ())
    conn.execute(sa.delete(PTP_INTERFACES).where(PTP_INTERFACES.c.id == row_id))


def is_assigned(conn: Connection, row_id: int) -> bool:
    """Return whether an interface of a host has the PTP interface."""
    return conn.execute(sa.select(_MAPS.id).where(_MAPS.ptp_interface_id == row_id).limit(1)).first() is not None


def of_interface(conn: Connection, interface_id: int) -> dict[int, str]:
    """Return the names of the PTP interfaces that an interface has, by id."""
    rows = conn.execute(ON_INTERFACE.where(_MAPS.interface_id == interface_id).order_by(PTP_INTERFACES.c.id))
    return {row.id: row.name for row in rows}


def write_of_interface(conn: Connection, interface_id: int, before: Mapping[int, str],
                       after: Mapping[int, str]) -> None:
    """Give an interface, whose host's lock the caller holds, the PTP interfaces ``after`` in place of ``before``."""
    gone = before.keys() - after.keys()
    if gone:
        conn.execute(sa.delete(PTP_INTERFACE_MAPS).where(
            _MAPS.interface_id == interface_id, _MAPS.ptp_interface_id.in_(gone)))
    new = [row_id for row_id in after if row_id not in before]
    if new:
        conn.execute(sa.insert(PTP_INTERFACE_MAPS), [
            {"interface_id": interface_id, "ptp_interface_id": row_id} for row_id in new])
