# SPDX-License-Identifier: Apache-2.0
"""Rows of ``i_idisk``."""
from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from sysinv.db.lookup import Row
from sysinv.resources.disk.table import I_IDISK
from sysinv.resources.host.table import I_HOST
from sysinv.resources.osd.table import I_ISTOR
from sysinv.resources.partition.table import PARTITION
from sysinv.resources.physicalvolume.table import I_PV

# Columns that no release writes: what uses a disk refers to it.
_DERIVED = ("foripvid", "foristorid")
# What partitions will take that the host does not have yet. Its agent reports a disk before the disk's partitions, so
# space counts twice for a moment, but never not at all.
_PROMISED = (
    sa.select(sa.func.coalesce(sa.func.sum(PARTITION.c.size_mib - PARTITION.c.present_mib), 0))
    .where(PARTITION.c.idisk_id == I_IDISK.c.id, PARTITION.c.size_mib > PARTITION.c.present_mib)
    .correlate(I_IDISK).scalar_subquery())
_AVAILABLE = sa.case((I_IDISK.c.available_mib > _PROMISED, I_IDISK.c.available_mib - _PROMISED), else_=0)
QUERY = (
    sa.select(*(column for column in I_IDISK.c if column.name not in ("available_mib", *_DERIVED)),
              _AVAILABLE.label("available_mib"), I_HOST.c.uuid.label("ihost_uuid"),
              I_ISTOR.c.uuid.label("istor_uuid"), I_ISTOR.c.id.label("foristorid"),
              I_PV.c.uuid.label("ipv_uuid"), I_PV.c.id.label("foripvid"))
    .join(I_HOST, I_HOST.c.id == I_IDISK.c.forihostid).outerjoin(I_PV, I_PV.c.idisk_id == I_IDISK.c.id)
    .outerjoin(I_ISTOR, I_ISTOR.c.idisk_id == I_IDISK.c.id))
# A disk with a volume, on itself or on one of its partitions.
_ON_PART = (
    sa.select(sa.func.max(I_PV.c.id)).join(PARTITION, PARTITION.c.id == I_PV.c.partition_id)
    .where(PARTITION.c.idisk_id == I_IDISK.c.id).correlate(I_IDISK).scalar_subquery())


def of_host(conn: Connection, host_id: int) -> list[Row]:
    """Return the host's disks with the ids of a volume and of an OSD or journal that they carry."""
    query = (
        sa.select(*(column for column in I_IDISK.c if column.name not in _DERIVED),
                  sa.func.coalesce(I_PV.c.id, _ON_PART).label("foripvid"), I_ISTOR.c.id.label("foristorid"))
        .outerjoin(I_PV, I_PV.c.idisk_id == I_IDISK.c.id).outerjoin(I_ISTOR, I_ISTOR.c.idisk_id == I_IDISK.c.id)
        .where(I_IDISK.c.forihostid == host_id))
    return [dict(row) for row in conn.execute(query).mappings()]
