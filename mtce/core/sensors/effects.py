# SPDX-License-Identifier: Apache-2.0
"""What a host's sensors mean for the host: alarms, degrade, customer logs, and requests to reset or power-cycle it."""
from __future__ import annotations

from dataclasses import dataclass, replace

from mtce.core.sensors.model import STRIKES, Model, Sensor
from mtce.core.sensors.reading import is_unreadable
from mtce.core.sensors.samples import Severity
from mtce.core.view import Alarm
from sysinv.contract.sensors import GroupSettings, SensorAction

READING, NO_MODEL, UNREADABLE = "200.007", "200.014", "200.015"
ALARM_IDS = frozenset({READING, NO_MODEL, UNREADABLE})
_RAISES = frozenset({SensorAction.ALARM}) | STRIKES


@dataclass(frozen=True, slots=True)
class Effects:
    """The levels that follow from a model. ``strike`` is what its critical sensors ask for, ``cause`` the first one."""

    alarms: tuple[Alarm, ...] = ()
    degraded: bool = False
    strike: SensorAction = SensorAction.IGNORE
    cause: str = ""


def effects(model: Model) -> Effects:
    """Return the present levels. A power-cycle comes before a reset, because it includes one."""
    alarms: list[Alarm] = []
    degraded = False
    strikes: dict[SensorAction, str] = {}
    groups = {group.settings.name: group.settings for group in model.groups}
    for sensor in model.sensors:
        action = action_of(sensor, groups[sensor.group])
        if action not in _RAISES:
            continue
        alarms.append((READING, f".sensor={sensor.name}", str(sensor.status)))
        degraded = degraded or sensor.status in (Severity.MAJOR, Severity.CRITICAL)
        if action in STRIKES:
            strikes.setdefault(action, sensor.name)
    if is_unreadable(model):
        alarms += [(UNREADABLE, f".sensorgroup={name}", "major") for name in groups]
        if not groups:
            alarms.append((NO_MODEL, ".sensor=profile", "minor"))
    strike = next((action for action in (SensorAction.POWER_CYCLE, SensorAction.RESET) if action in strikes),
                  SensorAction.IGNORE)
    return Effects(tuple(sorted(alarms)), degraded, strike, strikes.get(strike, ""))


def action_of(sensor: Sensor, group: GroupSettings) -> SensorAction:
    """Return the action that a sensor's status causes now; none while it or its group is suppressed."""
    if sensor.suppress or group.suppress:
        return SensorAction.IGNORE
    by_severity = {Severity.MINOR: group.minor, Severity.MAJOR: group.major, Severity.CRITICAL: group.critical}
    return by_severity.get(sensor.status, SensorAction.IGNORE)


def logs(model: Model) -> tuple[Model, tuple[Alarm, ...]]:
    """Return the customer logs that are due, as an alarm's id, entity suffix and severity, and the model after them.

    A status is logged once. It may be logged again when it was another one, or another action applied, meanwhile.
    """
    groups = {group.settings.name: group.settings for group in model.groups}
    due: list[Alarm] = []
    sensors = []
    for sensor in model.sensors:
        wanted = sensor.status if action_of(sensor, groups[sensor.group]) is SensorAction.LOG else None
        if wanted is not None and wanted is not sensor.logged:
            due.append((READING, f".sensor={sensor.name}", str(wanted)))
        sensors.append(sensor if wanted is sensor.logged else replace(sensor, logged=wanted))
    return replace(model, sensors=tuple(sensors)), tuple(due)
