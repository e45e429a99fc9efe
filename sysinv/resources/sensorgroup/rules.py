# SPDX-License-Identifier: Apache-2.0
"""What operators may change of sensors and their groups, and the settings that follow for mtce."""
from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

from flock.core.errors import Refused
from flock.wire.patch import PatchOp
from sysinv.contract.sensors import GroupSettings, SensorAction, SensorSettings

ALGORITHM = "debounce-1.v1"
POSSIBLE_STATES = "disabled,enabled,failed"
ACTION_FIELDS = {"actions_minor_group": "minor", "actions_major_group": "major", "actions_critical_group": "critical"}
GROUP_CHANGEABLE = frozenset({"audit_interval_group", "suppress", *ACTION_FIELDS})
SENSOR_CHANGEABLE = frozenset({"suppress"})
_CHOICES = (SensorAction.IGNORE, SensorAction.LOG, SensorAction.ALARM)
_STRIKES = (SensorAction.RESET, SensorAction.POWER_CYCLE)


class SensorRefused(Refused):
    """A rule about sensors refuses a change."""

    code: ClassVar[str] = "sysinv.sensor.refused"


class SensorsRejected(Refused):
    """mtce does not carry out a change of sensors."""

    code: ClassVar[str] = "sysinv.sensor.rejected"
    text: ClassVar[str] = ("HWMON has returned with a status of {status}, reason: {reason}, "
                           "recommended action: {action}")


def choices(field: str, *, simplex: bool) -> tuple[SensorAction, ...]:
    """Return the actions that a field of a group may have. A system with one controller has no other to reset it."""
    return _CHOICES + _STRIKES if field == "actions_critical_group" and not simplex else _CHOICES


def check_names(operations: Iterable[PatchOp], changeable: frozenset[str]) -> None:
    """Raise SensorRefused for operations on fields that operators do not write, or that remove one."""
    given = list(operations)
    foreign = sorted({"/".join(one.path) for one in given if len(one.path) > 1 or one.name not in changeable})
    if foreign:
        raise SensorRefused(detail=f"The following fields are not remote-modifiable: {foreign}")
    for one in given:
        if one.op != "replace":
            raise SensorRefused(detail=f"{one.name} can only be replaced")


def check_group(row: Mapping[str, Any], changes: Mapping[str, Any], *, simplex: bool) -> None:
    """Raise SensorRefused for an action that is not a choice, or that the group has already."""
    for field, action in changes.items():
        if field not in ACTION_FIELDS:
            continue
        known = choices(field, simplex=simplex)
        if action not in known:
            raise SensorRefused(detail=f"{field} must be one of {', '.join(known)}, not {action!r:.40}")
        if action == row[field]:
            raise SensorRefused(detail=f"{field} of {row['sensorgroupname']} is {action} already")


def settings(groups: Iterable[Mapping[str, Any]], sensors: Iterable[Mapping[str, Any]]) -> SensorSettings:
    """Return the settings of a host's sensors for mtce."""
    return SensorSettings(
        [GroupSettings(row["sensorgroupname"], row["audit_interval_group"], SensorAction(row["actions_minor_group"]),
                       SensorAction(row["actions_major_group"]), SensorAction(row["actions_critical_group"]),
                       row["suppress"]) for row in groups],
        [row["sensorname"] for row in sensors if row["suppress"]])


def changed_groups(groups: Sequence[Mapping[str, Any]], uuid: str,
                   changes: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return a host's groups after a change of one. The interval is that of the host, so all groups get it."""
    shared = {name: value for name, value in changes.items() if name == "audit_interval_group"}
    return [{**row, **(changes if row["uuid"] == uuid else shared)} for row in groups]
