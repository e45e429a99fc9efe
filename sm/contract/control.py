# SPDX-License-Identifier: Apache-2.0
"""What programs of this node ask the daemon on its control socket, and the answers: one JSON object per line."""
from __future__ import annotations

import enum
from dataclasses import dataclass

from sm.contract.nodecommand import NodeAction, ServiceNode, Verdict
from sm.contract.states import (
    Administrative,
    Availability,
    Condition,
    GroupState,
    Impact,
    Operational,
    SchedulingState,
    ServiceState,
    Status,
)

SOCKET = "/run/sm/control"
REQUEST_MAX_BYTES = 16 * 1024
ANSWER_MAX_BYTES = 4 * 1024 * 1024
CHANGES_MAX = 50
DOMAIN = "controller"
"""The only service domain."""


class Verb(enum.StrEnum):
    """What is asked for; the fields of the request that count are in brackets."""

    STATUS = "status"
    EXPLAIN = "explain"
    """[group]"""
    SIMULATE = "simulate"
    """[changes]"""
    SWACT = "swact"
    """[node, force]"""
    FORCE_ACTIVE = "force-active"
    """[accept_loss]"""
    MAINTENANCE = "maintenance"
    """[maintenance]"""
    RESTART = "restart"
    """[service, alone]"""
    MANAGE = "manage"
    """[service]"""
    UNMANAGE = "unmanage"
    """[service]"""
    CONFIGURATION = "configuration"
    """[version]"""
    NODE = "node"
    """[administrative, operational, availability] of this node, as host maintenance knows them."""
    COMMAND = "command"
    """[node, action, administrative, operational, availability, in_sync]: what ``sm-api`` is asked to do with a node.
    The answer has a verdict."""
    SERVICE_NODE = "service-node"
    """[node]"""


@dataclass(frozen=True, slots=True)
class Request:
    """``id`` comes back in the answer. ``changes``: words of ``sm simulate``, at most CHANGES_MAX. ``in_sync``: whether
    both controllers have the same software deployment; True where that cannot be learned. ``origin``: who asks, for the
    journal."""

    id: str
    verb: Verb
    node: str = ""
    group: str = ""
    service: str = ""
    force: bool = False
    accept_loss: bool = False
    maintenance: bool = False
    alone: bool = False
    version: int = 0
    changes: tuple[str, ...] = ()
    administrative: Administrative = Administrative.UNKNOWN
    operational: Operational = Operational.UNKNOWN
    availability: Availability = Availability.UNKNOWN
    action: NodeAction | None = None
    in_sync: bool = True
    origin: str = ""


@dataclass(frozen=True, slots=True)
class NodeLine:
    """A voter as this node knows it. ``heard``: not silent now. ``out``: why it is certain that it is off. ``witness``:
    it votes and runs nothing, so it has no states."""

    name: str
    administrative: Administrative
    operational: Operational
    availability: Availability
    ready: Operational
    heard: bool
    leads: bool
    out: str = ""
    witness: bool = False


@dataclass(frozen=True, slots=True)
class GroupLine:
    """A group on a node, as that node told of it last."""

    name: str
    node: str
    desired: GroupState
    state: GroupState
    status: Status
    condition: Condition
    scheduling: SchedulingState
    reason: str


@dataclass(frozen=True, slots=True)
class ServiceLine:
    """A service on this node. ``impact``: of its failure on its group."""

    name: str
    group: str
    desired: ServiceState
    state: ServiceState
    status: Status
    condition: Condition
    managed: bool
    impact: Impact
    pid_file: str
    reason: str


@dataclass(frozen=True, slots=True)
class StatusReport:
    """All that the daemon of ``node`` knows. ``reason``: why it leads or does not. ``problems``: what is wrong with the
    daemon itself, in sentences. ``journal``: the latest decisions, the oldest first. ``domain``: its name.
    ``maintenance``: an operator wants nothing moved. ``current``: nodes whose data is current, as this one knows."""

    node: str
    leader: str
    term: int
    reason: str
    nodes: tuple[NodeLine, ...] = ()
    groups: tuple[GroupLine, ...] = ()
    services: tuple[ServiceLine, ...] = ()
    paths: dict[str, str] | None = None
    problems: tuple[str, ...] = ()
    journal: tuple[str, ...] = ()
    domain: str = DOMAIN
    maintenance: bool = False
    current: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Reply:
    """``refused``: why nothing was done; empty when it was. ``text``: for the operator."""

    id: str
    refused: str = ""
    text: str = ""
    status: StatusReport | None = None
    verdict: Verdict | None = None
    service_node: ServiceNode | None = None
