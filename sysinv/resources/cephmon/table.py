# SPDX-License-Identifier: Apache-2.0
"""``ceph_mon``: monitors, at most one on each host."""
from __future__ import annotations

import sqlalchemy as sa

from flock.db import columns, revision_column
from sysinv.contract.enums import BackendState
from sysinv.db.schema import METADATA, host_id, text

_STATES = ", ".join(f"'{one}'" for one in BackendState)

CEPH_MON = sa.Table(
    "ceph_mon", METADATA, *columns(), revision_column(), text("device_path"),
    sa.Column("ceph_mon_gib", sa.Integer, nullable=False), text("state", 32, nullable=False), text("task"), host_id(),
    sa.UniqueConstraint("forihostid"), sa.CheckConstraint(f"state IN ({_STATES})", name="state"))
