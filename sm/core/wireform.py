# SPDX-License-Identifier: Apache-2.0
"""Records of decisions as they travel, and back: ``sm.contract.messages`` knows none of them."""
from __future__ import annotations

from flock.core.records import replace
from sm.contract import messages
from sm.contract.messages import AssignmentReport, DataRecord, Echo, GroupOrder
from sm.core.cluster import Assignment, Decision, Health
from sm.core.domain import view
from sm.core.events import Order


def with_domain(message: messages.Beat, beat: view.Beat) -> messages.Beat:
    """The message that tells all of a beat of the domain; what else ``message`` holds stays."""
    return replace(
        message, node=beat.node, boot=beat.boot, sent_ms=beat.sent_ms, term=beat.vote.term,
        echoes={node: Echo(boot, sent_ms) for node, (boot, sent_ms) in beat.echoes.items()},
        vote=messages.Vote(beat.vote.term, beat.vote.holder), record=_record_out(beat.record),
        claims=beat.claims, leading=beat.leading, alone=beat.alone, accepts_loss=beat.accepts_loss, active=beat.active,
        eligible=beat.eligible, hears=tuple(sorted(beat.hears)), follows=beat.follows,
        fenced=tuple(sorted(beat.fenced)), pausing_ms=beat.pausing_ms, departing_ms=beat.departing_ms)


def domain_beat(message: messages.Beat) -> view.Beat:
    """What a message tells the domain."""
    return view.Beat(
        node=message.node, boot=message.boot, sent_ms=message.sent_ms,
        echoes={node: (echo.boot, echo.sent_ms) for node, echo in message.echoes.items()},
        vote=view.Vote(message.vote.term, message.vote.holder),
        record=view.Record(message.record.term, message.record.revision, frozenset(message.record.members)),
        claims=message.claims, leading=message.leading, alone=message.alone, accepts_loss=message.accepts_loss,
        active=message.active, eligible=message.eligible, hears=frozenset(message.hears), follows=message.follows,
        fenced=frozenset(message.fenced), pausing_ms=message.pausing_ms, departing_ms=message.departing_ms)


def report(assignment: Assignment, now_ms: int) -> AssignmentReport:
    """An assignment of this node for the others, whose clocks are different ones."""
    health = assignment.health
    return AssignmentReport(assignment.group, assignment.desired, assignment.state, assignment.status,
                            assignment.condition, health.failed, health.degraded, health.warned, assignment.scheduling,
                            max(0, now_ms - assignment.changed_ms), assignment.reason)


def assignment(told: AssignmentReport, node: str, now_ms: int) -> Assignment:
    """The assignment that ``node`` has told of."""
    return Assignment(told.group, node, told.desired, told.state, told.status, told.condition,
                      Health(told.failed, told.degraded, told.warned), told.scheduling, now_ms - told.age_ms,
                      told.reason)


def group_order(group: str, decision: Decision, number: int) -> GroupOrder:
    """The order to a node that a decision of the leader amounts to."""
    return GroupOrder(group, decision.desired, number, decision.recover, decision.clear_fatal, decision.escalate,
                      decision.scheduling, decision.reason)


def order(told: GroupOrder) -> Order:
    """An order of the leader for the engine of the group."""
    return Order(told.group, told.desired, told.recover, told.clear_fatal, told.escalate)


def _record_out(record: view.Record) -> DataRecord:
    return DataRecord(record.term, record.revision, tuple(sorted(record.members)))
