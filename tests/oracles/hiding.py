# SPDX-License-Identifier: Apache-2.0
"""What hierarchical inhibition means, in plain Python: the queries of ``fm.db.hiding`` must agree with it."""
from __future__ import annotations

from collections.abc import Iterable

from fm.contract.entity import containers
from fm.core.records import Alarm


def contains(outer: str, inner: str) -> bool:
    """True when ``inner`` is ``outer`` or lies below it: ``host=a`` contains ``host=a.port=p``, never ``host=ab``."""
    return inner == outer or inner.startswith((outer + ".", outer + ","))


def masked_uuids(alarms: Iterable[Alarm]) -> set[str]:
    """Uuids of the alarms that allow suppression and lie on or below the entity of another, inhibiting alarm."""
    alarms = list(alarms)
    inhibitors: dict[str, set[str]] = {}
    for alarm in alarms:
        if alarm.inhibit_alarms:
            inhibitors.setdefault(alarm.entity_instance_id, set()).add(alarm.uuid)
    return {alarm.uuid for alarm in alarms
            if alarm.suppression and any(inhibitors.get(outer, set()) - {alarm.uuid}
                                         for outer in containers(alarm.entity_instance_id))}
