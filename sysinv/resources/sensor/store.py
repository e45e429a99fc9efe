# SPDX-License-Identifier: Apache-2.0
"""Rows of ``i_sensors``."""
from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from sysinv.db.lookup import Row
from sysinv.resources.host.table import I_HOST
from sysinv.resources.sensor.table import I_SENSORS
from sysinv.resources.sensorgroup.rules import ALGORITHM
from sysinv.resources.sensorgroup.table import I_SENSORGROUPS

HOST = I_SENSORS.c.host_id
QUERY = sa.select(
    I_SENSORS, I_HOST.c.uuid.label("host_uuid"), I_SENSORGROUPS.c.uuid.label("sensorgroup_uuid"),
    I_SENSORGROUPS.c.audit_interval_group.label("audit_interval"),
    I_SENSORGROUPS.c.actions_minor_group.label("actions_minor"),
    I_SENSORGROUPS.c.actions_major_group.label("actions_major"),
    I_SENSORGROUPS.c.actions_critical_group.label("actions_critical"),
    sa.literal("analog").label("datatype"), sa.literal(ALGORITHM).label("algorithm"),
).join(I_HOST, I_HOST.c.id == HOST).join(I_SENSORGROUPS, I_SENSORGROUPS.c.id == I_SENSORS.c.sensorgroup_id)


def joined(_conn: Connection, rows: Sequence[Row]) -> list[Row]:
    """Return rows of QUERY with the field that StarlingX's clients expect and nothing fills."""
    return [{**row, "capabilities": {}} for row in rows]
