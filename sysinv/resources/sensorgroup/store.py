# SPDX-License-Identifier: Apache-2.0
"""Rows of ``i_sensorgroups``."""
from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from sysinv.db.lookup import Row, the_system
from sysinv.resources.host.table import I_HOST
from sysinv.resources.sensor.table import I_SENSORS
from sysinv.resources.sensorgroup.rules import ACTION_FIELDS, ALGORITHM, POSSIBLE_STATES, choices
from sysinv.resources.sensorgroup.table import I_SENSORGROUPS

HOST = I_SENSORGROUPS.c.host_id
QUERY = sa.select(I_SENSORGROUPS, I_HOST.c.uuid.label("host_uuid"),
                  sa.literal("analog").label("datatype"), sa.literal(ALGORITHM).label("algorithm"),
                  sa.literal(POSSIBLE_STATES).label("possible_states")).join(I_HOST, I_HOST.c.id == HOST)


def joined(conn: Connection, rows: Sequence[Row]) -> list[Row]:
    """Return rows of QUERY with the names of their sensors and the choices of their actions."""
    names: dict[int, list[str]] = defaultdict(list)
    query = sa.select(I_SENSORS.c.sensorgroup_id, I_SENSORS.c.sensorname).where(
        I_SENSORS.c.sensorgroup_id.in_([row["id"] for row in rows])).order_by(I_SENSORS.c.sensorname)
    for row in conn.execute(query):
        names[row.sensorgroup_id].append(row.sensorname)
    simplex = the_system(conn).is_simplex
    allowed = {field.replace("_group", "_choices"): ",".join(choices(field, simplex=simplex))
               for field in ACTION_FIELDS}
    return [{**row, **allowed, "sensors": ",".join(names[row["id"]]), "capabilities": {}} for row in rows]
