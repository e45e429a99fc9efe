# SPDX-License-Identifier: Apache-2.0
"""``i_sensorgroups``: groups of a host's sensors. Actions and the interval are kept here for all sensors of a group."""
from __future__ import annotations

import sqlalchemy as sa

from flock.db import columns, revision_column
from sysinv.contract.sensors import INTERVAL_DEFAULT_S, SensorAction
from sysinv.db.schema import METADATA, host_id, text

I_SENSORGROUPS = sa.Table(
    "i_sensorgroups", METADATA, *columns(), revision_column(), host_id("host_id"),
    text("sensorgroupname", 64, nullable=False), text("sensortype", 32, nullable=False),
    text("unit_base", 32, nullable=False), text("state", 32, nullable=False),
    sa.Column("audit_interval_group", sa.Integer, nullable=False, default=INTERVAL_DEFAULT_S),
    text("actions_minor_group", 16, nullable=False, default=str(SensorAction.IGNORE)),
    text("actions_major_group", 16, nullable=False, default=str(SensorAction.LOG)),
    text("actions_critical_group", 16, nullable=False, default=str(SensorAction.ALARM)),
    sa.Column("suppress", sa.Boolean, nullable=False, default=False),
    sa.UniqueConstraint("host_id", "sensorgroupname"))
