# SPDX-License-Identifier: Apache-2.0
"""``i_lvg``: LVM volume groups, wanted and present."""
from __future__ import annotations

import sqlalchemy as sa

from flock.db import Json, columns, revision_column
from sysinv.contract.enums import VolumeState
from sysinv.db.schema import METADATA, host_id, text

COUNTS = ("lvm_max_lv", "lvm_cur_lv", "lvm_max_pv", "lvm_cur_pv", "lvm_vg_total_pe", "lvm_vg_free_pe")
SIZES = ("lvm_vg_size", "lvm_vg_avail_size")
_STATES = ", ".join(f"'{state}'" for state in VolumeState)

I_LVG = sa.Table(
    "i_lvg", METADATA, *columns(), revision_column(), text("lvm_vg_name", 64, nullable=False),
    text("vg_state", 16, nullable=False), text("lvm_vg_uuid", 64), text("lvm_vg_access", 64),
    *(sa.Column(name, sa.Integer, nullable=False, default=0) for name in COUNTS),
    *(sa.Column(name, sa.BigInteger, nullable=False, default=0) for name in SIZES),
    sa.Column("capabilities", Json, nullable=False, default=dict), host_id(),
    sa.UniqueConstraint("lvm_vg_name", "forihostid"),
    sa.CheckConstraint(f"vg_state IN ({_STATES})", name="state"))
