# SPDX-License-Identifier: Apache-2.0
"""The lists of nodes, groups and services that programs of this node show."""
from __future__ import annotations

from sm.contract.control import GroupLine, NodeLine, ServiceLine, StatusReport
from sm.contract.messages import NodeReport
from sm.contract.states import Impact
from sm.core.local.step import reports
from sm.core.model import Catalogue
from sm.core.node.ledger import peers_health
from sm.core.node.view import NodeView
from sm.core.wireform import report


def status(view: NodeView, catalogue: Catalogue, now_ms: int, paths: dict[str, str], problems: tuple[str, ...],
           journal: tuple[str, ...]) -> StatusReport:
    """What this node knows now."""
    domain = view.domain
    return StatusReport(view.me, domain.leader(now_ms), domain.durable.vote.term, domain.reason,
                        _nodes(view, now_ms), _groups(view, catalogue, now_ms), _services(view, catalogue),
                        paths, problems, journal, maintenance=view.book.maintenance.on,
                        current=tuple(sorted(domain.durable.record.members)))


def _nodes(view: NodeView, now_ms: int) -> tuple[NodeLine, ...]:
    found, leader = [], view.domain.leader(now_ms)
    for name in view.domain.config.voters:
        peer, void = view.peers.get(name), view.domain.void.get(name)
        told = view.standing.report if name == view.me else peer.report if peer is not None else NodeReport()
        found.append(NodeLine(name, told.administrative, told.operational, told.availability, told.ready,
                              name == view.me or not view.domain.silent(name, now_ms), name == leader,
                              void.proof.value if void is not None else "",
                              witness=name not in view.domain.config.nodes))
    return tuple(found)


def _groups(view: NodeView, catalogue: Catalogue, now_ms: int) -> tuple[GroupLine, ...]:
    own = reports(view.local, catalogue, view.me, peers_health(view, now_ms))
    told = {view.me: tuple(report(row, now_ms) for row in own)}
    told |= {name: view.peers[name].rows for name in view.domain.config.nodes if name in view.peers}
    return tuple(GroupLine(row.group, name, row.desired, row.state, row.status, row.condition, row.scheduling,
                           row.reason) for name in sorted(told) for row in told[name])


def _services(view: NodeView, catalogue: Catalogue) -> tuple[ServiceLine, ...]:
    impacts = {member.service: member.impact for group in catalogue.groups.values() for member in group.members}
    found = []
    for one in view.local.services.values():
        spec = catalogue.services.get(one.name)
        found.append(ServiceLine(one.name, one.group, one.desired, one.shown_state, one.status, one.condition,
                                 one.managed, impacts.get(one.name, Impact.NONE), spec.pid_file if spec else "",
                                 one.reason))
    return tuple(found)
