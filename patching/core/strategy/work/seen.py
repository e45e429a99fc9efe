# SPDX-License-Identifier: Apache-2.0
"""What a step sees of the system while it is carried out."""
from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field

from patching.contract.states import DeployState, HostState
from patching.contract.version import Version
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

    @property
    def is_in_service(self) -> bool:
        """Unlocked, and doing its work."""
        return ((self.administrative, self.operational) == ("unlocked", "enabled")
                and self.availability in ("available", "degraded"))

    @property
    def text(self) -> str:
        """Its name and states."""
        return f"{self.hostname} ({self.administrative}-{self.operational}-{self.availability})"


@dataclass(frozen=True, slots=True)
class SeenRelease:
    """A release on the system."""

    version: Version
    state: str
    reboot_required: bool


@dataclass(frozen=True, slots=True)
class SeenSoftware:
    """Releases by id, and the deployment: ``state`` None where there is none; ``hosts`` and why they failed by name.
    ``covers``: ids of the releases that it adds or takes away."""

    running: Version
    releases: Mapping[str, SeenRelease] = field(default_factory=dict)
    state: DeployState | None = None
    covers: tuple[str, ...] = ()
    is_aborted: bool = False
    is_major: bool = False
    reboot_required: bool = True
    error: str = ""
    hosts: Mapping[str, HostState] = field(default_factory=dict)
    host_errors: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Seen:
    """The parts that a step has asked for; the others are empty."""

    hosts: Mapping[str, SeenHost] = field(default_factory=dict)
    software: SeenSoftware = field(default_factory=lambda: SeenSoftware(Version((0, 0, 0), "0.0.0")))
    alarms: tuple[Alarm, ...] = ()
    instances: Mapping[str, Instance] = field(default_factory=dict)
    aggregates: Mapping[str, frozenset[str]] = field(default_factory=dict)
