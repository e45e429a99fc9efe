# SPDX-License-Identifier: Apache-2.0
"""``storage_backends``: all types in one table."""
from __future__ import annotations

import sqlalchemy as sa

from flock.db import Json, columns, revision_column
from sysinv.contract.enums import BackendState, BackendType
from sysinv.db.schema import METADATA, text
from sysinv.resources.storagebackend.rules import NAME_LENGTH_MAX, POOLS

_TYPES = ", ".join(f"'{one}'" for one in BackendType)
_STATES = ", ".join(f"'{one}'" for one in BackendState)

STORAGE_BACKENDS = sa.Table(
    "storage_backends", METADATA, *columns(), revision_column(), text("name", NAME_LENGTH_MAX, nullable=False),
    text("backend", 16, nullable=False), text("state", 32, nullable=False),
    # A text, or what each host does, by its name.
    sa.Column("task", Json), text("services", nullable=False, default=""),
    sa.Column("capabilities", Json, nullable=False, default=dict), text("network", 16),
    # A tier has one back end.
    sa.Column("tier_id", sa.Integer, sa.ForeignKey("storage_tiers.id", ondelete="RESTRICT"), unique=True),
    *(sa.Column(name, sa.Integer) for name in POOLS),
    sa.Column("object_gateway", sa.Boolean, nullable=False, default=False), text("ceph_conf"), text("error", 1024),
    # The changes of configuration whose results tell the state.
    sa.Column("config_uuids", Json, nullable=False, default=list),
    sa.UniqueConstraint("name"),
    sa.CheckConstraint(f"backend IN ({_TYPES})", name="backend"),
    sa.CheckConstraint(f"state IN ({_STATES})", name="state"))
