# SPDX-License-Identifier: Apache-2.0
"""Rules for changes of the system."""
from __future__ import annotations

import re
import zoneinfo
from collections.abc import Mapping
from typing import Any, ClassVar

from flock.core.errors import Refused
from sysinv.contract.enums import SystemMode, SystemType

DECIMALS_MAX = 26
_DEGREES = re.compile(rf"[+-]?[0-9]{{1,3}}(\.[0-9]{{1,{DECIMALS_MAX}}})?")
_LIMITS = {"latitude": 90.0, "longitude": 180.0}
CHANGEABLE = frozenset({
    "name", "system_type", "system_mode", "description", "contact", "location", "latitude", "longitude", "timezone",
    "software_version", "sdn_enabled", "https_enabled", "vswitch_type", "distributed_cloud_role", "security_feature"})


class SystemRefused(Refused):
    """A rule about the system refuses a change."""

    code: ClassVar[str] = "sysinv.system.refused"


def check_change(stored: Mapping[str, Any], changes: Mapping[str, Any], *, sdn_controllers: int = 0) -> None:
    """Raise SystemRefused for the first change that breaks a rule. ``sdn_controllers``: how many there are."""
    if "software_version" in changes:
        raise SystemRefused(detail="software_version cannot be modified")
    if "system_type" in changes and stored["system_type"] is not None:
        raise SystemRefused(detail="system_type has already been set and cannot be modified")
    if not changes.get("name", stored["name"]):
        raise SystemRefused(detail="name must not be empty")
    for name, limit in _LIMITS.items():
        if changes.get(name):
            _check_degrees(name, changes[name], limit)
    if "timezone" in changes:
        _check_timezone(changes["timezone"])
    if "system_mode" in changes:
        _check_mode(stored, changes["system_mode"])
    present = stored["distributed_cloud_role"]
    role = changes.get("distributed_cloud_role", present)
    if role != present and (present is not None or role != "subcloud"):
        raise SystemRefused(detail="distributed_cloud_role can only be set once, to subcloud")
    _check_capabilities(stored["capabilities"] or {}, changes)
    if changes.get("sdn_enabled") is False and sdn_controllers:
        raise SystemRefused(detail="sdn_enabled cannot be disabled while there are SDN controllers: "
                                   f"{sdn_controllers}. Delete them with 'system sdn-controller-delete'.")


def _check_degrees(name: str, text: str, limit: float) -> None:
    if not _DEGREES.fullmatch(text) or abs(float(text)) > limit:
        raise SystemRefused(detail=f"{name} must be a number between -{limit:g} and {limit:g} with at most "
                                   f"{DECIMALS_MAX} decimals")


def _check_timezone(name: str | None) -> None:
    # The name is used as a path in the zoneinfo tree.
    if not name or name not in zoneinfo.available_timezones():
        raise SystemRefused(detail=f"Timezone file {name} does not exist.")


def _check_mode(stored: Mapping[str, Any], mode: str | None) -> None:
    present = stored["system_mode"]
    if mode == present:
        return
    if stored["system_type"] != SystemType.ALL_IN_ONE:
        raise SystemRefused(detail="Cannot modify system mode when system type is not All-in-one.")
    if mode == SystemMode.SIMPLEX:
        raise SystemRefused(detail="Cannot modify system mode to simplex once initial configuration is complete.")
    raise SystemRefused(detail=f"Cannot modify system mode from {present} to {mode}: migration is not supported yet.")


def _check_capabilities(stored: Mapping[str, Any], changes: Mapping[str, Any]) -> None:
    for name in ("https_enabled", "vswitch_type"):
        if name in changes and changes[name] == stored.get(name):
            raise SystemRefused(detail=f"{name} is already set to {changes[name]}")
