# SPDX-License-Identifier: Apache-2.0
"""What a step sees of the system while it is carried out."""
from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field

from patching.contract.states import AgentState, DeployState, HostState
from patching.contract.version import Version
from patching.core.model import Deploy, Host, HostRow, Release, in_service
from patching.core.strategy.picture import Alarm, Instance


class Part(enum.Enum):
    """What of the system is looked at."""

    HOSTS = "hosts"
    SOFTWARE = "software"
    ALARMS = "alarms"
    INSTANCES = "instances"


@dataclass(frozen=True, slots=True)
class SeenHost:
    """A host in the inventory. ``is_busy``: an action on it is under way. ``error``: why it or its last action failed,
    with the time; empty when neither did. ``replication_group``: of a storage host."""

    id: int
    hostname: str
    personality: str
    administrative: str
    operational: str
    availability: str
    is_aio: bool = False
    is_active: bool = False
    is_busy: bool = False
    uptime_s: int = 0
    error: str = ""
    replication_group: str = ""

    def with_agent(self, agent: AgentState | None) -> Host:
        """The host on which deployments are decided; ``agent``: None when it has not reported lately."""
        return Host(self.id, self.hostname, self.personality, self.administrative, self.operational,
                    self.availability, agent)

    @property
    def is_in_service(self) -> bool:
        """Unlocked, and doing its work."""
        return in_service(self.administrative, self.operational, self.availability)

    @property
    def text(self) -> str:
        """Its name and states."""
        return f"{self.hostname} ({self.administrative}-{self.operational}-{self.availability})"


@dataclass(frozen=True, slots=True)
class SeenSoftware:
    """Releases by id, and the deployment with its hosts by name. ``running``: the version of the system."""

    running: Version
    releases: Mapping[str, Release] = field(default_factory=dict)
    deploy: Deploy | None = None
    rows: Mapping[str, HostRow] = field(default_factory=dict)

    @property
    def state(self) -> DeployState | None:
        """State of the deployment; None where there is none."""
        return None if self.deploy is None else self.deploy.state

    @property
    def error(self) -> str:
        """Why the last run of the deployment's scripts failed; empty when it did not."""
        return "" if self.deploy is None else self.deploy.error

    def host(self, hostname: str) -> HostState | None:
        """State of a host in the deployment; None for one that is not in it."""
        row = self.rows.get(hostname)
        return None if row is None else row.state


NO_SOFTWARE = SeenSoftware(Version((0, 0, 0), "0.0.0"))


@dataclass(frozen=True, slots=True)
class Seen:
    """The parts that a step has asked for; the others are empty."""

    hosts: Mapping[str, SeenHost] = field(default_factory=dict)
    software: SeenSoftware = NO_SOFTWARE
    alarms: tuple[Alarm, ...] = ()
    instances: Mapping[str, Instance] = field(default_factory=dict)
    aggregates: Mapping[str, frozenset[str]] = field(default_factory=dict)
