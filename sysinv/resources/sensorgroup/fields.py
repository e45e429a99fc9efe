# SPDX-License-Identifier: Apache-2.0
"""``isensorgroups``: sensors of a host that are handled alike."""
from __future__ import annotations

from flock.wire.resource import ADMIN, MTCE, SYSTEM, Record, Resource, attr
from sysinv.contract.sensors import INTERVAL_MAX_S, INTERVAL_MIN_S

ACTIONS = ("ignore", "log", "alarm", "reset", "power-cycle")


class SensorGroup(Record):
    """One group. ``sensors`` are the names of its sensors, ``*_choices`` the actions that a severity may have."""

    envelope = "isensorgroups"
    sensorgroupname = attr(str, writer=MTCE, label="name", nullable=False)
    path = attr(str, writer=SYSTEM)
    sensortype = attr(str, writer=MTCE, nullable=False)
    datatype = attr(str, writer=SYSTEM, nullable=False)
    state = attr(str, writer=MTCE, nullable=False)
    possible_states = attr(str, writer=SYSTEM, nullable=False)
    algorithm = attr(str, writer=SYSTEM, nullable=False)
    audit_interval_group = attr(int, writer=ADMIN, min=INTERVAL_MIN_S, max=INTERVAL_MAX_S, nullable=False)
    actions_critical_choices = attr(str, writer=SYSTEM, nullable=False)
    actions_major_choices = attr(str, writer=SYSTEM, nullable=False)
    actions_minor_choices = attr(str, writer=SYSTEM, nullable=False)
    actions_minor_group = attr(str, writer=ADMIN, nullable=False)
    actions_major_group = attr(str, writer=ADMIN, nullable=False)
    actions_critical_group = attr(str, writer=ADMIN, nullable=False)
    suppress = attr(bool, writer=ADMIN, nullable=False)
    unit_base_group = attr(str, writer=MTCE, source="unit_base", nullable=False)
    unit_modifier_group = attr(str, writer=SYSTEM)
    unit_rate_group = attr(str, writer=SYSTEM)
    t_minor_lower_group = attr(str, writer=SYSTEM)
    t_minor_upper_group = attr(str, writer=SYSTEM)
    t_major_lower_group = attr(str, writer=SYSTEM)
    t_major_upper_group = attr(str, writer=SYSTEM)
    t_critical_lower_group = attr(str, writer=SYSTEM)
    t_critical_upper_group = attr(str, writer=SYSTEM)
    sensors = attr(str, writer=MTCE, nullable=False)
    host_uuid = attr(str, writer=SYSTEM, nullable=False)
    capabilities = attr(dict, writer=SYSTEM, nullable=False)


class Relearn(Resource):
    """Body of ``POST /v1/isensorgroups/relearn``, and its answer."""

    host_uuid = attr(str, mandatory=True, min_length=1, max_length=255)
