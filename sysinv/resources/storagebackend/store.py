# SPDX-License-Identifier: Apache-2.0
"""Rows of ``storage_backends``. The caller of a write holds the lock of the system's row (``serialise``)."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from flock.db import compare_and_set
from sysinv.config.model import OrderState
from sysinv.contract.enums import BackendState, BackendType, Personality
from sysinv.db.lookup import Row, reference_clause
from sysinv.model.host import host_view
from sysinv.resources.cephmon.table import CEPH_MON
from sysinv.resources.configuration.table import RUNTIME_CONFIG
from sysinv.resources.host.table import I_HOST
from sysinv.resources.storagebackend.progress import HostResult, task_text
from sysinv.resources.storagebackend.rules import POOLS, BackendView, Controller, listed
from sysinv.resources.storagebackend.table import STORAGE_BACKENDS
from sysinv.resources.storagetier.table import STORAGE_TIERS
from sysinv.resources.system.table import I_SYSTEM
from sysinv.resources.volumegroup.rules import PLATFORM_GROUP
from sysinv.resources.volumegroup.table import I_LVG

_SYSTEM = sa.select(I_SYSTEM.c.uuid).order_by(I_SYSTEM.c.id).limit(1).scalar_subquery()
QUERY = (
    # No OSD is in service as long as nothing makes a cluster: the size of each tier is 0.
    sa.select(STORAGE_BACKENDS, _SYSTEM.label("isystem_uuid"), STORAGE_TIERS.c.name.label("tier_name"),
              STORAGE_TIERS.c.uuid.label("tier_uuid"), STORAGE_TIERS.c.forclusterid,
              sa.literal(0).label("ceph_total_space_gib"))
    .outerjoin(STORAGE_TIERS, STORAGE_TIERS.c.id == STORAGE_BACKENDS.c.tier_id))


def serialise(conn: Connection) -> None:
    """Lock the row of the system: rules of one back end read all others, of OSDs those of other hosts."""
    conn.execute(sa.select(I_SYSTEM.c.id).order_by(I_SYSTEM.c.id).with_for_update())


def shown(row: Row) -> Row:
    """Return a row of QUERY as clients read it."""
    return {**row, "task": task_text(row["task"]), "tier_id": row["tier_id"]}


def found(conn: Connection, ident: str, backend: BackendType | None = None) -> Row | None:
    """Return the back end with that uuid, id or name, of that type if it is given; None when there is none."""
    query = QUERY.where(reference_clause(STORAGE_BACKENDS, ident))
    query = query if backend is None else query.where(STORAGE_BACKENDS.c.backend == backend.value)
    row = conn.execute(query).mappings().first()
    return None if row is None else dict(row)


def all_rows(conn: Connection) -> list[Row]:
    """Return all back ends, oldest first."""
    return [dict(row) for row in conn.execute(QUERY.order_by(STORAGE_BACKENDS.c.id)).mappings()]


def view(row: Mapping[str, Any]) -> BackendView:
    """Return what the rules need of a row of QUERY."""
    return BackendView(
        name=row["name"], backend=BackendType(row["backend"]), state=BackendState(row["state"]),
        services=listed(row["services"]), capabilities=row["capabilities"], tier=row["tier_name"],
        pools={name: row[name] for name in POOLS}, object_gateway=row["object_gateway"], network=row["network"],
        total_gib=row["ceph_total_space_gib"])


def controllers(conn: Connection) -> list[Controller]:
    """Return the controllers, with the space that their volume group of the platform has left."""
    query = (sa.select(I_HOST, I_LVG.c.lvm_vg_avail_size.label("free_bytes"))
             .outerjoin(I_LVG, sa.and_(I_LVG.c.forihostid == I_HOST.c.id, I_LVG.c.lvm_vg_name == PLATFORM_GROUP))
             .where(I_HOST.c.personality == Personality.CONTROLLER.value).order_by(I_HOST.c.id))
    return [Controller(host_view(dict(row)), row["free_bytes"]) for row in conn.execute(query).mappings()]


def results(conn: Connection, config_uuids: Sequence[str]) -> list[HostResult]:
    """Return the orders of these changes of configuration, by host."""
    query = (sa.select(I_HOST.c.hostname, I_HOST.c.uuid, RUNTIME_CONFIG.c.state, RUNTIME_CONFIG.c.error)
             .join(I_HOST, I_HOST.c.id == RUNTIME_CONFIG.c.forihostid)
             .where(RUNTIME_CONFIG.c.config_uuid.in_(list(config_uuids))).order_by(RUNTIME_CONFIG.c.id))
    return [HostResult(row.hostname or row.uuid, OrderState(row.state), row.error)
            for row in conn.execute(query)] if config_uuids else []


def insert(conn: Connection, values: Mapping[str, Any]) -> int:
    """Add a back end and return its id; DuplicateEntry when its name is taken."""
    done = conn.execute(sa.insert(STORAGE_BACKENDS).values(**values))
    return int(done.inserted_primary_key[0])  # type: ignore[index]


def by_id(conn: Connection, row_id: int) -> Row:
    """Return one back end."""
    return dict(conn.execute(QUERY.where(STORAGE_BACKENDS.c.id == row_id)).mappings().one())


def write(conn: Connection, row: Row, values: Mapping[str, Any]) -> None:
    """Change a back end that was read in this transaction; StaleWrite when another request changed it first."""
    compare_and_set(conn, STORAGE_BACKENDS, row["id"], row["revision"], values)


def set_monitors(conn: Connection, state: BackendState, task: str | None) -> None:
    """Store how far the monitors are: they are made with the back end."""
    conn.execute(sa.update(CEPH_MON).values(state=state.value, task=task))


def delete(conn: Connection, row_id: int) -> None:
    """Delete a back end."""
    conn.execute(sa.delete(STORAGE_BACKENDS).where(STORAGE_BACKENDS.c.id == row_id))
