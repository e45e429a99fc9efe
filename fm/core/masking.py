# SPDX-License-Identifier: Apache-2.0
"""Hierarchical inhibition: which active alarms are hidden because a containing entity carries an inhibiting alarm."""
from __future__ import annotations

from collections.abc import Iterable

from fm.contract.entity import containers
from fm.core.records import Alarm


def masked_uuids(alarms: Iterable[Alarm]) -> set[str]:
    """Uuids of the alarms that allow suppression and lie on or below the entity of another, inhibiting alarm.

    Depends only on what is active now, so the order in which alarms were raised does not matter.
    """
    alarms = list(alarms)
    inhibitors: dict[str, set[str]] = {}
    for alarm in alarms:
        if alarm.inhibit_alarms:
            inhibitors.setdefault(alarm.entity_instance_id, set()).add(alarm.uuid)
    return {alarm.uuid for alarm in alarms
            if alarm.suppression and any(inhibitors.get(outer, set()) - {alarm.uuid}
                                         for outer in containers(alarm.entity_instance_id))}
