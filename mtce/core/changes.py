# SPDX-License-Identifier: Apache-2.0
"""What the difference of two views means for others: inventory, alarms, heartbeat, history."""
from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from mtce.core.view import Alarm, MaintainedHost
from sysinv.contract.records import HostStateUpdate


@dataclass(frozen=True, slots=True)
class Transition:
    """One line of a host's history."""

    states: str
    action: str
    stage: str
    task: str


def must_store(before: MaintainedHost, after: MaintainedHost) -> bool:
    """Whether the change must survive a restart; a renewed sign of life, silence or repetition timer need not."""
    return _lasting(before) != _lasting(after)


def _lasting(view: MaintainedHost) -> MaintainedHost:
    return replace(view, silent_ms=None, probe_ms=None, revision=0, sequence=0, bus_alive_ms=None,
                   cluster_alive_ms=None, alive_sequence=0, asked_ms=None, bus_open_ms=None, bus_ok=False,
                   pulses_ok=False, dead_office=False)


def state_update(before: MaintainedHost | None, after: MaintainedHost) -> HostStateUpdate | None:
    """What inventory must learn; None when nothing it shows has changed. Without ``before``: everything."""
    fresh = _shown(after)
    if before is not None:
        old = _shown(before)
        fresh = {name: value for name, value in fresh.items() if old.get(name) != value}
    failed = after.action_failed if before is None or before.action_failed != after.action_failed else ""
    if not fresh and not failed:
        return None
    return HostStateUpdate(host_uuid=after.uuid, sequence=after.sequence, action_failed=failed or None, **fresh)


def _shown(view: MaintainedHost) -> dict[str, Any]:
    """The fields of an update, as plain values."""
    shown: dict[str, Any] = {
        "administrative": str(view.administrative), "operational": str(view.operational),
        "availability": str(view.availability), "task": view.task, "uptime_s": view.uptime_s,
    }
    if view.is_aio:
        oper, avail = view.subfunction()
        shown["subfunction_oper"], shown["subfunction_avail"] = str(oper), str(avail)
    return shown


def alarm_changes(before: MaintainedHost | None, after: MaintainedHost) -> tuple[list[Alarm], list[Alarm]]:
    """``(to raise, to clear)``; a changed severity is raised again, not cleared."""
    old = set() if before is None else set(before.alarms)
    kept = {alarm[:2] for alarm in after.alarms}
    return ([alarm for alarm in after.alarms if alarm not in old],
            [alarm for alarm in sorted(old) if alarm[:2] not in kept])


def transition(before: MaintainedHost | None, after: MaintainedHost) -> Transition | None:
    """The history line for a change of states, action, stage or task."""
    now = Transition("-".join(after.states()), after.action, after.stage, after.task)
    if before is not None and now == Transition("-".join(before.states()), before.action, before.stage, before.task):
        return None
    return now
