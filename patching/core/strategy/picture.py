# SPDX-License-Identifier: Apache-2.0
"""The picture of the system from which a strategy is built."""
from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class PlannedHost:
    """A host. ``is_aio``: a controller that is also a worker. ``is_deployed``: it runs the wanted software already.
    ``replication_group``: storage hosts of one group hold copies of the same data."""

    id: int
    hostname: str
    personality: str
    is_aio: bool = False
    is_active: bool = False
    is_deployed: bool = False
    administrative: str = "unlocked"
    operational: str = "enabled"
    availability: str = "available"
    replication_group: str = ""

    @property
    def is_in_service(self) -> bool:
        """Unlocked, enabled and available."""
        return (self.administrative, self.operational, self.availability) == ("unlocked", "enabled", "available")

    @property
    def is_locked(self) -> bool:
        """Locked by an operator."""
        return self.administrative == "locked"


class InstanceState(enum.StrEnum):
    """What an instance does. ``moved``: it runs on another host, which must be confirmed."""

    RUNNING = "running"
    STOPPED = "stopped"
    MOVING = "moving"
    MOVED = "moved"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Instance:
    """A virtual machine, or a pod. ``is_locked``: it was stopped by its user, and is never touched. ``apart``: names of
    the anti-affinity groups whose members may not go down together. ``can_stop``: it can be stopped and started where
    it is. ``move_limit_s``: how long it may take to move. ``stays``: why it can never be moved; empty: it can.
    ``trouble``: why the last move that was ordered here has failed."""

    id: str
    host: str
    is_locked: bool = False
    apart: frozenset[str] = frozenset()
    state: InstanceState = InstanceState.RUNNING
    can_stop: bool = True
    move_limit_s: int = 800
    stays: str = ""
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class Alarm:
    """An active alarm."""

    id: str
    entity: str
    affects_management: bool = True


@dataclass(frozen=True, slots=True)
class Picture:
    """The system. ``deploy_state``: of the deployment, "" where there is none; ``was_activated``: its activation
    scripts have run. ``aggregates``: hosts by the name of each."""

    hosts: tuple[PlannedHost, ...]
    instances: tuple[Instance, ...] = ()
    aggregates: Mapping[str, frozenset[str]] = field(default_factory=dict)
    alarms: tuple[Alarm, ...] = ()
    deploy_state: str = ""
    was_activated: bool = False
    reboot_required: bool = True
    is_major: bool = False
    _on_host: dict[str, list[Instance]] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        # Asked for every host of every stage; a search each time would grow with hosts times instances.
        for one in self.instances:
            if not one.is_locked:
                self._on_host.setdefault(one.host, []).append(one)

    @property
    def is_simplex(self) -> bool:
        """Whether there is one controller."""
        return sum(host.personality == "controller" for host in self.hosts) == 1

    def instances_of(self, hostname: str) -> tuple[Instance, ...]:
        """The instances that a reboot of the host would stop."""
        return tuple(self._on_host.get(hostname, ()))
