# SPDX-License-Identifier: Apache-2.0
"""What can happen to a host: the input of the state machine."""
from __future__ import annotations

from dataclasses import dataclass

from mtce.contract.records import MtcAlive, MtceHost
from mtce.contract.states import HostAction
from mtce.core.view import Level, Network


@dataclass(frozen=True, slots=True)
class Tick:
    """A timer of the view is due.

    ``bus_ok`` is false while even the own agent is not heard, ``pulses_ok`` while no heartbeat daemon reports:
    silence then proves nothing about the host. ``bus_open_ms`` is since when the bus has carried messages without
    a break, None while it may not.
    ``dead_office`` is true while hosts may still be booting after the site lost its power.
    """

    bus_ok: bool = True
    pulses_ok: bool = True
    bus_open_ms: int | None = None
    dead_office: bool = False


@dataclass(frozen=True, slots=True)
class Put:
    """Inventory added the host or renewed its record."""

    host: MtceHost
    is_new: bool


@dataclass(frozen=True, slots=True)
class Command:
    """An operator's action that was not refused."""

    action: HostAction
    request_id: str


@dataclass(frozen=True, slots=True)
class Alive:
    """An mtcAlive arrived: over the message bus, or past it over the cluster-host network."""

    alive: MtcAlive
    over_bus: bool = True


@dataclass(frozen=True, slots=True)
class RebootAnswer:
    """The reboot command was acknowledged by the agent, or could not be delivered."""

    command_id: str
    acknowledged: bool


@dataclass(frozen=True, slots=True)
class AgentResult:
    """A go-enabled run or a start or stop of host services ended."""

    boot_id: str
    command: str
    passed: bool
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Pulse:
    """The heartbeat level on one network is now ``level``."""

    network: Network
    level: Level
    epoch: int


@dataclass(frozen=True, slots=True)
class BmcAnswer:
    """A BMC command ended; ``power`` is ``on``, ``off`` or ``unknown`` when it was asked for."""

    command_id: str
    ok: bool
    power: str = "unknown"
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Resume:
    """The conductor restarted: answers to commands in flight are lost.

    ``controller_boot`` names the boot of the controller it runs on.
    """

    controller_boot: str = ""


Event = Tick | Put | Command | Alive | RebootAnswer | AgentResult | Pulse | BmcAnswer | Resume
