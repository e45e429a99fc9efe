# SPDX-License-Identifier: Apache-2.0
"""Pure comparison of mtce's report with the stored groups and sensors of a host; names identify them."""
from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from flock.core.errors import InvalidInput
from flock.core.text import storable
from sysinv.contract.sensors import GROUPS_MAX, SENSORS_MAX, GroupState, SensorReport, SensorState
from sysinv.db.reported import Change, compare
from sysinv.resources.sensor.table import LIMITS

NAME_MAX, WORD_MAX = 64, 32


def check(report: SensorReport) -> None:
    """Raise InvalidInput for more groups or sensors than a host may have."""
    for name, items, most in (("groups", report.groups, GROUPS_MAX), ("sensors", report.sensors, SENSORS_MAX)):
        if len(items) > most:
            raise InvalidInput(field=name, rule=f"must be at most {most}")


def group_change(stored: Iterable[Mapping[str, Any]], report: SensorReport) -> Change:
    """Compare groups. A model that was built anew ends their suppression; their other settings stay.

    A new group has the interval of the host's others, because a host has one.
    """
    known = {row["sensorgroupname"]: row for row in stored}
    wanted = {name: values for group in report.groups
              if (name := storable(group.name, NAME_MAX)) and (values := _group(name, group))}
    interval = next((row["audit_interval_group"] for row in known.values()), None)
    for name, values in wanted.items():
        if report.relearnt and name in known:
            values["suppress"] = False
        if name not in known and interval is not None:
            values["audit_interval_group"] = interval
    return compare(known, wanted, partial=not report.complete)


def sensor_change(stored: Iterable[Mapping[str, Any]], report: SensorReport,
                  groups: Mapping[str, Mapping[str, Any]]) -> tuple[Change, bool]:
    """Compare sensors; also returns whether the groups of all of them are known. ``groups``: rows by name.

    A new sensor is suppressed if its group is.
    """
    known = {row["sensorname"]: row for row in stored}
    wanted: dict[str, dict[str, Any]] = {}
    found_all = True
    for sensor in report.sensors:
        name, group = storable(sensor.name, NAME_MAX), groups.get(storable(sensor.group, NAME_MAX))
        if group is None or not name:
            found_all = found_all and group is not None
            continue
        wanted[name] = _sensor(name, sensor) | {"sensorgroup_id": group["id"]}
        if name not in known or report.relearnt:
            wanted[name]["suppress"] = group["suppress"]
    return compare(known, wanted, partial=not report.complete), found_all


def _group(name: str, group: GroupState) -> dict[str, Any]:
    return {"sensorgroupname": name, "sensortype": storable(group.sensortype, WORD_MAX),
            "unit_base": storable(group.unit, WORD_MAX), "state": storable(group.state, WORD_MAX)}


def _sensor(name: str, sensor: SensorState) -> dict[str, Any]:
    limits = [*sensor.limits, *[None] * len(LIMITS)]
    return {"sensorname": name, "sensortype": storable(sensor.sensortype, WORD_MAX),
            "unit_base": storable(sensor.unit, WORD_MAX), "status": storable(sensor.status, WORD_MAX),
            "state": storable(sensor.state, WORD_MAX), "value": _number(sensor.value),
            **{field: _number(limits[index]) for index, field in enumerate(LIMITS)}}


def _number(value: float | None) -> str | None:
    return None if value is None else f"{value:.6g}"
