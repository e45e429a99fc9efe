# SPDX-License-Identifier: Apache-2.0
"""``isensors``: one sensor of a host, as its board management controller shows it."""
from __future__ import annotations

from flock.wire.resource import ADMIN, MTCE, SYSTEM, Record, attr


class Sensor(Record):
    """One sensor. Actions and the interval are those of its group."""

    envelope = "isensors"
    sensorname = attr(str, writer=MTCE, label="name", nullable=False)
    path = attr(str, writer=SYSTEM)
    sensortype = attr(str, writer=MTCE, nullable=False)
    datatype = attr(str, writer=SYSTEM, nullable=False)
    status = attr(str, writer=MTCE, nullable=False)
    state = attr(str, writer=MTCE, nullable=False)
    state_requested = attr(str, writer=SYSTEM)
    audit_interval = attr(int, writer=SYSTEM, nullable=False)
    algorithm = attr(str, writer=SYSTEM, nullable=False)
    actions_minor = attr(str, writer=SYSTEM, nullable=False)
    actions_major = attr(str, writer=SYSTEM, nullable=False)
    actions_critical = attr(str, writer=SYSTEM, nullable=False)
    suppress = attr(bool, writer=ADMIN, nullable=False)
    value = attr(str, writer=MTCE)
    unit_base = attr(str, writer=MTCE, nullable=False)
    unit_modifier = attr(str, writer=SYSTEM)
    unit_rate = attr(str, writer=SYSTEM)
    t_minor_lower = attr(str, writer=MTCE)
    t_minor_upper = attr(str, writer=MTCE)
    t_major_lower = attr(str, writer=MTCE)
    t_major_upper = attr(str, writer=MTCE)
    t_critical_lower = attr(str, writer=MTCE)
    t_critical_upper = attr(str, writer=MTCE)
    host_uuid = attr(str, writer=SYSTEM, nullable=False)
    sensorgroup_uuid = attr(str, writer=SYSTEM, nullable=False)
    capabilities = attr(dict, writer=SYSTEM, nullable=False)
