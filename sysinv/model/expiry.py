# SPDX-License-Identifier: Apache-2.0
"""Which alarms the certificates of this cloud deserve. Pure."""
from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

SOON, EXPIRED = "500.200", "500.210"
WARN_DAYS = 30
# To replace the authority, all hosts must be installed again.
WARN_DAYS_AUTHORITY = 180
SECONDS_PER_DAY = 86400
AlarmKey = tuple[str, str]
"""Alarm id and entity."""


@dataclass(frozen=True, slots=True)
class Watched:
    """A certificate: ``role`` names its file (``front``, ``host``, ``ca``), ``hostname`` and ``host_uuid`` its holder,
    ``remedy`` is what an operator should do about it."""

    role: str
    hostname: str
    host_uuid: str
    end: datetime.datetime
    remedy: str
    warn_days: int = WARN_DAYS


@dataclass(frozen=True, slots=True)
class ExpiryAlarm:
    """What to raise."""

    severity: str
    reason: str
    remedy: str


def entity_of(role: str, host_uuid: str) -> str:
    """The entity of a certificate's alarms."""
    return f"system.certificate.mode={role}.uuid={host_uuid}"


def expiry_alarms(certificates: Iterable[Watched], now: datetime.datetime) -> dict[AlarmKey, ExpiryAlarm]:
    """The alarms of certificates that have expired, or expire within their ``warn_days``; each day has a new text."""
    found = {}
    for one in certificates:
        left = int((one.end - now).total_seconds() // SECONDS_PER_DAY)
        what = f"Certificate {one.role} of host {one.hostname}"
        entity = entity_of(one.role, one.host_uuid)
        if one.end <= now:
            found[EXPIRED, entity] = ExpiryAlarm("critical", f"{what} expired on {one.end.date()}.", one.remedy)
        elif left < one.warn_days:
            found[SOON, entity] = ExpiryAlarm(
                "major", f"{what} expires on {one.end.date()}, in {left} days.", one.remedy)
    return found


def corrections(wanted: Mapping[AlarmKey, ExpiryAlarm], active: Mapping[AlarmKey, str]
                ) -> tuple[list[tuple[AlarmKey, ExpiryAlarm]], list[AlarmKey]]:
    """What to raise and what to clear; ``active`` are the reason texts that fm shows now.

    Leaves alarms alone whose entities this module did not name.
    """
    own = entity_of("", "").partition("=")[0]
    to_raise = [(key, alarm) for key, alarm in wanted.items() if active.get(key) != alarm.reason]
    return to_raise, [key for key in active if key not in wanted and key[1].startswith(own)]
