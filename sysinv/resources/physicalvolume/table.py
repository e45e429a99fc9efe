# SPDX-License-Identifier: Apache-2.0
"""``i_pv``: LVM physical volumes, wanted and present; each is a whole disk or a partition."""
from __future__ import annotations

import sqlalchemy as sa

from flock.db import Json, columns, revision_column
from sysinv.contract.enums import VolumeState
from sysinv.db.schema import METADATA, host_id, text

_STATES = ", ".join(f"'{state}'" for state in VolumeState)


def _holder(name: str, table: str) -> sa.Column[int]:
    """A disk or partition can be one physical volume; when it is gone, so is the volume."""
    return sa.Column(name, sa.Integer, sa.ForeignKey(f"{table}.id", ondelete="CASCADE"), unique=True)


I_PV = sa.Table(
    "i_pv", METADATA, *columns(), revision_column(), text("pv_state", 16, nullable=False),
    _holder("idisk_id", "i_idisk"), _holder("partition_id", "partition"),
    text("lvm_pv_name"), text("lvm_pv_uuid", 64), sa.Column("lvm_pv_size", sa.BigInteger, nullable=False, default=0),
    sa.Column("lvm_pe_total", sa.Integer, nullable=False, default=0),
    sa.Column("lvm_pe_alloced", sa.Integer, nullable=False, default=0), text("error"),
    sa.Column("capabilities", Json, nullable=False, default=dict),
    sa.Column("forilvgid", sa.Integer, sa.ForeignKey("i_lvg.id", ondelete="CASCADE"), nullable=False, index=True),
    host_id(),
    sa.CheckConstraint("(idisk_id IS NULL) != (partition_id IS NULL)", name="holder"),
    sa.CheckConstraint(f"pv_state IN ({_STATES})", name="state"))
