# SPDX-License-Identifier: Apache-2.0
"""Reads the sensors in Redfish resources: Power and Thermal of a chassis, and members of its Sensors collection.

Every function takes any JSON: an entry that is not understood is left out, the others are read.
"""
from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from mtce.core.sensors.samples import Sample, Thresholds, clean, number

ENTRIES_MAX = 1024
_LIMITS = ("LowerThresholdFatal", "LowerThresholdCritical", "LowerThresholdNonCritical",
           "UpperThresholdNonCritical", "UpperThresholdCritical", "UpperThresholdFatal")
_SENSOR_LIMITS = ("LowerFatal", "LowerCritical", "LowerCaution", "UpperCaution", "UpperCritical", "UpperFatal")
_UNITS = {"cel": "degrees C", "rpm": "RPM", "{rev}/min": "RPM", "v": "Volts", "a": "Amps", "w": "Watts",
          "j": "Joules", "kw.h": "kilowatt hours", "c": "Coulombs", "%": "percent", "cfm": "CFM",
          "[cft_i]/min": "CFM"}


def power(body: Any) -> list[Sample]:
    """Return the voltages, power supplies, power consumption and redundancy of a chassis' Power."""
    return [*_each(body, "Voltages", lambda entry: _plain(entry, "ReadingVolts", "Volts")),
            *_each(body, "PowerSupplies", lambda entry: _plain(
                entry, "PowerOutputWatts" if "PowerOutputWatts" in entry else "LastPowerOutputWatts", "Watts")),
            *_each(body, "PowerControl", lambda entry: _plain(entry, "PowerConsumedWatts", "Watts")),
            *_each(body, "Redundancy", _redundancy)]


def thermal(body: Any) -> list[Sample]:
    """Return the temperatures and fans of a chassis' Thermal."""
    return [*_each(body, "Temperatures", lambda entry: _plain(entry, "ReadingCelsius", "degrees C")),
            *_each(body, "Fans", _fan)]


def sensor(body: Any) -> list[Sample]:
    """Return the sample of a Sensor resource, or none."""
    if not isinstance(body, Mapping):
        return []
    unit = clean(body.get("ReadingUnits"))
    limits = body.get("Thresholds")
    limits = limits if isinstance(limits, Mapping) else {}
    read = [limits.get(name) for name in _SENSOR_LIMITS]
    thresholds = Thresholds(*(number(limit.get("Reading")) if isinstance(limit, Mapping) else None for limit in read))
    name = clean(body.get("Name")) or clean(body.get("Id"))
    is_fan = unit == "%" and "fan" in clean(body.get("PhysicalContext")).lower()
    shown = "% RPM" if is_fan else _UNITS.get(unit.lower(), unit)
    return [Sample(name, shown, status_of(body), number(body.get("Reading")), thresholds)] if name else []


def sensor_links(body: Any) -> list[str]:
    """Return the paths of a collection's members."""
    return links(body.get("Members")) if isinstance(body, Mapping) else []


def links(entries: Any) -> list[str]:
    """Return the paths in a list of references."""
    known = [entry.get("@odata.id") for entry in entries[:ENTRIES_MAX] if isinstance(entry, Mapping)] \
        if isinstance(entries, list) else []
    return [path for path in known if isinstance(path, str) and path]


def expanded(body: Any) -> list[Sample]:
    """Return the samples of a collection whose members are whole resources; none of members that are links only."""
    return [sample for entry in _entries(body, "Members") if "Status" in entry for sample in sensor(entry)]


def status_of(entry: Mapping[str, Any]) -> str:
    """Return the health in IPMI's or Redfish's word; ``na`` for what is absent, off, or has no health."""
    status = entry.get("Status")
    if not isinstance(status, Mapping) or status.get("State", "Enabled") != "Enabled":
        return "na"
    return clean(status.get("Health")) or "na"


def _plain(entry: Mapping[str, Any], field: str, unit: str) -> Sample:
    thresholds = Thresholds(*(number(entry.get(limit)) for limit in _LIMITS))
    return Sample(clean(entry.get("Name")), unit, status_of(entry), number(entry.get(field)), thresholds)


def _fan(entry: Mapping[str, Any]) -> Sample:
    unit = "% RPM" if clean(entry.get("ReadingUnits")).lower() in ("percent", "%") else "RPM"
    named = entry if clean(entry.get("Name")) else {**entry, "Name": entry.get("FanName")}
    return _plain(named, "Reading" if "Reading" in entry else "ReadingRPM", unit)


def _redundancy(entry: Mapping[str, Any]) -> Sample | None:
    """The redundancy of power supplies: a host with a single one has none, and is meant to."""
    members = entry.get("RedundancySet")
    count = len(members) if isinstance(members, list) else 0
    if count == 0:
        return None
    status = status_of(entry)
    if count == 1:
        status = "OK"
    elif status not in ("OK", "na"):
        status = "Warning"
    name = clean(entry.get("Name"))
    return Sample(f"{name or 'Power Supply'} Redundancy" if "redundan" not in name.lower() else name, "members",
                  status, float(count))


def _each(body: Any, field: str, read: Callable[[Mapping[str, Any]], Sample | None]) -> Iterable[Sample]:
    for entry in _entries(body, field):
        sample = read(entry)
        if sample is not None and sample.name:
            yield sample


def _entries(body: Any, field: str) -> list[Mapping[str, Any]]:
    entries = body.get(field) if isinstance(body, Mapping) else None
    return [entry for entry in entries[:ENTRIES_MAX] if isinstance(entry, Mapping)] if isinstance(entries, list) else []
