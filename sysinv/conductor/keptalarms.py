# SPDX-License-Identifier: Apache-2.0
"""Alarms of one id that follow what is stored: raised, changed and cleared until fault management has just these."""
from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from fm.contract.rpc import FmManager
from fm.raiser import Raiser


@dataclass(frozen=True, slots=True)
class KeptAlarms:
    """``repair`` returns the proposed repair action of an entity."""

    raiser: Raiser
    faults: FmManager
    alarm_id: str
    severity: str
    repair: Callable[[str], str]

    def keep(self, wanted: Mapping[str, str], foreign: Collection[str] = ()) -> list[str]:
        """Have exactly the alarms ``wanted``, reasons by entity, apart from those of ``foreign`` entities.

        Returns the reasons that are raised now. Unavailable, DeadlineExceeded when fm does not answer.
        """
        active = {fault.entity_instance_id: fault.reason_text for fault in self.faults.get_faults(
            alarm_id=self.alarm_id, entity_instance_id=None, below=False)}
        changed = {entity: reason for entity, reason in wanted.items() if active.get(entity) != reason}
        for entity, reason in changed.items():
            self.raiser.raise_alarm(self.alarm_id, entity_instance_id=entity, severity=self.severity,
                                    reason_text=reason, proposed_repair_action=self.repair(entity))
        for entity in active.keys() - wanted.keys() - set(foreign):
            self.raiser.clear_alarm(self.alarm_id, entity_instance_id=entity, exact=True)
        return list(changed.values())
