# SPDX-License-Identifier: Apache-2.0
"""One reading of a BMC, independent of its protocol: samples, their severity, and the group that a unit belongs to.

Names, units and numbers come from hardware: anything may be in them, and one bad sensor never loses the others.
"""
from __future__ import annotations

import enum
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

SENSORS_MAX = 256
NAME_MAX = 64
TEXT_MAX = 32


class Severity(enum.StrEnum):
    """How bad a reading is, in the words that operators see as a sensor's status."""

    OK = "ok"
    MINOR = "minor"
    MAJOR = "major"
    CRITICAL = "critical"
    OFFLINE = "offline"


# Two sensors of one name are often two slots: an empty one says nothing about the other.
_RANK = {Severity.OFFLINE: 0, Severity.OK: 1, Severity.MINOR: 2, Severity.MAJOR: 3, Severity.CRITICAL: 4}
_SEVERITIES = {
    "ok": Severity.OK,
    **dict.fromkeys(("nc", "lnc", "unc", "warning"), Severity.MAJOR),
    **dict.fromkeys(("cr", "lcr", "ucr", "critical"), Severity.CRITICAL),
    **dict.fromkeys(("nr", "lnr", "unr", "nonrecoverable"), Severity.CRITICAL),
    **dict.fromkeys(("na", "ns"), Severity.OFFLINE),
}


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Limits of a sensor in its unit, lower and upper: non-recoverable, critical, non-critical; None for no limit."""

    lnr: float | None = None
    lcr: float | None = None
    lnc: float | None = None
    unc: float | None = None
    ucr: float | None = None
    unr: float | None = None


@dataclass(frozen=True, slots=True)
class Sample:
    """One sensor of one reading; ``status`` is the BMC's own word, ``value`` is in ``unit``, None without a reading."""

    name: str
    unit: str
    status: str
    value: float | None = None
    thresholds: Thresholds = Thresholds()

    @property
    def severity(self) -> Severity:
        """Severity of the status; a word that nobody knows is minor."""
        return _SEVERITIES.get(self.status.strip().lower(), Severity.MINOR)


class GroupName(enum.StrEnum):
    """The groups that sensors are handled by."""

    FANS = "server fans"
    TEMPERATURE = "server temperature"
    VOLTAGE = "server voltage"
    POWER = "server power"
    USAGE = "server usage"


GROUP_TYPES = {GroupName.FANS: "tachometer", GroupName.TEMPERATURE: "temperature", GroupName.VOLTAGE: "voltage",
               GroupName.POWER: "power", GroupName.USAGE: "usage"}
_GROUPS = {
    **dict.fromkeys(("rpm", "% rpm", "cfm"), GroupName.FANS),
    **dict.fromkeys(("degrees", "degrees c", "degrees f", "degrees k"), GroupName.TEMPERATURE),
    "volts": GroupName.VOLTAGE,
    **dict.fromkeys(("amps", "watts", "joules", "coulombs", "kilowatt hours", "members"), GroupName.POWER),
}
_TYPES = {"cfm": "airflow", "amps": "current"}
PERCENT = frozenset({"percent", "%", "unspecified %"})


def group_of(sample: Sample) -> GroupName | None:
    """Return the group of a sensor, by its unit and, for percentages, its name; None for a sensor that is ignored."""
    unit = sample.unit.strip().lower()
    if unit in PERCENT:
        name = sample.name.lower()
        if "usage" in name:
            return GroupName.USAGE
        return GroupName.FANS if "fan" in name else None
    return _GROUPS.get(unit)


def type_of(sample: Sample, group: GroupName) -> str:
    """Return what the sensor measures, in sysinv's words."""
    return _TYPES.get(sample.unit.strip().lower(), GROUP_TYPES[group])


def clean(text: object, most: int = NAME_MAX) -> str:
    """Return text of hardware as one printable line of at most ``most`` characters; empty for anything else."""
    if not isinstance(text, str):
        return ""
    # Half a surrogate pair cannot be stored, and control characters would break a line of a log or a terminal.
    shown = "".join(letter if letter.isprintable() else " " for letter in text)
    return " ".join(shown.split())[:most].strip()


def number(value: object) -> float | None:
    """Return a finite number, of text too; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        found = float(value)
    except (ValueError, OverflowError):
        return None
    return found if math.isfinite(found) else None


def merged(samples: Iterable[Sample], units: Mapping[str, str] | None = None,
           most: int = SENSORS_MAX) -> tuple[list[Sample], int]:
    """Return the sensors of known groups, one per name, at most ``most``, and how many names more there were.

    Of several with one name the worst counts. Names that differ only in case are different sensors. ``units`` are those
    of sensors read before: ipmitool shows no unit for a sensor without a reading.
    """
    found: dict[str, Sample] = {}
    for sample in samples:
        name = clean(sample.name)
        unit = clean(sample.unit, TEXT_MAX) or (units or {}).get(name, "")
        sample = replace(sample, name=name, unit=unit, status=clean(sample.status, TEXT_MAX))
        if not name or group_of(sample) is None:
            continue
        known = found.get(name)
        if known is None or _RANK[sample.severity] > _RANK[known.severity]:
            found[name] = sample
    kept = list(found.values())[:most]
    return kept, len(found) - len(kept)
