# SPDX-License-Identifier: Apache-2.0
"""Steps on hosts: lock, unlock, swact, reboot, and the wait for hosts to settle."""
from __future__ import annotations

from collections.abc import Callable

from patching.core.strategy.work.model import (
    DONE,
    SETTLE_MS,
    WAITING,
    Advance,
    Answer,
    Order,
    Progress,
    Verb,
    Work,
    failed,
    give,
    once,
    together,
)
from patching.core.strategy.work.seen import Seen, SeenHost

_QUIET = ("online", "offline", "power-off")
UPTIME_LATE_MS = 60_000


def lock(work: Work, seen: Seen, now_ms: int) -> Advance:
    """Locked, and no longer working. The only controller of a system goes on: it need not be disabled."""
    def one(host: SeenHost) -> Progress:
        disabled = host.operational == "disabled" and host.availability in _QUIET
        if host.administrative == "locked" and not host.is_busy and (disabled or _is_alone(host, seen)):
            return DONE
        return _give(work, Verb.LOCK, host, now_ms)

    return _each(work, seen, one)


def unlock(work: Work, seen: Seen, now_ms: int) -> Advance:
    """In service again, and open for instances."""
    def one(host: SeenHost) -> Progress:
        if host.administrative != "unlocked":
            return _give(work, Verb.UNLOCK, host, now_ms)
        if not host.is_in_service or host.is_busy:
            return WAITING  # Host maintenance brings it into service, and tries again when that fails.
        return opened(work, host.hostname, now_ms)

    return _each(work, seen, one)


def swact(work: Work, seen: Seen, now_ms: int) -> Advance:
    """None of these controllers is active, but another one is. A controller that is locked cannot take over."""
    leaving = [seen.hosts[name] for name in work.step.entities if name in seen.hosts and seen.hosts[name].is_active]
    if not leaving:
        is_there = any(host.is_active for host in seen.hosts.values())
        return together(work, [DONE if is_there else WAITING])
    return together(work, [_give(work, Verb.SWACT, host, now_ms) for host in leaving])


def reboot(work: Work, seen: Seen, now_ms: int) -> Advance:
    """Booted since the order, and heard again."""
    def one(host: SeenHost) -> Progress:
        order = Order(Verb.REBOOT, host.hostname)
        tried = work.tried.get(order)
        if tried is not None and tried.answer is Answer.ACCEPTED and not host.is_busy:
            # It counts anew since the boot, and may be told late.
            before_s = work.first.hosts[host.hostname].uptime_s if work.first is not None else 0
            booted = host.uptime_s < before_s or host.uptime_s * 1000 + UPTIME_LATE_MS < now_ms - tried.at_ms
            if host.availability == "online" and booted:
                return DONE
        return _give(work, Verb.REBOOT, host, now_ms)

    return _each(work, seen, one)


def stabilize(work: Work, seen: Seen, now_ms: int) -> Advance:
    """Time passes, at most that of the step; a host of its stage that changes by itself meanwhile fails it."""
    first = work.first.hosts if work.first is not None else {}
    changed = [f"{seen.hosts[name].text} was {first[name].text}" for name in work.hosts
               if name in first and name in seen.hosts and _states(first[name]) != _states(seen.hosts[name])]
    if changed:
        return together(work, [failed(f"hosts have changed: {', '.join(changed)}")])
    is_over = now_ms - work.begun_ms >= min(work.step.limit_s * 1000, work.pace.stable_max_ms)
    return together(work, [DONE if is_over else WAITING])


def opened(work: Work, hostname: str, now_ms: int) -> Progress:
    """Open a host for instances."""
    return once(work, Order(Verb.OPEN_HOST, hostname), now_ms)


def _states(host: SeenHost) -> tuple[str, str]:
    return host.administrative, host.operational


def _is_alone(host: SeenHost, seen: Seen) -> bool:
    return host.is_active and sum(other.personality == "controller" for other in seen.hosts.values()) == 1


def _each(work: Work, seen: Seen, one: Callable[[SeenHost], Progress]) -> Advance:
    """A host that was deleted holds up nobody, as in the deployment."""
    return together(work, [one(seen.hosts[name]) if name in seen.hosts else DONE for name in work.step.entities])


def _give(work: Work, verb: Verb, host: SeenHost, now_ms: int) -> Progress:
    """Order it; a host that is idle long after the order, or has another error than before, has not done it."""
    order = Order(verb, host.hostname)
    tried = work.tried.get(order)
    trouble = ""
    if host.is_busy and (tried is None or tried.answer is Answer.NOT_SENT):
        return WAITING  # Perhaps with the very same, whose reply was lost or was for an earlier orchestrator.
    if tried is not None and tried.answer is Answer.ACCEPTED and not host.is_busy:
        if host.error and host.error != tried.error_before:
            trouble = f"{verb} of {host.hostname} has failed: {host.error}"
        elif now_ms - tried.at_ms >= SETTLE_MS and _came_to_nothing(verb, host):
            trouble = f"{verb} of {host.hostname} had no effect: it is {host.text}"
    return give(work, order, now_ms, trouble)


def _came_to_nothing(verb: Verb, host: SeenHost) -> bool:
    """Whether an idle host is not on its way to what was ordered."""
    if verb is Verb.LOCK:
        return host.administrative != "locked"
    if verb is Verb.UNLOCK:
        return host.administrative != "unlocked"
    return verb is Verb.SWACT
