# SPDX-License-Identifier: Apache-2.0
"""Rows of ``datanetworks``."""
from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from flock.core import ids
from sysinv.db.lookup import ID_MAX, Row
from sysinv.resources.datanetwork.table import DATANETWORKS
from sysinv.resources.host.table import I_HOST
from sysinv.resources.interface.table import INTERFACES
from sysinv.resources.interfacedatanetwork.table import INTERFACE_DATANETWORKS

QUERY = sa.select(DATANETWORKS)
_NUMBER = re.compile(r"[0-9]{1,10}")


def found(conn: Connection, ident: str, *, lock: bool = False) -> Row | None:
    """Return the data network with that uuid, id or name. ``lock`` excludes other writers of it.

    A name may be a number: the data network with that id comes first.
    """
    clause = DATANETWORKS.c.name == ident
    if ids.is_uuid(ident):
        clause = sa.or_(DATANETWORKS.c.uuid == ident.lower(), clause)
    elif _NUMBER.fullmatch(ident) and int(ident) <= ID_MAX:
        clause = sa.or_(DATANETWORKS.c.id == int(ident), clause)
    query = QUERY.where(clause).order_by(sa.case((DATANETWORKS.c.name == ident, 1), else_=0)).limit(1)
    row = conn.execute(query.with_for_update() if lock else query).mappings().first()
    return None if row is None else dict(row)


def insert(conn: Connection, values: Mapping[str, Any]) -> Row:
    """Add a data network and return its row."""
    done = conn.execute(sa.insert(DATANETWORKS).values(**values))
    row_id = done.inserted_primary_key[0]  # type: ignore[index]
    return dict(conn.execute(QUERY.where(DATANETWORKS.c.id == row_id)).mappings().one())


def delete(conn: Connection, row_id: int) -> None:
    """Delete a data network."""
    conn.execute(sa.delete(DATANETWORKS).where(DATANETWORKS.c.id == row_id))


def carriers(conn: Connection, row_id: int) -> dict[str, int]:
    """Return the MTU of the interfaces that carry a data network, by ``<host>:<interface>``."""
    rows = conn.execute(
        sa.select(I_HOST.c.hostname, I_HOST.c.uuid, INTERFACES.c.ifname, INTERFACES.c.imtu)
        .join(INTERFACE_DATANETWORKS, INTERFACE_DATANETWORKS.c.interface_id == INTERFACES.c.id)
        .join(I_HOST, I_HOST.c.id == INTERFACES.c.forihostid)
        .where(INTERFACE_DATANETWORKS.c.datanetwork_id == row_id))
    return {f"{row.hostname or row.uuid}:{row.ifname}": row.imtu for row in rows}
