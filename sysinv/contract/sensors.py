# SPDX-License-Identifier: Apache-2.0
"""Records of sensors on the bus: what mtce reads and reports, and the settings that operators make.

mtce is the only writer of what a sensor or group is and how it reads, operators (through sysinv) of its settings. A
report and its reply carry both, so that each side gets again what it missed.
"""
from __future__ import annotations

import enum
from dataclasses import dataclass, field

INTERVAL_MIN_S, INTERVAL_MAX_S, INTERVAL_DEFAULT_S = 10, 86_400, 120
SENSORS_MAX, GROUPS_MAX = 256, 10


class SensorAction(enum.StrEnum):
    """What happens at a severity; ``ignore`` stands for a word of another release too."""

    IGNORE = "ignore"
    LOG = "log"
    ALARM = "alarm"
    RESET = "reset"
    POWER_CYCLE = "power-cycle"

    @classmethod
    def _missing_(cls, value: object) -> SensorAction:
        return cls.IGNORE


@dataclass(frozen=True, slots=True)
class GroupSettings:
    """The settings of one group of sensors, by its name. ``interval_s``: seconds between two readings of the host."""

    name: str
    interval_s: int = INTERVAL_DEFAULT_S
    minor: SensorAction = SensorAction.IGNORE
    major: SensorAction = SensorAction.LOG
    critical: SensorAction = SensorAction.ALARM
    suppress: bool = False


@dataclass(frozen=True, slots=True)
class SensorSettings:
    """All settings of a host's sensors; ``suppressed`` are names of sensors.

    In a reply to a report, ``complete`` False asks for a complete report.
    """

    groups: list[GroupSettings] = field(default_factory=list)
    suppressed: list[str] = field(default_factory=list)
    complete: bool = True


@dataclass(frozen=True, slots=True)
class GroupState:
    """A group as mtce has it. ``state``: enabled, disabled or failed."""

    name: str
    sensortype: str
    unit: str
    state: str


@dataclass(frozen=True, slots=True)
class SensorState:
    """A sensor as it was read. ``status``: ok, minor, major, critical or offline; ``state``: enabled, offline, failed.

    ``value`` is in ``unit``, None without a reading. ``limits`` are six thresholds: critical, major, minor lower, then
    minor, major, critical upper.
    """

    name: str
    group: str
    sensortype: str
    unit: str
    status: str
    state: str
    value: float | None = None
    limits: list[float | None] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class SensorReport:
    """Groups and sensors of a host that have changed. ``complete``: all of them; what it does not name is gone.

    ``relearnt``: the model was built anew, so that suppressions of single sensors end and those of groups too.
    """

    host_uuid: str
    groups: list[GroupState]
    sensors: list[SensorState]
    complete: bool = False
    relearnt: bool = False
