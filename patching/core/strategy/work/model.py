# SPDX-License-Identifier: Apache-2.0
"""The work of one step: what was ordered so far, and what a look at the system leads to."""
from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from flock.core.records import replace
from patching.core.strategy.model import Result, Step
from patching.core.strategy.parameters import Parameters
from patching.core.strategy.work.seen import Seen

SETTLE_MS = 20_000
"""How long an order that was accepted may leave no trace before it counts as lost."""


class Verb(enum.StrEnum):
    """What can be ordered, of a host, of the software service, or about an instance."""

    LOCK = "lock"
    UNLOCK = "unlock"
    SWACT = "swact"
    REBOOT = "reboot"
    PRECHECK = "precheck"
    START = "start"
    DEPLOY_HOST = "deploy-host"
    ROLL_BACK_HOST = "rollback-host"
    ACTIVATE = "activate"
    COMPLETE = "complete"
    ABORT = "abort"
    ACTIVATE_ROLLBACK = "activate-rollback"
    DELETE = "delete-deploy"
    CLOSE_HOST = "close-host"
    OPEN_HOST = "open-host"
    MOVE = "move"
    CONFIRM_MOVE = "confirm-move"
    STOP_INSTANCE = "stop-instance"
    START_INSTANCE = "start-instance"


@dataclass(frozen=True, slots=True)
class Order:
    """One order. ``target``: name of the host, or id of the instance; empty for the deployment."""

    verb: Verb
    target: str = ""

    def __str__(self) -> str:
        return f"{self.verb} {self.target}".rstrip()


class Answer(enum.Enum):
    """What became of an order. ``NOT_SENT``: nobody could be asked; nothing was changed."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    NOT_SENT = "not sent"


@dataclass(frozen=True, slots=True)
class Tried:
    """The tries of one order. ``number`` counts those that were answered. ``error_before``: what the host's error was
    when it was ordered last, so that an old one is no evidence."""

    number: int = 0
    at_ms: int = 0
    answer: Answer = Answer.NOT_SENT
    reason: str = ""
    error_before: str = ""


@dataclass(frozen=True, slots=True)
class Patience:
    """Milliseconds: without alarms before booted hosts count as settled; at most before hosts that do not change count
    as stable; at most before a failed order is given again."""

    quiet_ms: int = 60_000
    stable_max_ms: int = 60_000
    pause_max_ms: int = 120_000


PATIENCE = Patience()


@dataclass(frozen=True, slots=True)
class Work:
    """The work of one step. ``hosts``: those of its stage. ``first``: what was seen first. ``quiet_since_ms``: since
    when nothing stands against going on; 0: something does. ``pace``: how patient it is."""

    step: Step
    parameters: Parameters
    begun_ms: int
    hosts: tuple[str, ...] = ()
    pace: Patience = PATIENCE
    first: Seen | None = None
    tried: Mapping[Order, Tried] = field(default_factory=dict)
    quiet_since_ms: int = 0


@dataclass(frozen=True, slots=True)
class Again:
    """How often an order is given again after it has failed, and after which pause."""

    times: int
    pause_ms: int


AGAIN = {Verb.LOCK: Again(3, 90_000), Verb.UNLOCK: Again(5, 120_000), Verb.SWACT: Again(12, 5_000),
         Verb.DEPLOY_HOST: Again(3, 120_000), Verb.ROLL_BACK_HOST: Again(3, 120_000), Verb.ACTIVATE: Again(3, 30_000),
         Verb.MOVE: Again(300, 5_000), Verb.CLOSE_HOST: Again(3, 5_000), Verb.OPEN_HOST: Again(3, 5_000),
         Verb.STOP_INSTANCE: Again(3, 5_000), Verb.START_INSTANCE: Again(3, 5_000)}
NOT_AGAIN = Again(0, 0)
NOT_SENT_PAUSE_MS = 5_000


class State(enum.Enum):
    """How far one target of a step is."""

    DONE = "done"
    WAITING = "waiting"
    ORDER = "order"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Progress:
    """How far one target of a step is; ``order`` to give when the state is ORDER, ``reason`` when it is FAILED."""

    state: State
    order: Order | None = None
    reason: str = ""


DONE, WAITING = Progress(State.DONE), Progress(State.WAITING)


def failed(reason: str) -> Progress:
    """The target has failed."""
    return Progress(State.FAILED, reason=reason)


@dataclass(frozen=True, slots=True)
class Advance:
    """What a look leads to: orders, or the end of the step with its result."""

    work: Work
    orders: tuple[Order, ...] = ()
    result: Result | None = None
    reason: str = ""


def give(work: Work, order: Order, now_ms: int, trouble: str = "") -> Progress:
    """Give an order whose effect is not there. ``trouble``: the evidence that it has failed; empty: there is none.

    Gives it again after its pause, as often as its kind allows; then the target has failed.
    """
    tried = work.tried.get(order)
    if tried is None:
        return Progress(State.ORDER, order)
    again = AGAIN.get(order.verb, NOT_AGAIN)
    since_ms = now_ms - tried.at_ms
    if tried.answer is Answer.NOT_SENT:
        return Progress(State.ORDER, order) if since_ms >= NOT_SENT_PAUSE_MS else WAITING
    reason = tried.reason if tried.answer is Answer.REFUSED else trouble
    if not reason:
        return WAITING
    if tried.number > again.times:
        return failed(reason)
    return Progress(State.ORDER, order) if since_ms >= min(again.pause_ms, work.pace.pause_max_ms) else WAITING


def once(work: Work, order: Order, now_ms: int) -> Progress:
    """Give an order whose effect is not seen: the target is done when it was accepted."""
    tried = work.tried.get(order)
    return DONE if tried is not None and tried.answer is Answer.ACCEPTED else give(work, order, now_ms)


def answered(work: Work, order: Order, answer: Answer, reason: str, now_ms: int, error_before: str = "") -> Work:
    """The work after an order was answered, or could not be given."""
    before = work.tried.get(order, Tried())
    number = before.number + (answer is not Answer.NOT_SENT)
    return replace(work, tried={**work.tried, order: Tried(number, now_ms, answer, reason, error_before)})


def together(work: Work, progress: Iterable[Progress]) -> Advance:
    """All targets of the step: it has failed when one has, and succeeded when all have."""
    every = tuple(progress)
    reasons = [one.reason for one in every if one.state is State.FAILED]
    if reasons:
        return Advance(work, (), Result.FAILED, "; ".join(reasons))
    if all(one.state is State.DONE for one in every):
        return Advance(work, (), Result.SUCCESS)
    return Advance(work, tuple(one.order for one in every if one.order is not None))
