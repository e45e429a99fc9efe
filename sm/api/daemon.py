# SPDX-License-Identifier: Apache-2.0
"""What sm-api asks the daemon of its node, and the rows of its lists."""
from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any

from sm.client.control import ask
from sm.contract.control import Reply, Request, StatusReport, Verb
from sm.contract.nodecommand import ServiceNode

NAMES = uuid.UUID("3d3b8ba0-66d5-4d5b-9c21-6d1f4c3d7c11")
"""Name space of the identifiers of groups on nodes, so that both controllers give the same."""
Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Daemon:
    """The daemon behind a control socket. Every question raises Unavailable when it does not answer in time."""

    socket: str
    answer_s: float

    def ask(self, request: Request) -> Reply:
        """Ask anything. Refused: the daemon gives the reason."""
        return ask(request, self.socket, self.answer_s)

    def status(self) -> StatusReport:
        """All that the daemon knows."""
        found = self.ask(Request("", Verb.STATUS)).status
        assert found is not None  # noqa: S101 - the answer to this question has one
        return found

    def service_node(self, hostname: str) -> ServiceNode:
        """States of one node; unknown ones of a host that is no node."""
        return self.ask(Request("", Verb.SERVICE_NODE, node=hostname)).service_node or ServiceNode(hostname)

    def trouble(self) -> str | None:
        """For the health check."""
        self.service_node("")
        return None


def services(report: StatusReport) -> list[Row]:
    """The services of this node."""
    return [{"id": number, "name": line.name, "desired_state": line.desired.value, "state": line.state.value,
             "status": line.status.value}
            for number, line in enumerate(sorted(report.services, key=lambda line: line.name), 1)]


def nodes(report: StatusReport) -> list[Row]:
    """The controllers, also one that was never heard. A witness is none."""
    return [{"id": number, "name": line.name, "administrative_state": line.administrative.value,
             "operational_state": line.operational.value, "availability_status": line.availability.value,
             "ready_state": line.ready.value}
            for number, line in enumerate(sorted((line for line in report.nodes if not line.witness),
                                                 key=lambda line: line.name), 1)]


def service_groups(report: StatusReport) -> list[Row]:
    """Every group on every node."""
    return [{"id": number, "uuid": str(uuid.uuid5(NAMES, f"{report.domain}/{line.name}/{line.node}")),
             "name": report.domain, "node_name": line.node, "service_group_name": line.name,
             "desired_state": line.desired.value, "state": line.state.value, "status": line.status.value,
             "condition": line.condition.value}
            for number, line in enumerate(sorted(report.groups, key=lambda line: (line.name, line.node)), 1)]
