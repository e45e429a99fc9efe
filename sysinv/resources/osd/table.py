# SPDX-License-Identifier: Apache-2.0
"""``i_istor``: OSDs and journal disks."""
from __future__ import annotations

import sqlalchemy as sa

from flock.db import Json, columns, revision_column
from sysinv.contract.enums import StorFunction, StorState
from sysinv.db.schema import METADATA, host_id, text

_FUNCTIONS = ", ".join(f"'{one}'" for one in StorFunction)
_STATES = ", ".join(f"'{one}'" for one in StorState)

I_ISTOR = sa.Table(
    "i_istor", METADATA, *columns(), revision_column(), text("function", 16, nullable=False),
    # Unique in the cluster; null for journal disks, and while only rook-ceph knows it.
    sa.Column("osdid", sa.Integer, unique=True), text("state", 32, nullable=False),
    sa.Column("capabilities", Json, nullable=False, default=dict),
    sa.Column("idisk_id", sa.Integer, sa.ForeignKey("i_idisk.id", ondelete="CASCADE"), nullable=False, unique=True),
    sa.Column("fortierid", sa.Integer, sa.ForeignKey("storage_tiers.id", ondelete="RESTRICT"), index=True),
    # The journal disk of an OSD; null for one that has its journal on its own disk.
    sa.Column("journal_id", sa.Integer, sa.ForeignKey("i_istor.id", ondelete="SET NULL"), index=True),
    # The journal is this partition of its disk.
    sa.Column("journal_number", sa.Integer), sa.Column("journal_size_mib", sa.Integer), host_id(),
    sa.CheckConstraint(f"function IN ({_FUNCTIONS})", name="function"),
    sa.CheckConstraint(f"state IN ({_STATES})", name="state"),
    sa.UniqueConstraint("journal_id", "journal_number"))
