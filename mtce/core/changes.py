# SPDX-License-Identifier: Apache-2.0
"""Derives updates of sysinv, alarms and history lines from the difference of two views."""
from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from mtce.contract.states import HostAction
from mtce.core.reasons import alarm_text
from mtce.core.view import Alarm, MaintainedHost, Stage
from sysinv.contract.enums import Availability
from sysinv.contract.records import HostStateUpdate


@dataclass(frozen=True, slots=True)
class Transition:
    """One line of a host's history."""

    states: str
    action: str
    stage: str
    task: str


def must_store(before: MaintainedHost, after: MaintainedHost) -> bool:
    """Whether the change must survive a restart; new mtcAlives and restarted silence and repetition timers need not."""
    return _lasting(before) != _lasting(after)


def _lasting(view: MaintainedHost) -> MaintainedHost:
    return replace(view, silent_ms=None, probe_ms=None, revision=0, sequence=0, bus_alive_ms=None,
                   cluster_alive_ms=None, alive_sequence=0, asked_ms=None, bus_open_ms=None, bus_ok=False,
                   pulses_ok=False, dead_office=False, claimed="", claimed_by="", claimed_ms=None, guarded_ms=None)


def state_update(before: MaintainedHost | None, after: MaintainedHost, at: str = "") -> HostStateUpdate | None:
    """Return the update for sysinv; None when nothing it shows has changed. ``at`` is the time of a failure.

    Without ``before`` the update contains every present state, and no action that has ended or failed.
    """
    fresh = _shown(after)
    if before is not None:
        old = _shown(before)
        fresh = {name: value for name, value in fresh.items() if old.get(name) != value}
    failed = after.action_failed if before is not None and before.action_failed != after.action_failed else ""
    error = failure(before, after) if before is not None else ""
    if not fresh and not failed and not error:
        return None
    return HostStateUpdate(host_uuid=after.uuid, sequence=after.sequence, action_failed=failed or None,
                           error=error or None, error_at=at if error else None, **fresh)


def failure(before: MaintainedHost, after: MaintainedHost) -> str:
    """Return why the host, its action or a BMC command failed in this step, for the operator; empty when none did."""
    text, reason = _failure_of_host(before, after), after.bmc_error
    if not text:
        return reason if reason != before.bmc_error else ""
    return f"{text}: {reason}" if reason and text == after.task else text


def _failure_of_host(before: MaintainedHost, after: MaintainedHost) -> str:
    action_failed = bool(after.action_failed) and before.action_failed != after.action_failed
    given_up = after.action is HostAction.NONE and before.action is not HostAction.NONE \
        and (after.availability is Availability.FAILED or "enable" in set(after.degrade) - set(before.degrade))
    waits = after.stage is Stage.FAILED_WAIT and before.stage is not Stage.FAILED_WAIT
    # Recovery names the alarm below; an enable has no alarm that says why the host stays out of service.
    held = after.stage is Stage.HOLD and after.action is HostAction.ENABLE \
        and after.availability is Availability.FAILED and before.availability is not Availability.FAILED
    if action_failed or given_up or waits or held:
        return after.task
    raised = sorted(alarm for alarm in after.alarms if alarm not in before.alarms and alarm[2] == "critical")
    left_service = before.is_enabled and not after.is_enabled and after.action is HostAction.RECOVERY
    critical = raised or [alarm for alarm in after.alarms if alarm[2] == "critical"]
    return alarm_text(critical[0][0], "critical", after.hostname, critical[0][1]) if left_service and critical else ""


def _shown(view: MaintainedHost) -> dict[str, Any]:
    """Return the fields of an update as plain values."""
    shown: dict[str, Any] = {
        "administrative": str(view.administrative), "operational": str(view.operational),
        "availability": str(view.availability), "task": view.task, "uptime_s": view.uptime_s,
        "action": str(view.action),
    }
    if view.is_aio:
        oper, avail = view.subfunction()
        shown["subfunction_oper"], shown["subfunction_avail"] = str(oper), str(avail)
    return shown


def alarm_changes(before: MaintainedHost | None, after: MaintainedHost) -> tuple[list[Alarm], list[Alarm]]:
    """Return ``(to raise, to clear)``; an alarm whose severity changed is raised again, not cleared."""
    old = set() if before is None else set(before.alarms)
    kept = {alarm[:2] for alarm in after.alarms}
    return ([alarm for alarm in after.alarms if alarm not in old],
            [alarm for alarm in sorted(old) if alarm[:2] not in kept])


def transition(before: MaintainedHost | None, after: MaintainedHost) -> Transition | None:
    """Return the history line for a change of states, action, stage or task; None without such a change."""
    now = Transition("-".join(after.states()), after.action, after.stage, after.task)
    if before is not None and now == Transition("-".join(before.states()), before.action, before.stage, before.task):
        return None
    return now
