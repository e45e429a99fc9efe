# SPDX-License-Identifier: Apache-2.0
"""Compares the alarms that mtce's hosts have with those that fm has."""
from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from mtce.core.reasons import ALARMS
from mtce.core.view import Alarm, MaintainedHost

AlarmKey = tuple[str, str]
"""Alarm id and entity."""


@dataclass(frozen=True, slots=True)
class Corrections:
    """``to_set`` are alarms of hosts, ``to_clear`` alarms that no host has."""

    to_set: tuple[tuple[MaintainedHost, Alarm], ...]
    to_clear: tuple[AlarmKey, ...]

    def __bool__(self) -> bool:
        return bool(self.to_set or self.to_clear)


def corrections(hosts: Iterable[MaintainedHost], active: Mapping[AlarmKey, str], most: int) -> Corrections:
    """Return the corrections to send to fm, at most ``most`` of each kind; ``active`` are fm's severities by alarm.

    Ignores alarms of other subsystems and of entities that are no host.
    """
    wanted = {(alarm[0], f"host={host.hostname}{alarm[1]}"): (host, alarm) for host in hosts for alarm in host.alarms}
    to_set = [found for key, found in wanted.items() if active.get(key) != found[1][2]]
    to_clear = [key for key in active if key not in wanted and key[0] in ALARMS and key[1].startswith("host=")]
    return Corrections(tuple(to_set[:most]), tuple(to_clear[:most]))
