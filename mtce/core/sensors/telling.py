# SPDX-License-Identifier: Apache-2.0
"""What of a model sysinv is told: everything once, then only what has changed."""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from mtce.core.sensors.model import Group, Model, Sensor, State
from mtce.core.sensors.reading import is_unreadable
from sysinv.contract.sensors import GroupState, SensorReport, SensorState

VALUE_CHANGE = 0.05
"""Part of a value by which it must change before it is told again, while the status stays."""


@dataclass(frozen=True, slots=True)
class Told:
    """What sysinv has of a host's sensors, by name."""

    groups: Mapping[str, GroupState] = field(default_factory=dict)
    sensors: Mapping[str, SensorState] = field(default_factory=dict)


def shown(model: Model) -> Told:
    """Return all that sysinv shows of a model."""
    failed = is_unreadable(model)
    return Told({group.settings.name: _group(group, failed) for group in model.groups},
                {sensor.name: _sensor(sensor, failed) for sensor in model.sensors})


def report(host_uuid: str, told: Told | None, now: Told, *, relearnt: bool) -> SensorReport | None:
    """Return the report that is due; a complete one without ``told``, None when nothing has changed."""
    if told is None:
        return SensorReport(host_uuid, list(now.groups.values()), list(now.sensors.values()), complete=True,
                            relearnt=relearnt)
    groups = [group for name, group in now.groups.items() if told.groups.get(name) != group]
    sensors = [sensor for name, sensor in now.sensors.items() if _differs(told.sensors.get(name), sensor)]
    return SensorReport(host_uuid, groups, sensors) if groups or sensors else None


def after(told: Told | None, sent: SensorReport) -> Told:
    """Return what sysinv has after it has stored a report."""
    known = Told() if told is None or sent.complete else told
    return Told({**known.groups, **{group.name: group for group in sent.groups}},
                {**known.sensors, **{sensor.name: sensor for sensor in sent.sensors}})


def _group(group: Group, failed: bool) -> GroupState:
    return GroupState(group.settings.name, group.sensortype, group.unit,
                      str(State.FAILED if failed else State.ENABLED))


def _sensor(sensor: Sensor, failed: bool) -> SensorState:
    limits = sensor.thresholds
    return SensorState(sensor.name, sensor.group, sensor.sensortype, sensor.unit, str(sensor.status),
                       str(State.FAILED if failed else sensor.state), sensor.value,
                       [limits.lnr, limits.lcr, limits.lnc, limits.unc, limits.ucr, limits.unr])


def _differs(told: SensorState | None, now: SensorState) -> bool:
    if told is None or (told.status, told.state, told.group, told.unit, told.limits) != (
            now.status, now.state, now.group, now.unit, now.limits):
        return True
    if told.value is None or now.value is None:
        return told.value is not now.value
    return abs(told.value - now.value) > VALUE_CHANGE * max(abs(told.value), abs(now.value))
