# SPDX-License-Identifier: Apache-2.0
"""``profiles``: one row per profile. ``host_profiles``: the profile for which a host waits until it is inventoried.

What a profile has is one JSON document: it is written once, read and applied as a whole, and nothing searches in it.
``sysinv.resources.profile.body`` checks it whenever it is written or read.
"""
from __future__ import annotations

import sqlalchemy as sa

from flock.db import Json, columns, revision_column
from sysinv.db.schema import METADATA, text

PROFILES = sa.Table(
    "profiles", METADATA, *columns(), revision_column(), text("profilename", nullable=False),
    text("profiletype", 16, nullable=False), sa.Column("body", Json, nullable=False),
    sa.UniqueConstraint("profilename"))
# A host waits for at most one profile, and a profile for which hosts wait stays.
HOST_PROFILES = sa.Table(
    "host_profiles", METADATA,
    sa.Column("forihostid", sa.Integer, sa.ForeignKey("i_host.id", ondelete="CASCADE"), primary_key=True,
              autoincrement=False),
    sa.Column("profile_id", sa.Integer, sa.ForeignKey("profiles.id", ondelete="RESTRICT"), nullable=False, index=True))
