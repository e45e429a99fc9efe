# SPDX-License-Identifier: Apache-2.0
"""Rows of ``i_lvg``."""
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from flock.db import compare_and_set
from sysinv.contract.enums import VolumeState
from sysinv.db.lookup import Row
from sysinv.resources.host.table import I_HOST
from sysinv.resources.physicalvolume.table import I_PV
from sysinv.resources.volumegroup.rules import FUNCTION, TYPE
from sysinv.resources.volumegroup.table import I_LVG

QUERY = sa.select(I_LVG, I_HOST.c.uuid.label("ihost_uuid")).join(I_HOST, I_HOST.c.id == I_LVG.c.forihostid)


def shown(row: Row) -> Row:
    """Return a row with the fields that are kept in ``capabilities``."""
    told = row["capabilities"] or {}
    return {**row, FUNCTION: told.get(FUNCTION), TYPE: told.get(TYPE), "lvm_pool_size": None}


def names(conn: Connection, host_id: int) -> list[str]:
    """Return the names of the host's groups."""
    return list(conn.execute(sa.select(I_LVG.c.lvm_vg_name).where(I_LVG.c.forihostid == host_id)).scalars())


def of_host(conn: Connection, host_id: int) -> list[Row]:
    """Return the host's groups, oldest first."""
    query = sa.select(I_LVG).where(I_LVG.c.forihostid == host_id).order_by(I_LVG.c.id)
    return [dict(row) for row in conn.execute(query).mappings()]


def held(conn: Connection, host_id: int) -> set[int]:
    """Return the ids of groups whose volumes are being added or removed."""
    return set(conn.execute(sa.select(I_PV.c.forilvgid).where(
        I_PV.c.forihostid == host_id, I_PV.c.pv_state != VolumeState.PROVISIONED.value)).scalars())


def volumes(conn: Connection, group_id: int) -> list[Row]:
    """Return the physical volumes of a group, oldest first."""
    query = sa.select(I_PV).where(I_PV.c.forilvgid == group_id).order_by(I_PV.c.id)
    return [dict(row) for row in conn.execute(query).mappings()]


def by_id(conn: Connection, group_id: int) -> Row:
    """Return one group."""
    return dict(conn.execute(sa.select(I_LVG).where(I_LVG.c.id == group_id)).mappings().one())


def insert(conn: Connection, values: Mapping[str, Any]) -> int:
    """Add a group and return its id; DuplicateEntry when the host has one of that name."""
    done = conn.execute(sa.insert(I_LVG).values(**values))
    return int(done.inserted_primary_key[0])  # type: ignore[index]


def write(conn: Connection, row: Row, values: Mapping[str, Any]) -> None:
    """Change a group that was read in this transaction; StaleWrite when another request changed it first."""
    compare_and_set(conn, I_LVG, row["id"], row["revision"], values)


def delete(conn: Connection, group_id: int) -> None:
    """Remove a group and its volumes."""
    conn.execute(sa.delete(I_LVG).where(I_LVG.c.id == group_id))
