# SPDX-License-Identifier: Apache-2.0
"""Steps on instances: moved away from hosts that reboot, or stopped before and started afterwards."""
from __future__ import annotations

from patching.core.strategy.picture import Instance, InstanceState
from patching.core.strategy.work.hosts import opened
from patching.core.strategy.work.model import (
    DONE,
    WAITING,
    Advance,
    Answer,
    Order,
    Progress,
    Tried,
    Verb,
    Work,
    failed,
    give,
    once,
    together,
)
from patching.core.strategy.work.seen import Seen

MOVES_MAX = 3
"""How often a move is begun that has failed each time."""


def close(work: Work, _seen: Seen, now_ms: int) -> Advance:
    """No new instance comes to the hosts."""
    return together(work, [_closed(work, name, now_ms) for name in work.step.entities])


def reopen(work: Work, _seen: Seen, now_ms: int) -> Advance:
    """The hosts take instances again."""
    return together(work, [opened(work, name, now_ms) for name in work.step.entities])


def move(work: Work, seen: Seen, now_ms: int) -> Advance:
    """No instance is left on the hosts but those that their users have stopped; one after the other on each host."""
    return together(work, [_emptied(work, name, seen, now_ms) for name in work.step.entities])


def stop(work: Work, seen: Seen, now_ms: int) -> Advance:
    """The instances are stopped, or gone."""
    return _in_state(work, seen, now_ms, Verb.STOP_INSTANCE, InstanceState.STOPPED)


def start(work: Work, seen: Seen, now_ms: int) -> Advance:
    """The instances run, or are gone."""
    return _in_state(work, seen, now_ms, Verb.START_INSTANCE, InstanceState.RUNNING)


def _in_state(work: Work, seen: Seen, now_ms: int, verb: Verb, wanted: InstanceState) -> Advance:
    def one(name: str) -> Progress:
        found = seen.instances.get(name)
        if found is None or found.state is wanted:
            return DONE
        broken = f"instance {name} is {found.state}" if found.state is InstanceState.FAILED else ""
        return give(work, Order(verb, name), now_ms, broken)

    return together(work, [one(name) for name in work.step.entities])


def _closed(work: Work, hostname: str, now_ms: int) -> Progress:
    return once(work, Order(Verb.CLOSE_HOST, hostname), now_ms)


def _emptied(work: Work, hostname: str, seen: Seen, now_ms: int) -> Progress:
    closed = _closed(work, hostname, now_ms)
    if closed is not DONE:
        return closed
    here = sorted((one for one in seen.instances.values() if one.host == hostname and not one.is_locked),
                  key=lambda one: one.id)
    to_confirm = [one for one in seen.instances.values() if one.state is InstanceState.MOVED
                  and Order(Verb.MOVE, one.id) in work.tried]
    if to_confirm:
        return give(work, Order(Verb.CONFIRM_MOVE, to_confirm[0].id), now_ms)
    moving = [one for one in here if one.state is InstanceState.MOVING]
    for one in moving:
        late = _is_late(work, one, now_ms)
        if late is not None:
            return late
    if moving:
        return WAITING
    if not here:
        return DONE
    return _begun(work, here[0], now_ms)


def _begun(work: Work, one: Instance, now_ms: int) -> Progress:
    """Move it; one that is still there and does not move after its time did not go.

    A move that was refused is tried again for long, because a disruption budget may allow it later. One that was begun
    and has failed will hardly go better.
    """
    order = Order(Verb.MOVE, one.id)
    if one.state is InstanceState.FAILED:
        return failed(f"instance {one.id} on {one.host} is broken and cannot be moved")
    if one.stays:
        return failed(f"instance {one.id} on {one.host} cannot be moved, because {one.stays}")
    tried = work.tried.get(order, Tried())
    trouble = one.trouble if tried.answer is Answer.ACCEPTED and one.trouble != tried.error_before else ""
    if trouble and tried.number >= MOVES_MAX:
        return failed(f"instance {one.id} cannot be moved from {one.host}: {trouble}")
    return _is_late(work, one, now_ms) or give(work, order, now_ms, trouble)


def _is_late(work: Work, one: Instance, now_ms: int) -> Progress | None:
    tried = work.tried.get(Order(Verb.MOVE, one.id))
    if tried is None or tried.answer is not Answer.ACCEPTED or now_ms - tried.at_ms < one.move_limit_s * 1000:
        return None
    return failed(f"instance {one.id} did not leave {one.host} within {one.move_limit_s} s")
