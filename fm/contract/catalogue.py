# SPDX-License-Identifier: Apache-2.0
"""Loads and checks the catalogue of alarms and logs (``events.yaml``)."""
from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from fm.contract.causes import PROBABLE_CAUSES
from fm.contract.enums import SEVERITY_RANK, AlarmType, Severity

DEFAULT_PATH = Path(__file__).with_name("events.yaml")
CONTEXTS = ("starlingx", "openstack", "none")
_COMMON_KEYS = {"type", "description", "entity_instance_id", "severities", "alarm_types", "probable_causes",
                "proposed_repair", "service_affecting", "context"}
_ALARM_KEYS = {"suppression_allowed", "mgmt_affecting_severity", "degrade_affecting_severity", "inhibits_alarms",
               "maintenance_action"}


class CatalogueError(ValueError):
    """The catalogue file breaks a rule; the text names the id and the key."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One catalogue entry; ``service_affecting`` maps each severity to whether it affects service."""

    alarm_id: str
    is_alarm: bool
    description: str
    entities: tuple[str, ...]
    severities: tuple[Severity, ...]
    alarm_types: tuple[AlarmType, ...]
    probable_causes: tuple[str, ...]
    proposed_repair: str
    service_affecting: Mapping[str, bool]
    suppression_allowed: bool
    mgmt_affecting_severity: str
    degrade_affecting_severity: str
    inhibits_alarms: bool
    maintenance_action: str
    context: str


@dataclass(frozen=True, slots=True)
class Catalogue:
    """All entries by id."""

    entries: Mapping[str, Entry]

    def find(self, alarm_id: str) -> Entry | None:
        """The alarm or log entry of the id, or None."""
        return self.entries.get(alarm_id)

    def is_alarm(self, alarm_id: str) -> bool:
        """True when the id may be raised as an alarm."""
        entry = self.entries.get(alarm_id)
        return entry is not None and entry.is_alarm

    def alarms(self) -> list[Entry]:
        """Alarm entries sorted by id."""
        return [entry for _, entry in sorted(self.entries.items()) if entry.is_alarm]


@cache
def load(path: str | None = None) -> Catalogue:
    """Read and check the catalogue; ``path`` None means $EVENTS_YAML or the one shipped here. Raises CatalogueError."""
    source = Path(path or os.environ.get("EVENTS_YAML") or DEFAULT_PATH)
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        raw = yaml.load(source.read_text(encoding="utf-8"), Loader=loader)  # noqa: S506 - a safe loader either way
    except (OSError, yaml.YAMLError) as error:
        raise CatalogueError(f"{source}: {error}") from error
    return parse(raw)


def parse(raw: object) -> Catalogue:
    """The typed catalogue of a decoded document; CatalogueError names the first wrong id and key."""
    if not isinstance(raw, dict) or not raw:
        raise CatalogueError("the catalogue must be a mapping of ids")
    return Catalogue({key: _entry(key, value) for key, value in raw.items()})


def _entry(key: object, raw: Any) -> Entry:
    if not isinstance(key, str) or not _is_id(key):
        raise CatalogueError(f"{key!r}: an id must be a quoted string of the form GGG.EEE")
    if not isinstance(raw, dict):
        raise CatalogueError(f"{key}: must be a mapping")
    is_alarm = raw.get("type") == "Alarm"
    if not is_alarm and raw.get("type") != "Log":
        raise CatalogueError(f"{key}: type must be Alarm or Log")
    wanted = _COMMON_KEYS | (_ALARM_KEYS if is_alarm else set())
    if set(raw) != wanted:
        raise CatalogueError(f"{key}: missing or surplus keys {sorted(set(raw) ^ wanted)}")
    severities = tuple(Severity(_member(key, "severities", text, SEVERITY_RANK))
                       for text in _texts(key, raw, "severities"))
    types = tuple(AlarmType(_member(key, "alarm_types", text, list(AlarmType)))
                  for text in _texts(key, raw, "alarm_types"))
    causes = tuple(_member(key, "probable_causes", text, PROBABLE_CAUSES)
                   for text in _texts(key, raw, "probable_causes"))
    return Entry(
        alarm_id=key, is_alarm=is_alarm, description=_text(key, raw, "description", minimum=5),
        entities=_texts(key, raw, "entity_instance_id"), severities=severities, alarm_types=types,
        probable_causes=causes, proposed_repair=_text(key, raw, "proposed_repair", minimum=5 if is_alarm else 0),
        service_affecting=_by_severity(key, raw["service_affecting"], severities),
        suppression_allowed=_flag(key, raw, "suppression_allowed"),
        mgmt_affecting_severity=_member(key, "mgmt_affecting_severity", raw.get("mgmt_affecting_severity", "none"),
                                        SEVERITY_RANK),
        degrade_affecting_severity=_member(key, "degrade_affecting_severity",
                                           raw.get("degrade_affecting_severity", "none"), SEVERITY_RANK),
        inhibits_alarms=_flag(key, raw, "inhibits_alarms"),
        maintenance_action=_text(key, raw, "maintenance_action") if is_alarm else "",
        context=_member(key, "context", raw["context"], CONTEXTS))


def _is_id(text: str) -> bool:
    group, dot, event = text.partition(".")
    return dot == "." and all(len(part) == 3 and part.isascii() and part.isdigit() for part in (group, event))


def _member(key: str, name: str, value: object, allowed: Any) -> str:
    if not isinstance(value, str) or value not in allowed:
        raise CatalogueError(f"{key}: {name} has the unknown value {value!r}")
    return value


def _text(key: str, raw: dict[str, Any], name: str, minimum: int = 0, maximum: int = 2048) -> str:
    value = raw[name]
    if not isinstance(value, str) or not minimum <= len(value) <= maximum:
        raise CatalogueError(f"{key}: {name} must be a text of {minimum} to {maximum} characters")
    return value


def _texts(key: str, raw: dict[str, Any], name: str) -> tuple[str, ...]:
    value = raw[name]
    if not isinstance(value, list) or not value or not all(isinstance(text, str) and text for text in value):
        raise CatalogueError(f"{key}: {name} must be a list of texts")
    return tuple(value)


def _flag(key: str, raw: dict[str, Any], name: str) -> bool:
    value = raw.get(name, False)
    if not isinstance(value, bool):
        raise CatalogueError(f"{key}: {name} must be true or false")
    return value


def _by_severity(key: str, value: object, severities: tuple[Severity, ...]) -> dict[str, bool]:
    if isinstance(value, bool):
        return {str(severity): value for severity in severities}
    if not isinstance(value, dict) or not all(isinstance(flag, bool) for flag in value.values()):
        raise CatalogueError(f"{key}: service_affecting must be a flag or a mapping of severities to flags")
    return {_member(key, "service_affecting", name, [str(s) for s in severities]): flag for name, flag in value.items()}
