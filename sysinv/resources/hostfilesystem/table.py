# SPDX-License-Identifier: Apache-2.0
"""``host_fs``: file systems of hosts, wanted and present. ``size`` in GiB is wanted; the agent reports the rest."""
from __future__ import annotations

import sqlalchemy as sa

from flock.db import Json, columns, revision_column
from sysinv.contract.enums import FilesystemState
from sysinv.db.schema import METADATA, host_id, text

_STATES = ", ".join(f"'{state}'" for state in FilesystemState)

HOST_FS = sa.Table(
    "host_fs", METADATA, *columns(), revision_column(), text("name", 64, nullable=False),
    sa.Column("size", sa.Integer, nullable=False), text("logical_volume", 64, nullable=False),
    text("state", 32, nullable=False), text("error"), sa.Column("capabilities", Json, nullable=False, default=dict),
    # Null until an agent has reported file systems.
    sa.Column("present_mib", sa.Integer), sa.Column("free_mib", sa.Integer), sa.Column("mounted", sa.Boolean),
    host_id(), sa.UniqueConstraint("name", "forihostid"),
    sa.CheckConstraint(f"state IN ({_STATES})", name="state"))
