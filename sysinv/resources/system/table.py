# SPDX-License-Identifier: Apache-2.0
"""``i_system``: one row."""
from __future__ import annotations

import sqlalchemy as sa

from flock.db import Json, columns, revision_column
from sysinv.db.schema import METADATA, text

I_SYSTEM = sa.Table(
    "i_system", METADATA, *columns(), revision_column(),
    text("name", nullable=False), text("system_type", nullable=True), text("system_mode", nullable=True),
    text("description"), text("contact"), text("location"), text("latitude", 30), text("longitude", 30),
    text("timezone", nullable=False, default="UTC"), text("region_name", nullable=False, default="RegionOne"),
    text("service_project_name", nullable=False, default="services"), text("distributed_cloud_role"),
    text("security_profile"), text("security_feature"), text("software_version", nullable=False),
    sa.Column("services", sa.Integer), sa.Column("capabilities", Json, nullable=False, default=dict),
    sa.UniqueConstraint("name"))
