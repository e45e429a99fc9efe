# SPDX-License-Identifier: Apache-2.0
"""What a host's sensors say of it: alarms, customer logs and degrade."""
from __future__ import annotations

from mtce.core.events import Sensed
from mtce.core.fsm.draft import Draft
from mtce.core.sensors.effects import ALARM_IDS


def note(d: Draft, event: Sensed) -> None:
    """Note the levels of the host's sensors, in any state of the host."""
    others = tuple(alarm for alarm in d.view.alarms if alarm[0] not in ALARM_IDS)
    d.set(alarms=tuple(sorted((*others, *event.alarms))), sensors_degraded=event.degraded)
    d.follow_degrade()
    for log_id, suffix, severity in event.logs:
        d.log(log_id, suffix.removeprefix("."), severity)
