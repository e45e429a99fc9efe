# SPDX-License-Identifier: Apache-2.0
"""Between what travels and what the decisions work with."""
from __future__ import annotations

from sm.contract import messages
from sm.contract.messages import Agreement, AssignmentReport, DataRecord, Echo
from sm.core.cluster import Assignment, Health
from sm.core.domain import view as domain


def heard(beat: messages.Beat) -> domain.Beat:
    """The agreement's part of a beat that came."""
    told = beat.agreement
    return domain.Beat(
        node=beat.node, boot=beat.boot, sent_ms=beat.sent_ms,
        echoes={name: (echo.boot, echo.sent_ms) for name, echo in beat.echoes.items()},
        vote=domain.Vote(told.vote.term, told.vote.holder),
        record=domain.Record(told.record.term, told.record.revision, frozenset(told.record.members)),
        claims=told.claims, leading=told.leading, alone=told.alone, accepts_loss=told.accepts_loss, active=told.active,
        eligible=told.eligible, hears=frozenset(told.hears), follows=told.follows, fenced=frozenset(told.fenced),
        pausing_ms=beat.pausing_ms)


def agreement(beat: domain.Beat) -> Agreement:
    """What a beat tells of the lease."""
    record = DataRecord(beat.record.term, beat.record.revision, tuple(sorted(beat.record.members)))
    return Agreement(messages.Vote(beat.vote.term, beat.vote.holder), record, beat.claims, beat.leading, beat.alone,
                     beat.accepts_loss, beat.active, beat.eligible, tuple(sorted(beat.hears)), beat.follows,
                     tuple(sorted(beat.fenced)))


def echoes(beat: domain.Beat) -> dict[str, Echo]:
    """What was heard last of the others."""
    return {name: Echo(boot, sent_ms) for name, (boot, sent_ms) in beat.echoes.items()}


def report(row: Assignment) -> AssignmentReport:
    """An assignment of this node for the others; without a time, which would change it at every moment."""
    return AssignmentReport(row.group, row.desired, row.state, row.status, row.condition, row.health.failed,
                            row.health.degraded, row.health.warned, reason=row.reason)


def health(row: AssignmentReport) -> Health:
    """The health that a report counts."""
    return Health(row.failed, row.degraded, row.warned)
