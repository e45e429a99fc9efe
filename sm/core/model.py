# SPDX-License-Identifier: Apache-2.0
"""The catalogue as decisions see it: groups, services, dependencies. Immutable; a change makes a new catalogue."""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from sm.contract.states import (
    ActionResult,
    Condition,
    DependencyKind,
    Impact,
    OnFailure,
    PluginKind,
    RedundancyModel,
    ServiceAction,
    ServiceState,
    Status,
)
from sm.core.cycles import without_cycles

# Rows of the catalogue that hold for every plug-in or command without a row of its own.
DEFAULT = "default"


@dataclass(frozen=True, slots=True)
class Retries:
    """How often an action is tried again after a failure, after a time-out, and in all."""

    failure: int = 0
    timeout: int = 0
    total: int = 0


@dataclass(frozen=True, slots=True)
class ActionSpec:
    """How one action of a service is executed. ``interval_s``: the period of an audit; 0 for other actions.

    ``plugin``, ``provider`` and ``name`` say what is executed: for OCF the provider and the agent, for LSB the script,
    for systemd the unit; ``command`` is the plug-in's word for the action, such as ``monitor``.
    """

    action: ServiceAction
    plugin: PluginKind
    name: str
    command: str
    timeout_s: int
    provider: str = ""
    parameters: Mapping[str, str] = field(default_factory=dict)
    retries: Retries = Retries()
    interval_s: int = 0


@dataclass(frozen=True, slots=True)
class ServiceSpec:
    """One service. Limits: failures while active that are repaired in place, one of which is forgiven after each
    ``fail_countdown_interval_ms``; failed actions in a row; failed transitions.

    ``instance``: the name that an OCF agent is given; empty for the service's own. ``program``: the name of the program
    whose process ``pid_file`` names; empty when it is not checked. ``user``: the account that may report the service's
    events besides root; empty for none.
    """

    name: str
    actions: Mapping[ServiceAction, ActionSpec]
    max_failures: int = 2
    fail_countdown: int = 1
    fail_countdown_interval_ms: int = 90_000
    max_action_failures: int = 4
    max_transition_failures: int = 16
    pid_file: str = ""
    parameters: Mapping[str, str] = field(default_factory=dict)
    on_failure: OnFailure = OnFailure.RESTART
    instance: str = ""
    program: str = ""
    user: str = ""

    @property
    def has_standby(self) -> bool:
        """Whether something of the service runs on the standby node."""
        return ServiceAction.GO_ACTIVE in self.actions

    @property
    def restarts_to_stand_by(self) -> bool:
        """Whether the service is stopped and started anew to stand by. Nothing waits for that start: what makes another
        node active is that it has stopped here, and its data is judged by who has all of it."""
        return self.has_standby and ServiceAction.GO_STANDBY not in self.actions


@dataclass(frozen=True, slots=True)
class MemberSpec:
    """A service of a group, and what its failure means for the group."""

    service: str
    impact: Impact


@dataclass(frozen=True, slots=True)
class GroupSpec:
    """Services that are active on the same node. Groups of one ``aggregate`` move together; empty: moves alone.

    ``preferred``: nodes from best to worst; the group goes back to a better one after that has recovered. Empty, the
    default: it stays where it is.
    """

    name: str
    model: RedundancyModel
    n_active: int
    m_standby: int
    members: tuple[MemberSpec, ...]
    aggregate: str = ""
    failure_debounce_ms: int = 300_000
    fatal_error_reboot: bool = False
    preferred: tuple[str, ...] = ()

    @property
    def movable(self) -> bool:
        """Whether a swact moves the group."""
        return self.model is RedundancyModel.N_PLUS_M


@dataclass(frozen=True, slots=True)
class Dependency:
    """Before ``service`` runs ``action``, ``dependent`` must be in ``state``."""

    service: str
    action: ServiceAction
    dependent: str
    state: ServiceState
    kind: DependencyKind = DependencyKind.ACTION


@dataclass(frozen=True, slots=True)
class ResultRow:
    """What it means when ``command`` of ``name``, executed by ``plugin``, ends with ``code``.

    ``name`` and ``command`` may be ``DEFAULT``. ``code`` is a decimal exit code, or ``plugin-failure``,
    ``plugin-timeout``, ``other``. A state, status or condition of None leaves it as it is; the state of a successful
    enable or disable then follows from the action.
    """

    plugin: PluginKind
    name: str
    command: str
    code: str
    result: ActionResult
    state: ServiceState | None = None
    status: Status | None = None
    condition: Condition | None = None


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """Active monitoring of a service: ``message`` is sent every ``interval_ms`` as a datagram, and any reply counts.

    ``family`` is ``unix`` or ``udp``; addresses are paths, or ``address port`` for UDP. A status follows when more
    than that many replies in a row are missed.
    """

    service: str
    family: str
    source: str
    destination: str
    message: str
    interval_ms: int
    missed_warn: int
    missed_degrade: int
    missed_fail: int


@dataclass(frozen=True, slots=True)
class Catalogue:
    """All that is provisioned on this system. Dependencies on services that are not provisioned are left out.

    ``of`` and ``naming`` also leave out dependencies that close a cycle, listed in ``closing``: a catalogue with cycles
    is refused before it gets here, and one that does get here must not keep services waiting for each other.
    """

    groups: Mapping[str, GroupSpec]
    services: Mapping[str, ServiceSpec]
    dependencies: tuple[Dependency, ...] = ()
    enabling_max: int = 1000
    results: tuple[ResultRow, ...] = ()
    heartbeats: tuple[Heartbeat, ...] = ()

    closing: tuple[Dependency, ...] = field(init=False, repr=False, compare=False)
    _rows: Mapping[tuple[str, ServiceAction], tuple[Dependency, ...]] = field(init=False, repr=False, compare=False)
    _own: Mapping[str, tuple[Dependency, ...]] = field(init=False, repr=False, compare=False)
    _users: Mapping[str, tuple[Dependency, ...]] = field(init=False, repr=False, compare=False)
    _groups: Mapping[str, GroupSpec] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        rows: dict[tuple[str, ServiceAction], list[Dependency]] = {}
        own: dict[str, list[Dependency]] = {}
        users: dict[str, list[Dependency]] = {}
        kept, closing = without_cycles(self.dependencies)
        for row in kept:
            rows.setdefault((row.service, row.action), []).append(row)
            own.setdefault(row.service, []).append(row)
            users.setdefault(row.dependent, []).append(row)
        groups: dict[str, GroupSpec] = {}
        for group in self.groups.values():
            for member in group.members:
                groups.setdefault(member.service, group)
        object.__setattr__(self, "closing", tuple(closing))
        object.__setattr__(self, "_rows", {key: tuple(found) for key, found in rows.items()})
        object.__setattr__(self, "_own", {name: tuple(found) for name, found in own.items()})
        object.__setattr__(self, "_users", {name: tuple(found) for name, found in users.items()})
        object.__setattr__(self, "_groups", groups)

    def of(self, service: str, action: ServiceAction) -> tuple[Dependency, ...]:
        """The dependencies of one action of one service."""
        return self._rows.get((service, action), ())

    def rows_of(self, service: str) -> tuple[Dependency, ...]:
        """The dependencies of all actions of one service."""
        return self._own.get(service, ())

    def naming(self, dependent: str) -> tuple[Dependency, ...]:
        """The dependencies of other services on this one."""
        return self._users.get(dependent, ())

    def group_of(self, service: str) -> GroupSpec | None:
        """The group that a service belongs to; the first where several name it."""
        return self._groups.get(service)
