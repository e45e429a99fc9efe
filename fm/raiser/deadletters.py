# SPDX-License-Identifier: Apache-2.0
"""The alarm about dead letters: one for each subsystem with an outbox, active as long as it has any."""
from __future__ import annotations

from collections.abc import Callable

from fm.contract.limits import TEXT_MAX
from fm.raiser.api import Raiser

ALARM_ID = "200.031"


class DeadLetterAlarm:
    """Provides ``audit`` as a periodic task.

    ``trouble`` returns the reason text, or None when there are no dead letters (``flock.db.deadletters.trouble``).
    """

    def __init__(self, subsystem: str, raiser: Raiser, trouble: Callable[[], str | None]) -> None:
        self._subsystem = subsystem
        self._raiser = raiser
        self._trouble = trouble
        self._maybe_active = True

    def audit(self) -> None:
        """Raise, change or clear the alarm; Unavailable or DeadlineExceeded when fm does not reply in time."""
        trouble = self._trouble()
        if trouble is None and not self._maybe_active:
            return
        entity = f"subsystem={self._subsystem}"
        active = self._raiser.active(alarm_id=ALARM_ID, entity_instance_id=entity, below=False)
        self._maybe_active = bool(active) or trouble is not None
        if trouble is None:
            if active:
                self._raiser.clear_now(ALARM_ID, entity_instance_id=entity, exact=True)
        elif [fault.reason_text for fault in active] != [trouble[:TEXT_MAX]]:
            command = f"{self._subsystem}-dead-letters"
            self._raiser.raise_now(
                ALARM_ID, entity_instance_id=entity, severity="minor", reason_text=trouble[:TEXT_MAX],
                proposed_repair_action=f"Run '{command} list' on the active controller. Remove the cause and run "
                                       f"'{command} retry <id>', or run '{command} drop <id>'.")
