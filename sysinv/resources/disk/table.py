# SPDX-License-Identifier: Apache-2.0
"""``i_idisk``: disks."""
from __future__ import annotations

import sqlalchemy as sa

from flock.db import Json, columns
from sysinv.db.schema import METADATA, host_id, text

I_IDISK = sa.Table(
    "i_idisk", METADATA, *columns(), text("device_node", nullable=False), sa.Column("device_num", sa.Integer),
    text("device_type", 16), text("device_id"), text("device_path"), text("device_wwn"),
    sa.Column("size_mib", sa.Integer, nullable=False, default=0),
    sa.Column("available_mib", sa.Integer, nullable=False, default=0), text("rpm", 32), text("serial_id"),
    sa.Column("capabilities", Json, nullable=False, default=dict), sa.Column("foristorid", sa.Integer),
    sa.Column("foripvid", sa.Integer), host_id(), sa.UniqueConstraint("device_path", "forihostid"))
