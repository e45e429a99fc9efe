# SPDX-License-Identifier: Apache-2.0
"""The view on which every decision about releases and their deployment is made."""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from patching.contract.states import AgentState, DeployState, Direction, HostState, Owner, ReleaseState, ReleaseStatus
from patching.contract.version import Version


@dataclass(frozen=True, slots=True)
class Release:
    """One release on the system. ``requires``: ids of releases without which it cannot be deployed."""

    id: str
    version: Version
    state: ReleaseState
    component: str = "starlingx"
    status: ReleaseStatus = ReleaseStatus.RELEASED
    reboot_required: bool = True
    unremovable: bool = False
    requires: tuple[str, ...] = ()


def in_service(administrative: str, operational: str, availability: str) -> bool:
    """Whether a host with these states is unlocked and does its work."""
    return (administrative, operational) == ("unlocked", "enabled") and availability in ("available", "degraded")


@dataclass(frozen=True, slots=True)
class Host:
    """What inventory, host maintenance and the host's agent say of a host.

    ``personality``: controller, storage or worker. ``agent``: None when the agent has not reported lately.
    """

    id: int
    hostname: str
    personality: str
    administrative: str = "unlocked"
    operational: str = "enabled"
    availability: str = "available"
    agent: AgentState | None = AgentState.IDLE

    @property
    def is_locked_online(self) -> bool:
        """Whether it may be rebooted into other software: it does no work, and it hears us."""
        return self.administrative == "locked" and self.availability == "online"

    @property
    def is_in_service(self) -> bool:
        """Unlocked, and doing its work."""
        return in_service(self.administrative, self.operational, self.availability)


@dataclass(frozen=True, slots=True)
class HostRow:
    """A host in the deployment. ``attempt`` counts installations, also those of a rollback: the result of an earlier
    one is dropped. ``since_ms``: when the state began."""

    hostname: str
    state: HostState = HostState.PENDING
    attempt: int = 0
    since_ms: int = 0
    error: str = ""


@dataclass(frozen=True, slots=True)
class Deploy:
    """The deployment. ``from_release`` and ``to_release`` change places when it is aborted, so that ``to_release`` is
    always where the system is heading. ``covers``: ids of all releases that it adds or takes away, in order.
    ``attempt`` counts the runs of its scripts: the result of an earlier run is dropped."""

    from_release: Version
    to_release: Version
    state: DeployState
    covers: tuple[str, ...]
    direction: Direction = Direction.APPLY
    owner: Owner = Owner.USM
    reboot_required: bool = True
    is_aborted: bool = False
    attempt: int = 0
    commit_id: str = ""
    options: Mapping[str, str] = field(default_factory=dict)
    error: str = ""

    @property
    def is_major(self) -> bool:
        """Whether the major release changes."""
        return not self.from_release.same_major(self.to_release)


@dataclass(frozen=True, slots=True)
class Precheck:
    """The result of the last precheck. ``relaxed``: alarms that do not affect management were ignored."""

    release: str
    is_healthy: bool
    at_ms: int
    relaxed: bool = False
    text: str = ""


@dataclass(frozen=True, slots=True)
class View:
    """Everything. ``releases`` by id, ``rows`` and ``hosts`` by host name. ``running``: the version of the system.

    ``active``: the controller on which this is decided. ``in_sync``: the other controller holds the same content;
    True where there is none.
    """

    running: Version
    releases: Mapping[str, Release] = field(default_factory=dict)
    hosts: Mapping[str, Host] = field(default_factory=dict)
    deploy: Deploy | None = None
    rows: Mapping[str, HostRow] = field(default_factory=dict)
    precheck: Precheck | None = None
    active: str = "controller-0"
    in_sync: bool = True
