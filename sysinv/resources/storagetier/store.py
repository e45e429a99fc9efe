# SPDX-License-Identifier: Apache-2.0
"""Rows of ``storage_tiers`` with what refers to them."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from flock.db import compare_and_set
from sysinv.contract.enums import BackendType
from sysinv.db.lookup import Row, reference_clause
from sysinv.resources.cluster.table import CLUSTERS
from sysinv.resources.osd.table import I_ISTOR
from sysinv.resources.storagebackend.table import STORAGE_BACKENDS
from sysinv.resources.storagetier.rules import status
from sysinv.resources.storagetier.table import STORAGE_TIERS

_STORS = (sa.select(sa.func.count(I_ISTOR.c.id)).where(I_ISTOR.c.fortierid == STORAGE_TIERS.c.id)
          .correlate(STORAGE_TIERS).scalar_subquery())
QUERY = (
    sa.select(STORAGE_TIERS, CLUSTERS.c.uuid.label("cluster_uuid"), CLUSTERS.c.name.label("cluster_name"),
              STORAGE_BACKENDS.c.uuid.label("backend_uuid"), STORAGE_BACKENDS.c.name.label("backend_using"),
              _STORS.label("stor_count"))
    .join(CLUSTERS, CLUSTERS.c.id == STORAGE_TIERS.c.forclusterid)
    .outerjoin(STORAGE_BACKENDS, STORAGE_BACKENDS.c.tier_id == STORAGE_TIERS.c.id))


def with_related(conn: Connection, rows: Sequence[Row]) -> list[Row]:
    """Return rows of QUERY with their status and the ids of their OSDs."""
    owned: dict[int, list[int]] = {row["id"]: [] for row in rows}
    query = sa.select(I_ISTOR.c.fortierid, I_ISTOR.c.osdid).where(
        I_ISTOR.c.fortierid.in_(list(owned)), I_ISTOR.c.osdid.is_not(None)).order_by(I_ISTOR.c.osdid)
    for row in conn.execute(query) if owned else ():
        owned[row.fortierid].append(row.osdid)
    return [{**row, "stors": owned[row["id"]],
             "status": status(has_backend=row["backend_uuid"] is not None, stors=row["stor_count"])} for row in rows]


def of_cluster(conn: Connection, cluster_id: int) -> list[Row]:
    """Return the tiers of a cluster, oldest first."""
    query = QUERY.where(STORAGE_TIERS.c.forclusterid == cluster_id).order_by(STORAGE_TIERS.c.id)
    return with_related(conn, [dict(row) for row in conn.execute(query).mappings()])


def of_cluster_of_hosts(conn: Connection) -> list[Row]:
    """Return the tiers that have a host-based back end, with id and name, oldest first."""
    query = sa.select(STORAGE_TIERS.c.id, STORAGE_TIERS.c.name).join(
        STORAGE_BACKENDS, STORAGE_BACKENDS.c.tier_id == STORAGE_TIERS.c.id).where(
        STORAGE_BACKENDS.c.backend == BackendType.CEPH.value)
    return [dict(row) for row in conn.execute(query.order_by(STORAGE_TIERS.c.id)).mappings()]


def found(conn: Connection, ident: str) -> Row | None:
    """Return the tier with that uuid, id or name; None when there is none."""
    query = QUERY.where(reference_clause(STORAGE_TIERS, ident)).order_by(STORAGE_TIERS.c.id)
    row = conn.execute(query).mappings().first()
    return None if row is None else with_related(conn, [dict(row)])[0]


def insert(conn: Connection, cluster_id: int, name: str, capabilities: Mapping[str, Any] | None = None) -> int:
    """Add a tier and return its id; DuplicateEntry when the cluster has one of that name."""
    done = conn.execute(sa.insert(STORAGE_TIERS).values(
        forclusterid=cluster_id, name=name, type="ceph", capabilities=dict(capabilities or {})))
    return int(done.inserted_primary_key[0])  # type: ignore[index]


def write(conn: Connection, row: Row, values: Mapping[str, Any]) -> None:
    """Change a tier that was read in this transaction; StaleWrite when another request changed it first."""
    compare_and_set(conn, STORAGE_TIERS, row["id"], row["revision"], values)


def delete(conn: Connection, row_id: int) -> None:
    """Delete a tier to which nothing refers."""
    conn.execute(sa.delete(STORAGE_TIERS).where(STORAGE_TIERS.c.id == row_id))
