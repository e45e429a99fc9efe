# SPDX-License-Identifier: Apache-2.0
"""What ``sm-api`` asks of a node: checks, swacts, and the states that host maintenance tells."""
from __future__ import annotations

import uuid
from typing import Protocol

from flock.core.errors import InvalidInput, Refused
from flock.core.records import replace
from sm.contract.control import Reply, Request
from sm.contract.messages import NodeReport
from sm.contract.nodecommand import SWACTS, TELLS, NodeAction
from sm.contract.states import Administrative, Operational
from sm.core.domain.step import fencing
from sm.core.model import Catalogue
from sm.core.node import ledger
from sm.core.node.running import running
from sm.core.node.step import Event
from sm.core.node.view import NodeTold, NodeView, Swact
from sm.core.servicenode import service_node
from sm.core.swact import check
from sm.daemon.faults import Faults


class Node(Protocol):
    """What these commands need of the daemon."""

    @property
    def view(self) -> NodeView:
        """The present view."""

    @property
    def catalogue(self) -> Catalogue:
        """The present catalogue."""

    @property
    def faults(self) -> Faults:
        """What is said to fault management."""

    def now_ms(self) -> int:
        """The monotonic clock."""

    def feed(self, event: Event) -> None:
        """Have the step take in an event."""

    def note(self, text: str) -> None:
        """Write into the journal."""

    def set_report(self, report: NodeReport) -> None:
        """Store the states of this node. FlockError: they cannot be stored."""


def shown(node: Node, request: Request) -> Reply:
    """The states of one node, and whether it provides service."""
    found = service_node(ledger.cluster(node.view, node.catalogue, node.now_ms()), request.node)
    return Reply(request.id, service_node=replace(found, fencing=fencing(node.view.domain, request.node,
                                                                         node.now_ms())))


def commanded(node: Node, request: Request) -> Reply:
    """Check and carry out a command; the verdict says what became of it. Refused: another node leads."""
    action = request.action
    if action is None:
        raise InvalidInput(field="action", rule="must be given")
    if not (action in TELLS and request.node == node.view.me):
        leads(node, action)
    if action in TELLS:
        _known(request)
    cluster = ledger.cluster(node.view, node.catalogue, node.now_ms())
    verdict = check(cluster, request.node, action, running(node.view, node.catalogue, cluster, request.node),
                    request.in_sync)
    if verdict.allowed and action in SWACTS:
        node.note(f"a swact away from {request.node} is asked for{f' by {request.origin}' if request.origin else ''}"
                  f"{', by force' if action is NodeAction.SWACT_FORCE else ''}")
        node.faults.swact(request.node, action is NodeAction.SWACT_FORCE)
        node.feed(Swact(request.node, action is NodeAction.SWACT_FORCE))
    elif verdict.allowed and action in TELLS:
        _tell(node, request)
    return Reply(request.id, verdict=verdict, service_node=service_node(
        ledger.cluster(node.view, node.catalogue, node.now_ms()), request.node))


def leads(node: Node, what: str) -> None:
    """Refused, with the name of the leader, on a node that does not lead."""
    domain = node.view.domain
    if not domain.leading:
        leader = domain.leader(node.now_ms())
        raise Refused(detail=f"'{what}' is the leader's work; {f'ask {leader}' if leader else 'nobody leads'}")


def _known(request: Request) -> None:
    for field, value, unknown in (("admin", request.administrative, Administrative.UNKNOWN),
                                  ("oper", request.operational, Operational.UNKNOWN)):
        if value is unknown:
            raise InvalidInput(field=field, rule="must be known")


def _tell(node: Node, request: Request) -> None:
    report = NodeReport(request.administrative, request.operational, request.availability)
    if request.node == node.view.me:
        node.set_report(report)
    else:
        node.feed(NodeTold(request.node, NodeReport(report.administrative, report.operational, report.availability,
                                                    state_uuid=str(uuid.uuid4()))))
    node.note(f"{request.node} is {report.administrative}, {report.operational}, {report.availability or 'no more'}"
              f"{f', says {request.origin}' if request.origin else ''}")
