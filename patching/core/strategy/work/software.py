# SPDX-License-Identifier: Apache-2.0
"""Steps on the deployment: its precheck, its begin and end, activation, and the installation on hosts."""
from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from patching.contract.states import DeployState, HostState
from patching.contract.version import split_release_id
from patching.core import requirements
from patching.core.strategy.model import Result, StepName
from patching.core.strategy.parameters import Parameters
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
from patching.core.strategy.work.seen import Seen, SeenSoftware

D = DeployState
H = HostState
_GOING_BACK = frozenset((D.ACTIVATE_ROLLBACK_PENDING, D.ACTIVATE_ROLLBACK, D.ACTIVATE_ROLLBACK_DONE,
                         D.ACTIVATE_ROLLBACK_FAILED, D.HOST_ROLLBACK, D.HOST_ROLLBACK_DONE, D.HOST_ROLLBACK_FAILED))
_BACK_ACTIVATED = _GOING_BACK - {D.ACTIVATE_ROLLBACK_PENDING, D.ACTIVATE_ROLLBACK, D.ACTIVATE_ROLLBACK_FAILED}
_FORTH = frozenset((D.START_DONE, D.HOST, D.HOST_DONE, D.HOST_FAILED, D.ACTIVATE, D.ACTIVATE_DONE, D.ACTIVATE_FAILED,
                    D.COMPLETED))


@dataclass(frozen=True, slots=True)
class Way:
    """One operation on the deployment: states in which it is done, under way, or has failed. Without a deployment it
    is done when ``ends``. It is ordered in all other states, whose refusal tells why it is not possible."""

    verb: Verb
    done: frozenset[D]
    going: frozenset[D] = frozenset()
    failed: frozenset[D] = frozenset()
    ends: bool = False


WAYS = {
    StepName.START: Way(Verb.START, _FORTH, frozenset((D.START,)), frozenset((D.START_FAILED,))),
    StepName.ACTIVATE: Way(Verb.ACTIVATE, frozenset((D.ACTIVATE_DONE, D.COMPLETED)), frozenset((D.ACTIVATE,)),
                           frozenset((D.ACTIVATE_FAILED,))),
    StepName.COMPLETE: Way(Verb.COMPLETE, frozenset((D.COMPLETED,))),
    StepName.DELETE: Way(Verb.DELETE, frozenset(), ends=True),
    StepName.ABORT_DEPLOY: Way(Verb.ABORT, _GOING_BACK, ends=True),
    StepName.ACTIVATE_ROLLBACK: Way(Verb.ACTIVATE_ROLLBACK, _BACK_ACTIVATED, frozenset((D.ACTIVATE_ROLLBACK,)),
                                    frozenset((D.ACTIVATE_ROLLBACK_FAILED,)), ends=True),
}


def operation(work: Work, seen: Seen, now_ms: int) -> Advance:
    """One operation on the whole deployment."""
    software, way = seen.software, WAYS[work.step.name]
    order = Order(way.verb)
    tried = work.tried.get(order)
    if (way.ends and software.state is None) or software.state in way.done:
        return together(work, [DONE])
    if software.state in way.going:
        return together(work, [WAITING])
    trouble = ""
    if tried is not None and tried.answer is Answer.ACCEPTED:
        if software.state in way.failed:
            trouble = f"{order} has failed: {software.error or 'the reason is in the log of the conductor'}"
        elif now_ms - tried.at_ms >= SETTLE_MS:
            trouble = f"{order} had no effect: the deployment is {software.state or 'not there'}"
    return together(work, [give(work, order, now_ms, trouble)])


def precheck(work: Work, seen: Seen, now_ms: int) -> Advance:
    """Not needed where the deployment has begun already."""
    going = seen.software.state is not None or work.parameters.rollback or work.parameters.cleanup
    return together(work, [DONE if going else once(work, Order(Verb.PRECHECK), now_ms)])


def look(work: Work, seen: Seen, _now_ms: int) -> Advance:
    """Whether the software service has what the strategy is about."""
    reason = nothing_to_do(work.parameters, seen.software)
    return Advance(work, (), Result.FAILED, reason) if reason else Advance(work, (), Result.SUCCESS)


def target(releases: tuple[str, ...]) -> str:
    """The release to deploy, which brings all that it requires: the highest."""
    return max(releases, key=lambda name: split_release_id(name)[1])


def nothing_to_do(asked: Parameters, software: SeenSoftware) -> str:
    """Why the software service has nothing for a strategy with these parameters; empty when it has."""
    if asked.rollback or asked.cleanup:
        return "" if software.state is not None else "there is no deployment"
    unknown = [name for name in asked.releases if name not in software.releases]
    if unknown:
        return f"releases do not exist: {', '.join(unknown)}"
    wanted = software.releases[target(asked.releases)]
    brought = requirements.required(software.releases, wanted.id)
    alone = [name for name in asked.releases if name not in brought]
    if alone:
        return f"{', '.join(alone)} would not come with {wanted.id}, which does not require it"
    if software.deploy is None:
        return f"the system runs {software.running} already" if wanted.version == software.running else ""
    if software.deploy.is_aborted:
        return f"the deployment is taken back ({software.state}); create a strategy with rollback"
    if software.state is D.START_FAILED:
        return f"the deployment could not begin ({software.error or software.state}); delete it first"
    if software.deploy.to_release != wanted.version:
        return f"another deployment is under way, to {software.deploy.to_release}"
    return ""


def hosts(work: Work, seen: Seen, now_ms: int) -> Advance:
    """Each host runs the software of the deployment, or what it ran before where it is taken back."""
    one: Callable[[Work, str, Seen, int], Progress] = _back if work.parameters.rollback else _forth
    return together(work, [one(work, name, seen, now_ms) for name in work.step.entities])


def _forth(work: Work, name: str, seen: Seen, now_ms: int) -> Progress:
    return _host(work, Order(Verb.DEPLOY_HOST, name), seen, now_ms, (H.DEPLOYED, H.DEPLOYING, H.FAILED))


def _back(work: Work, name: str, seen: Seen, now_ms: int) -> Progress:
    if seen.software.host(name) is None:
        return DONE
    return _host(work, Order(Verb.ROLL_BACK_HOST, name), seen, now_ms,
                 (H.ROLLBACK_DEPLOYED, H.ROLLBACK_DEPLOYING, H.ROLLBACK_FAILED))


def _host(work: Work, order: Order, seen: Seen, now_ms: int, states: tuple[H, H, H]) -> Progress:
    done, going, has_failed = states
    found = seen.software.host(order.target)
    if found is done:
        return DONE
    if found is going:
        return WAITING
    if seen.software.state is None:
        return failed("there is no deployment any more")
    if order.target not in seen.hosts and order.target not in seen.software.rows:
        return DONE  # It was deleted.
    tried = work.tried.get(order)
    trouble = ""
    if tried is not None and tried.answer is Answer.ACCEPTED:
        if found is has_failed:
            trouble = f"{order} has failed: {seen.software.rows[order.target].error or 'without a reason'}"
        elif now_ms - tried.at_ms >= SETTLE_MS:
            trouble = f"{order} had no effect: it is {found or 'no host of the deployment'}"
    return give(work, order, now_ms, trouble)
