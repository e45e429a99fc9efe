# SPDX-License-Identifier: Apache-2.0
"""What a look at the system leads to, for every step."""
from __future__ import annotations

from collections.abc import Callable

from flock.core.records import replace
from patching.core.strategy import alarms
from patching.core.strategy.model import Result, StepName
from patching.core.strategy.work import hosts, instances, software
from patching.core.strategy.work.model import Advance, Work
from patching.core.strategy.work.seen import Part, Seen

S = StepName
Decide = Callable[[Work, Seen, int], Advance]
STORAGE_ALARMS = "800."


def no_alarms(work: Work, seen: Seen, _now_ms: int) -> Advance:
    """No alarm stands against going on."""
    found = _blocking(work, seen)
    return Advance(work, (), Result.FAILED, f"active alarms present: {found}") if found else \
        Advance(work, (), Result.SUCCESS)


def alarms_cleared(work: Work, seen: Seen, now_ms: int) -> Advance:
    """No alarm has stood against going on for a while: those of a booted host come late."""
    return _quiet(work, not _blocking(work, seen), now_ms)


def data_synced(work: Work, seen: Seen, now_ms: int) -> Advance:
    """The storage cluster has had no alarm for a while."""
    return _quiet(work, not any(alarm.id.startswith(STORAGE_ALARMS) for alarm in seen.alarms), now_ms)


def _quiet(work: Work, is_quiet: bool, now_ms: int) -> Advance:
    if not is_quiet:
        return Advance(replace(work, quiet_since_ms=0))
    since_ms = work.quiet_since_ms or now_ms
    if now_ms - since_ms >= work.pace.quiet_ms:
        return Advance(work, (), Result.SUCCESS)
    return Advance(replace(work, quiet_since_ms=since_ms))


def _blocking(work: Work, seen: Seen) -> str:
    found = alarms.blocking(seen.alarms, work.parameters.kind, work.parameters.alarms)
    names = sorted(f"{alarm.id} {alarm.entity}" for alarm in found)
    return ", ".join(names[:10]) + (f" and {len(names) - 10} more" if len(names) > 10 else "")


_OPERATION = (software.operation, (Part.SOFTWARE,))
STEPS: dict[StepName, tuple[Decide, tuple[Part, ...]]] = {
    S.QUERY_ALARMS: (no_alarms, (Part.ALARMS,)),
    S.QUERY_UPGRADE: (software.look, (Part.SOFTWARE,)),
    S.PRECHECK: (software.precheck, (Part.SOFTWARE,)),
    S.START: _OPERATION, S.ACTIVATE: _OPERATION, S.COMPLETE: _OPERATION, S.DELETE: _OPERATION,
    S.ABORT_DEPLOY: _OPERATION, S.ACTIVATE_ROLLBACK: _OPERATION,
    S.DEPLOY_HOSTS: (software.hosts, (Part.SOFTWARE,)), S.PATCH_HOSTS: (software.hosts, (Part.SOFTWARE,)),
    S.SWACT: (hosts.swact, (Part.HOSTS,)), S.LOCK: (hosts.lock, (Part.HOSTS,)),
    S.UNLOCK: (hosts.unlock, (Part.HOSTS,)), S.REBOOT: (hosts.reboot, (Part.HOSTS,)),
    S.STABILIZE: (hosts.stabilize, (Part.HOSTS,)),
    S.DISABLE_SERVICES: (instances.close, ()), S.ENABLE_SERVICES: (instances.reopen, ()),
    S.MIGRATE: (instances.move, (Part.INSTANCES,)),
    S.STOP_INSTANCES: (instances.stop, (Part.INSTANCES,)), S.START_INSTANCES: (instances.start, (Part.INSTANCES,)),
    S.WAIT_DATA_SYNC: (data_synced, (Part.ALARMS,)), S.WAIT_ALARMS_CLEAR: (alarms_cleared, (Part.ALARMS,)),
}
"""For each step: what decides, and the parts of the system that it must see."""


def advance(work: Work, seen: Seen, now_ms: int) -> Advance:
    """What the look ``seen`` leads to: orders, or the end of the step."""
    if work.first is None:
        work = replace(work, first=seen)
    return STEPS[work.step.name][0](work, seen, now_ms)
