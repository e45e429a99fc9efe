# SPDX-License-Identifier: Apache-2.0
"""The sensors of a virtual server: a fixed catalogue with thresholds, settable values, and their health."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from devstack.virtualcloud.errors import NotAvailable


class Kind(StrEnum):
    """Quantity that a sensor measures."""

    TEMPERATURE = "temperature"
    FAN = "fan"
    VOLTAGE = "voltage"
    SUPPLY = "supply"


class Health(StrEnum):
    """Redfish's three values of health."""

    OK = "OK"
    WARNING = "Warning"
    CRITICAL = "Critical"


@dataclass(frozen=True, slots=True)
class Sensor:
    """A sensor and its limits, in its kind's unit (Cel, RPM, V; watts of output for a supply).

    `low`/`high`: (non critical, critical); None where that side has no limit. `idle` is its value without power.
    """

    name: str
    kind: Kind
    nominal: float
    low: tuple[float, float] | None
    high: tuple[float, float] | None
    idle: float


CATALOGUE: tuple[Sensor, ...] = (
    Sensor("temp_inlet", Kind.TEMPERATURE, 24, (5, 0), (38, 45), 22),
    Sensor("temp_cpu0", Kind.TEMPERATURE, 46, None, (85, 95), 22),
    Sensor("temp_cpu1", Kind.TEMPERATURE, 44, None, (85, 95), 22),
    Sensor("fan_1", Kind.FAN, 5400, (1800, 900), None, 0),
    Sensor("fan_2", Kind.FAN, 5400, (1800, 900), None, 0),
    Sensor("volt_12v", Kind.VOLTAGE, 12.1, (11.4, 10.8), (12.6, 13.2), 0),
    Sensor("volt_3v3", Kind.VOLTAGE, 3.3, (3.1, 3.0), (3.5, 3.6), 0),
    Sensor("psu_1", Kind.SUPPLY, 210, (80, 20), None, 0),
    Sensor("psu_2", Kind.SUPPLY, 205, (80, 20), None, 0),
)
_BY_NAME = {sensor.name: sensor for sensor in CATALOGUE}


@dataclass(frozen=True, slots=True)
class Reading:
    """A sensor with its present value; not `enabled` means that the host has no power and the value is not set."""

    sensor: Sensor
    value: float
    health: Health
    enabled: bool


def sensor(name: str) -> Sensor:
    """Return the sensor `name`; NotAvailable for an unknown name."""
    found = _BY_NAME.get(name)
    if found is None:
        raise NotAvailable(f"no sensor {name!r}; there are {', '.join(_BY_NAME)}")
    return found


def health(item: Sensor, value: float) -> Health:
    """Return the health of `value` by the sensor's limits (a value equal to a limit violates it)."""
    if item.high is not None:
        if value >= item.high[1]:
            return Health.CRITICAL
        if value >= item.high[0]:
            return Health.WARNING
    if item.low is not None:
        if value <= item.low[1]:
            return Health.CRITICAL
        if value <= item.low[0]:
            return Health.WARNING
    return Health.OK


def driven_value(item: Sensor, text: str) -> float | None:
    """Return the value of a number, of `warning` or `critical` (just past that limit); None for `ok`."""
    if text == "ok":
        return None
    if text in ("warning", "critical"):
        position = 0 if text == "warning" else 1
        if item.high is not None:
            return item.high[position]
        if item.low is not None:
            return item.low[position]
    try:
        value = float(text)
    except ValueError:
        raise NotAvailable(f"value {text!r}: a number, ok, warning or critical") from None
    if not -1000 < value < 100000:
        raise NotAvailable(f"value {text!r}: between -1000 and 100000")
    return value


def readings(driven: Mapping[str, float], power: bool) -> tuple[Reading, ...]:
    """Return the present readings of all sensors; `driven` values apply in any power state."""
    found = []
    for item in CATALOGUE:
        forced = driven.get(item.name)
        if forced is not None:
            found.append(Reading(item, forced, health(item, forced), True))
        elif power:
            found.append(Reading(item, item.nominal, Health.OK, True))
        else:
            found.append(Reading(item, item.idle, Health.OK, False))
    return tuple(found)


def worst(found: tuple[Reading, ...]) -> Health:
    """Return the worst health of all."""
    order = (Health.OK, Health.WARNING, Health.CRITICAL)
    return max((reading.health for reading in found), key=order.index, default=Health.OK)
