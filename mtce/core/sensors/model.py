# SPDX-License-Identifier: Apache-2.0
"""The sensor model of one host: its groups with the operator's settings, and its sensors as they were last read."""
from __future__ import annotations

import enum
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from flock.core.codec import codec_for
from mtce.core.sensors.samples import GROUP_TYPES, Sample, Severity, Thresholds, group_of, type_of
from sysinv.contract.sensors import GroupSettings, SensorAction, SensorSettings

GROUPS_MAX = 10


class State(enum.StrEnum):
    """Whether a group or sensor is watched, in the words that operators see."""

    ENABLED = "enabled"
    OFFLINE = "offline"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Sensor:
    """One sensor.

    ``acted`` is the severity that is acted upon, None before the first reading; ``pending`` one that was read once;
    ``logged`` the one for which a customer log was written. ``missing`` counts readings in a row without the sensor,
    ``one_offs`` severities in a row that were read only once.
    """

    name: str
    group: str
    sensortype: str
    unit: str
    thresholds: Thresholds = Thresholds()
    suppress: bool = False
    value: float | None = None
    state: State = State.ENABLED
    acted: Severity | None = None
    pending: Severity | None = None
    logged: Severity | None = None
    missing: int = 0
    one_offs: int = 0

    @property
    def status(self) -> Severity:
        """The status that operators see."""
        return self.acted or Severity.OFFLINE


@dataclass(frozen=True, slots=True)
class Group:
    """Sensors that are handled alike."""

    settings: GroupSettings
    sensortype: str
    unit: str


@dataclass(frozen=True, slots=True)
class Model:
    """The sensors of one host. ``bmc`` names the BMC and protocol that they were learnt from.

    ``failures`` counts readings in a row that failed.
    """

    bmc: str = ""
    groups: tuple[Group, ...] = ()
    sensors: tuple[Sensor, ...] = ()
    failures: int = 0

    @property
    def interval_s(self) -> int:
        """Pause between two readings: one for the whole host, the smallest of its groups."""
        return min((group.settings.interval_s for group in self.groups), default=GroupSettings("").interval_s)

    def units(self) -> dict[str, str]:
        """The unit of each sensor."""
        return {sensor.name: sensor.unit for sensor in self.sensors}


def learnt(bmc: str, samples: Iterable[Sample], saved: Iterable[GroupSettings] = ()) -> Model:
    """Return the model of ``samples`` (``merged``), whose groups have the settings of the ``saved`` ones by name.

    A group that is new has the interval of the others. No sensor is suppressed, and none was read yet.
    """
    known = {settings.name: settings for settings in saved}
    interval_s = min((settings.interval_s for settings in known.values()), default=GroupSettings("").interval_s)
    groups: dict[str, Group] = {}
    sensors = []
    for sample in samples:
        name = group_of(sample)
        if name is None or (name not in groups and len(groups) >= GROUPS_MAX):
            continue
        groups.setdefault(name, Group(
            known.get(name) or GroupSettings(str(name), interval_s=interval_s), GROUP_TYPES[name], sample.unit))
        sensors.append(Sensor(sample.name, str(name), type_of(sample, name), sample.unit, sample.thresholds))
    return Model(bmc, tuple(groups.values()), tuple(sensors))


def with_settings(model: Model, settings: SensorSettings) -> Model:
    """Return the model with an operator's settings; passes over groups and sensors that it does not have."""
    wanted = {group.name: group for group in settings.groups}
    suppressed = set(settings.suppressed)
    return replace(
        model,
        groups=tuple(replace(group, settings=wanted.get(group.settings.name, group.settings))
                     for group in model.groups),
        sensors=tuple(sensor if sensor.suppress == (sensor.name in suppressed)
                      else replace(sensor, suppress=sensor.name in suppressed, logged=None)
                      for sensor in model.sensors))


def settings_refusal(settings: SensorSettings, interval_min_s: int, *, simplex: bool) -> str | None:
    """Return why settings cannot be carried out; None when they can."""
    for group in settings.groups:
        if group.interval_s < interval_min_s:
            return f"the audit interval of {group.name} is below {interval_min_s} s"
        for severity, action in (("minor", group.minor), ("major", group.major)):
            if action in STRIKES:
                return f"action {action} of {group.name} is not allowed at {severity}"
        if simplex and group.critical in STRIKES:
            return f"action {group.critical} of {group.name} is not allowed on a system with one controller"
    return None


STRIKES = frozenset({SensorAction.RESET, SensorAction.POWER_CYCLE})
"""Actions that end what runs on the host."""
_CODEC = codec_for(Model)


def to_document(model: Model) -> dict[str, Any]:
    """Return the JSON form in which a model is stored."""
    document: dict[str, Any] = _CODEC.to_document(model)
    return document


def from_document(document: Any) -> Model:
    """Return a stored model, perhaps of another release; raises InvalidInput."""
    model: Model = _CODEC.from_document(document, "sensors")
    return model
