# SPDX-License-Identifier: Apache-2.0
"""States of nodes, groups and services, as clients and the store know them."""
from __future__ import annotations

import enum


class Administrative(enum.StrEnum):
    """Whether an operator permits a node to provide service."""

    UNKNOWN = "unknown"
    LOCKED = "locked"
    UNLOCKED = "unlocked"


class Operational(enum.StrEnum):
    """Whether host maintenance considers a node able to provide service; also the ready state."""

    UNKNOWN = "unknown"
    ENABLED = "enabled"
    DISABLED = "disabled"


class Availability(enum.StrEnum):
    """How well a node provides service, according to host maintenance."""

    UNKNOWN = "unknown"
    NONE = ""
    AVAILABLE = "available"
    DEGRADED = "degraded"
    FAILED = "failed"


class RedundancyModel(enum.StrEnum):
    """How many nodes run a group. ``N_PLUS_M``: exactly N active, up to M standby; ``N``: N active, no standby."""

    N = "N"
    N_PLUS_M = "N + M"


class GroupState(enum.StrEnum):
    """State and desired state of a group on one node."""

    INITIAL = "initial"
    UNKNOWN = "unknown"
    STANDBY = "standby"
    GO_STANDBY = "go-standby"
    GO_ACTIVE = "go-active"
    ACTIVE = "active"
    DISABLING = "disabling"
    DISABLED = "disabled"
    SHUTDOWN = "shutdown"


class ServiceState(enum.StrEnum):
    """State and desired state of a service on one node. Declared from low to high; ``rank`` compares."""

    INITIAL = "initial"
    UNKNOWN = "unknown"
    ENABLED_STANDBY = "enabled-standby"
    ENABLED_GO_STANDBY = "enabled-go-standby"
    ENABLED_GO_ACTIVE = "enabled-go-active"
    ENABLED_ACTIVE = "enabled-active"
    ENABLING_THROTTLE = "enabling-throttle"
    ENABLING = "enabling"
    DISABLING = "disabling"
    DISABLED = "disabled"
    SHUTDOWN = "shutdown"

    @property
    def rank(self) -> int:
        """Position in the order of declaration; go-active and go-standby dependencies compare ranks."""
        return list(type(self)).index(self)


class Status(enum.StrEnum):
    """Health of a group or service."""

    NONE = ""
    WARN = "warn"
    DEGRADED = "degraded"
    FAILED = "failed"


class Condition(enum.StrEnum):
    """The cause of a status."""

    NONE = ""
    DATA_INCONSISTENT = "data-inconsistent"
    DATA_OUTDATED = "data-outdated"
    DATA_CONSISTENT = "data-consistent"
    DATA_SYNCING = "data-syncing"
    DATA_STANDALONE = "data-standalone"
    RECOVERY_FAILURE = "recovery-failure"
    ACTION_FAILURE = "action-failure"
    FATAL_FAILURE = "fatal-failure"
    FD_LIMIT_REACHED = "FD-limit-reached"


class Impact(enum.StrEnum):
    """What a failed service means for its group."""

    NONE = "none"
    MINOR = "minor"
    MAJOR = "major"
    CRITICAL = "critical"


class OnFailure(enum.StrEnum):
    """What is done about a service that fails more often than it may be repaired in place.

    ``RESTART``: its impact on the group decides. ``DEGRADE``: the group is degraded at most, so it stays here.
    ``SWACT``: no repair in place, the first failure counts as too many. ``REBOOT``: this node is rebooted.
    ``IGNORE``: the group takes no notice. Whatever is done, the service is started again with growing pauses.
    """

    RESTART = "restart"
    DEGRADE = "degrade"
    SWACT = "swact"
    REBOOT = "reboot"
    IGNORE = "ignore"


class ServiceAction(enum.StrEnum):
    """What a plug-in can do with a service."""

    ENABLE = "enable"
    DISABLE = "disable"
    GO_ACTIVE = "go-active"
    GO_STANDBY = "go-standby"
    AUDIT_ENABLED = "audit-enabled"
    AUDIT_DISABLED = "audit-disabled"


AUDITS = frozenset({ServiceAction.AUDIT_ENABLED, ServiceAction.AUDIT_DISABLED})
"""Those that only look."""


class ActionResult(enum.StrEnum):
    """How an attempt of an action ended. ``FATAL`` stops the service for good."""

    SUCCESS = "success"
    FAILED = "failed"
    FATAL = "fatal"
    TIMEOUT = "timeout"


class DependencyKind(enum.StrEnum):
    """``ACTION``: checked before an action starts. ``STATE``: must hold for as long as the service is enabled."""

    ACTION = "action"
    STATE = "state"


class PluginKind(enum.StrEnum):
    """What executes the actions of a service."""

    SYSTEMD = "systemd"
    OCF = "ocf-script"
    LSB = "lsb-script"
    EXEC = "exec"
    HTTP = "http"
    TCP = "tcp"
    ADDRESS = "address"


class SchedulingState(enum.StrEnum):
    """A move of an assignment that has begun and has not ended. ``MOVE``: to a better node, asked for by nobody."""

    NONE = "none"
    MOVE = "move"
    SWACT = "swact"
    SWACT_FORCE = "swact-force"
    DISABLE = "disable"
    DISABLE_FORCE = "disable-force"


class PathState(enum.StrEnum):
    """A messaging path of a node. ``MISSING_HEARTBEAT``: carrier is up, but nothing is heard from the peer."""

    UNKNOWN = "unknown"
    OK = "ok"
    MISSING_HEARTBEAT = "missing-heartbeat"
    DOWN = "down"


class Policy(enum.StrEnum):
    """What happens when the peer is silent and nothing confirms its end.

    ``FREEZE``: the active node stays active, the standby waits for a fence, a witness or an operator.
    ``PROMOTE``: the active node stops before its lease ends, and the standby is promoted after it.
    """

    FREEZE = "freeze"
    PROMOTE = "promote"
