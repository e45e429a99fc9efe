# SPDX-License-Identifier: Apache-2.0
"""Rows of ``clusters``, and what of hosts and back ends decides how a cluster is laid out."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from sysinv.contract.enums import BackendType, Personality, StorFunction
from sysinv.db.lookup import Row, the_system
from sysinv.resources.cephmon.table import CEPH_MON
from sysinv.resources.cluster.rules import CEPH_CLUSTER, ClusterHosts, DeploymentModel, ceph_model, peers
from sysinv.resources.cluster.table import CLUSTERS
from sysinv.resources.host.table import I_HOST
from sysinv.resources.osd.table import I_ISTOR
from sysinv.resources.storagebackend.table import STORAGE_BACKENDS
from sysinv.resources.storagetier import store as tiers
from sysinv.resources.storagetier.rules import DEFAULT
from sysinv.resources.storagetier.table import STORAGE_TIERS

QUERY = sa.select(CLUSTERS)
REPLICATION_DEFAULT = 2


def hosts(conn: Connection) -> ClusterHosts:
    """Return what of the hosts decides the model of the host-based cluster."""
    roles = conn.execute(sa.select(I_HOST.c.personality).distinct().join(I_ISTOR, I_ISTOR.c.forihostid == I_HOST.c.id)
                         .where(I_ISTOR.c.function == StorFunction.OSD.value)).scalars()
    storage = conn.execute(sa.select(I_HOST.c.hostname).where(
        I_HOST.c.personality == Personality.STORAGE.value, I_HOST.c.hostname.is_not(None))).scalars()
    monitor = conn.execute(sa.select(CEPH_MON.c.id).join(I_HOST, I_HOST.c.id == CEPH_MON.c.forihostid).where(
        I_HOST.c.personality == Personality.WORKER.value).limit(1)).first()
    return ClusterHosts(frozenset(one for one in roles if one), tuple(sorted(storage)), monitor is not None)


def primary(conn: Connection) -> Row | None:
    """Return the back end of the default tier, made of ceph or ceph-rook; None when there is none."""
    query = sa.select(STORAGE_BACKENDS).join(STORAGE_TIERS, STORAGE_TIERS.c.id == STORAGE_BACKENDS.c.tier_id)
    row = conn.execute(query.where(STORAGE_TIERS.c.name == DEFAULT)).mappings().first()
    return None if row is None else dict(row)


def model_of(conn: Connection, backend: Row | None) -> str:
    """Return the deployment model of the cluster of a back end."""
    if backend is None:
        return DeploymentModel.UNDEFINED.value
    if backend["backend"] == BackendType.ROOK:
        return str(backend["capabilities"].get("deployment_model", DeploymentModel.UNDEFINED.value))
    return ceph_model(the_system(conn), hosts(conn)).value


def groups(conn: Connection, backend: Row | None) -> list[dict[str, Any]]:
    """Return the replication groups of the storage hosts."""
    if backend is None or backend["backend"] != BackendType.CEPH:
        return []
    return peers(hosts(conn).storage_hosts, int(backend["capabilities"].get("replication", REPLICATION_DEFAULT)))


def complete(conn: Connection, rows: Sequence[Row]) -> list[Row]:
    """Return rows of clusters with their tiers, model and replication groups."""
    backend = primary(conn)
    model, found = model_of(conn, backend), groups(conn, backend)
    return [{**row, "deployment_model": model, "peers": found if row["name"] == CEPH_CLUSTER else [],
             "tiers": [{"name": tier["name"], "status": tier["status"], "uuid": tier["uuid"]}
                       for tier in tiers.of_cluster(conn, row["id"])]} for row in rows]


def insert(conn: Connection, name: str) -> int:
    """Add a cluster and return its id."""
    done = conn.execute(sa.insert(CLUSTERS).values(name=name, type="ceph"))
    return int(done.inserted_primary_key[0])  # type: ignore[index]


def delete(conn: Connection, cluster_id: int) -> None:
    """Delete a cluster with its tiers, to which no back end and no OSD refers."""
    conn.execute(sa.delete(CLUSTERS).where(CLUSTERS.c.id == cluster_id))
