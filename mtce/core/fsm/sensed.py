# SPDX-License-Identifier: Apache-2.0
"""What a host's sensors say of it: alarms, customer logs, degrade, and a reset or power-cycle that they ask for."""
from __future__ import annotations

from mtce.contract.states import HostAction
from mtce.core import strike as strike_rules
from mtce.core.events import Sensed
from mtce.core.fsm import cycle, enable, guard, power
from mtce.core.fsm.draft import Draft
from mtce.core.sensors.effects import ALARM_IDS
from mtce.core.strike import Refusal, Wish
from mtce.core.view import Stage
from sysinv.contract.enums import Administrative, Availability
from sysinv.contract.sensors import SensorAction


def note(d: Draft, event: Sensed) -> None:
    """Note the levels of the host's sensors, in any state of the host."""
    others = tuple(alarm for alarm in d.view.alarms if alarm[0] not in ALARM_IDS)
    d.set(alarms=tuple(sorted((*others, *event.alarms))), sensors_degraded=event.degraded)
    d.follow_degrade()
    for log_id, suffix, severity in event.logs:
        d.log(log_id, suffix.removeprefix("."), severity)
    if event.strike in (SensorAction.RESET, SensorAction.POWER_CYCLE) and event.cause and _may_begin(d):
        _ask(d, event)


def _may_begin(d: Draft) -> bool:
    """Whether no other action runs, and the host is one that a sensor's action concerns: in service, or locked."""
    locked = d.view.administrative is Administrative.LOCKED
    return d.view.stage is Stage.IDLE and d.view.has_bmc and (d.view.is_enabled or locked) \
        and d.view.availability is not Availability.POWER_OFF


def _ask(d: Draft, event: Sensed) -> None:
    """Begin what the sensor asks for, if the guard permits; what it refuses is recorded once."""
    resets = event.strike == SensorAction.RESET
    if _is_too_soon(d, d.view.sensor_reset_ms, d.settings.sensor_reset_pause_ms) if resets \
            else _is_too_soon(d, d.view.cycled_ms, d.settings.cycle_pause_ms):
        return
    d.set(critical=event.cause)
    verdict = strike_rules.judge(d.view, Wish.SENSOR, d.now_ms, d.settings)
    if isinstance(verdict, Refusal):
        guard.withhold(d, verdict)
        d.set(critical="")
    elif resets:
        _reset(d)
    else:
        cycle.begin(d)


def _is_too_soon(d: Draft, last_ms: int | None, pause_ms: int) -> bool:
    return last_ms is not None and d.now_ms - last_ms < pause_ms


def _reset(d: Draft) -> None:
    d.set(sensor_reset_ms=d.now_ms, action_failed="", tries=0, bmc_error="")
    if d.view.administrative is Administrative.LOCKED:
        power.begin(d, HostAction.RESET, source="action")
        return
    d.log("200.021", "action=reset")
    enable.begin(d)
    d.task("Resetting Host, critical sensor")
