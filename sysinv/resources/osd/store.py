# SPDX-License-Identifier: Apache-2.0
"""Rows of ``i_istor``. The caller of a write holds the lock of the system's row and of the host."""
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from flock.db import compare_and_set
from sysinv.contract.enums import BackendState, BackendType, StorFunction, StorState
from sysinv.db.lookup import Row
from sysinv.resources.cluster import store as clusters
from sysinv.resources.disk.table import I_IDISK
from sysinv.resources.host.table import I_HOST
from sysinv.resources.osd.rules import OWN_JOURNAL, ClusterView, StorView
from sysinv.resources.osd.table import I_ISTOR
from sysinv.resources.partition.rules import partition_node, partition_path
from sysinv.resources.storagetier.table import STORAGE_TIERS

_JOURNAL = I_ISTOR.alias("journal")
_JOURNAL_DISK = I_IDISK.alias("journal_disk")
_USED = (
    sa.select(sa.func.coalesce(sa.func.sum(_JOURNAL.c.journal_size_mib), 0))
    .where(_JOURNAL.c.journal_id == I_ISTOR.c.id).correlate(I_ISTOR).scalar_subquery())
_USERS = (sa.select(sa.func.count(_JOURNAL.c.id)).where(_JOURNAL.c.journal_id == I_ISTOR.c.id)
          .correlate(I_ISTOR).scalar_subquery())
QUERY = (
    sa.select(I_ISTOR, I_HOST.c.uuid.label("ihost_uuid"), I_IDISK.c.uuid.label("idisk_uuid"), I_IDISK.c.size_mib,
              I_IDISK.c.device_node.label("disk_node"), I_IDISK.c.device_path.label("disk_path"),
              STORAGE_TIERS.c.uuid.label("tier_uuid"), STORAGE_TIERS.c.name.label("tier_name"),
              _JOURNAL.c.uuid.label("journal_uuid"), _JOURNAL_DISK.c.device_node.label("other_node"),
              _JOURNAL_DISK.c.device_path.label("other_path"))
    .join(I_HOST, I_HOST.c.id == I_ISTOR.c.forihostid).join(I_IDISK, I_IDISK.c.id == I_ISTOR.c.idisk_id)
    .outerjoin(STORAGE_TIERS, STORAGE_TIERS.c.id == I_ISTOR.c.fortierid)
    .outerjoin(_JOURNAL, _JOURNAL.c.id == I_ISTOR.c.journal_id)
    .outerjoin(_JOURNAL_DISK, _JOURNAL_DISK.c.id == _JOURNAL.c.idisk_id))


def shown(row: Row) -> Row:
    """Return a row of QUERY with the place of its journal: a partition of a journal disk or of its own disk."""
    if row["function"] != StorFunction.OSD or row["journal_size_mib"] is None:
        return {**row, "journal_location": None, "journal_path": None, "journal_node": None}
    node, path, number = row["disk_node"], row["disk_path"] or row["disk_node"], OWN_JOURNAL
    if row["journal_uuid"] is not None:
        node, path = row["other_node"], row["other_path"] or row["other_node"]
        number = row["journal_number"]
    return {**row, "journal_location": row["journal_uuid"] or row["uuid"], "journal_node": partition_node(node, number),
            "journal_path": partition_path(node, path, number)}


def cluster_view(conn: Connection) -> ClusterView | None:
    """Return the cluster that OSDs join; None without a ceph or ceph-rook back end."""
    backend = clusters.primary(conn)
    if backend is None:
        return None
    return ClusterView(
        BackendType(backend["backend"]), BackendState(backend["state"]), clusters.model_of(conn, backend),
        int(backend["capabilities"].get("replication", clusters.REPLICATION_DEFAULT)),
        frozenset(clusters.hosts(conn).storage_hosts))


def of_host(conn: Connection, host_id: int) -> list[StorView]:
    """Return what a host has, oldest first."""
    query = sa.select(I_ISTOR, I_IDISK.c.size_mib, _USED.label("used_mib"), _USERS.label("users")).join(
        I_IDISK, I_IDISK.c.id == I_ISTOR.c.idisk_id).where(I_ISTOR.c.forihostid == host_id)
    return [StorView(row.id, row.uuid, StorFunction(row.function), StorState(row.state), row.size_mib, row.used_mib,
                     row.users, row.fortierid) for row in conn.execute(query.order_by(I_ISTOR.c.id))]


def taken_ids(conn: Connection) -> list[int]:
    """Return the numbers of all OSDs."""
    return list(conn.execute(sa.select(I_ISTOR.c.osdid).where(I_ISTOR.c.osdid.is_not(None))).scalars())


def made_in_tier(conn: Connection, tier_id: int | None) -> int:
    """Return how many OSDs of a tier are made."""
    return int(conn.execute(sa.select(sa.func.count(I_ISTOR.c.id)).where(
        I_ISTOR.c.fortierid == tier_id, I_ISTOR.c.state == StorState.CONFIGURED.value,
        I_ISTOR.c.function == StorFunction.OSD.value)).scalar_one())


def next_number(conn: Connection, journal_id: int) -> int:
    """Return the number of the next partition of a journal disk."""
    used = set(conn.execute(sa.select(I_ISTOR.c.journal_number).where(I_ISTOR.c.journal_id == journal_id)).scalars())
    return next(number for number in range(1, len(used) + 2) if number not in used)


def insert(conn: Connection, values: Mapping[str, Any]) -> int:
    """Add an OSD or journal and return its id; DuplicateEntry when its disk has one."""
    done = conn.execute(sa.insert(I_ISTOR).values(capabilities={}, **values))
    return int(done.inserted_primary_key[0])  # type: ignore[index]


def by_id(conn: Connection, row_id: int) -> Row:
    """Return one row of QUERY."""
    return dict(conn.execute(QUERY.where(I_ISTOR.c.id == row_id)).mappings().one())


def write(conn: Connection, row: Row, values: Mapping[str, Any]) -> None:
    """Change a row that was read in this transaction; StaleWrite when another request changed it first."""
    compare_and_set(conn, I_ISTOR, row["id"], row["revision"], values)


def delete(conn: Connection, row_id: int) -> None:
    """Remove an OSD or journal."""
    conn.execute(sa.delete(I_ISTOR).where(I_ISTOR.c.id == row_id))
