# SPDX-License-Identifier: Apache-2.0
"""``partition``: partitions, wanted and present; ``storage_results``: what hosts did with orders for their disks."""
from __future__ import annotations

import sqlalchemy as sa

from flock.db import Json, columns, revision_column
from sysinv.contract.enums import PartitionStatus
from sysinv.db.schema import METADATA, host_id, text

_STATUSES = ", ".join(str(int(status)) for status in PartitionStatus)

PARTITION = sa.Table(
    "partition", METADATA, *columns(), revision_column(), sa.Column("number", sa.Integer, nullable=False),
    # The partition's identity in the table of its disk.
    text("part_guid", 64, nullable=False),
    sa.Column("start_mib", sa.Integer, nullable=False), sa.Column("end_mib", sa.Integer, nullable=False),
    # The wanted size; ``present_mib`` is what the host reported, 0 before the partition exists.
    sa.Column("size_mib", sa.Integer, nullable=False), sa.Column("present_mib", sa.Integer, nullable=False, default=0),
    text("device_node", nullable=False), text("device_path", nullable=False), text("type_guid", 64, nullable=False),
    text("type_name"), sa.Column("status", sa.Integer, nullable=False), text("error"),
    sa.Column("capabilities", Json, nullable=False, default=dict),
    sa.Column("idisk_id", sa.Integer, sa.ForeignKey("i_idisk.id", ondelete="CASCADE"), nullable=False, index=True),
    host_id(), sa.UniqueConstraint("idisk_id", "part_guid"),
    sa.CheckConstraint("start_mib >= 0 AND end_mib >= start_mib AND size_mib >= 0 AND present_mib >= 0", name="place"),
    sa.CheckConstraint(f"status IN ({_STATUSES})", name="status"))

STORAGE_RESULTS = sa.Table(
    "storage_results", METADATA,
    sa.Column("order_uuid", sa.String(36), sa.ForeignKey("operations.uuid", ondelete="CASCADE"), primary_key=True),
    text("error", nullable=False, default=""))
