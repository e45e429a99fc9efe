# SPDX-License-Identifier: Apache-2.0
"""Compares the alarms of the views with those in fm, and queues corrections behind the alarms already to be sent.

Raises an alarm again that was deleted although its fault lasts; clears an alarm that no host has any more.
"""
from __future__ import annotations

import logging

from fm.raiser import Raiser
from mtce.conductor import messages
from mtce.conductor.loop import Effects, Loop
from mtce.core.alarms import AlarmKey, corrections
from mtce.core.reasons import ALARMS

LOG = logging.getLogger(__name__)
CORRECTIONS_MAX = 200
LOOP_WAIT_S = 5.0


class AlarmAudit:
    """Provides ``audit`` as a periodic task."""

    def __init__(self, loop: Loop, effects: Effects, raiser: Raiser) -> None:
        self._loop = loop
        self._effects = effects
        self._raiser = raiser

    def audit(self) -> None:
        """Compare once; Unavailable or DeadlineExceeded when fm or the loop does not reply in time."""
        active = self._active()
        self._loop.ask(lambda: self._correct(active), LOOP_WAIT_S)

    def _active(self) -> dict[AlarmKey, str]:
        return {(fault.alarm_id, fault.entity_instance_id): str(fault.severity)
                for alarm_id in ALARMS for fault in self._raiser.active(alarm_id=alarm_id)}

    def _correct(self, active: dict[AlarmKey, str]) -> None:
        """Queue the corrections. Runs in the loop's thread, so that later changes of a host are sent after them."""
        entries = self._loop.roster.all()
        found = corrections((entry.stored.view for entry in entries), active, CORRECTIONS_MAX)
        if not found:
            return
        told = [messages.alarm_set(messages.faults_key(f"host={host.hostname}"), alarm, host.hostname)
                for host, alarm in found.to_set]
        told += [messages.alarm_clear(messages.faults_key(entity), alarm_id, entity)
                 for alarm_id, entity in found.to_clear]
        LOG.warning("fm has other alarms than mtce: %d are raised again, %d cleared (%s)",
                    len(found.to_set), len(found.to_clear),
                    ", ".join(sorted({message.payload["entity"] for message in told})[:10]))
        self._loop.store.tell(told)
        self._effects.delivered_soon()
