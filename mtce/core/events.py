# SPDX-License-Identifier: Apache-2.0
"""Events of a host: the input of the state machine."""
from __future__ import annotations

from dataclasses import dataclass

from mtce.contract.records import MtcAlive, MtceHost
from mtce.contract.states import HostAction
from mtce.core.view import Alarm, Level, Network
from sm.contract.nodecommand import Fencing


@dataclass(frozen=True, slots=True)
class Tick:
    """A timer of the view is due.

    ``bus_ok`` is false while the bus delivers nothing, not even the conductor's echo, ``pulses_ok`` while
    mtce-heartbeat does not report: silence then proves nothing about the host. ``bus_open_ms`` is since when the bus
    has delivered messages without a gap, None while it may be broken.
    ``dead_office`` is true while hosts may still be booting after a power failure of the site.
    """

    bus_ok: bool = True
    pulses_ok: bool = True
    bus_open_ms: int | None = None
    dead_office: bool = False


@dataclass(frozen=True, slots=True)
class Put:
    """sysinv added the host or updated its record.

    ``controller_boot``: with a new host, the boot of the controller that the conductor runs on, as in ``Resume``.
    """

    host: MtceHost
    is_new: bool
    controller_boot: str = ""


@dataclass(frozen=True, slots=True)
class Command:
    """An accepted action of the operator."""

    action: HostAction
    request_id: str


@dataclass(frozen=True, slots=True)
class Alive:
    """An mtcAlive arrived, over the message bus or over the cluster-host network."""

    alive: MtcAlive
    over_bus: bool = True


@dataclass(frozen=True, slots=True)
class RebootAnswer:
    """The agent acknowledged the reboot command, or it could not be delivered."""

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
    """A BMC command ended; ``power`` is ``on``, ``off`` or ``unknown`` after a query."""

    command_id: str
    ok: bool
    power: str = "unknown"
    reason: str = ""


@dataclass(frozen=True, slots=True)
class ManagerAnswer:
    """Service management has answered, or not (``ok`` false, with the ``reason``). ``active``: whether the host
    provides service that a swact moves; None where that was not the question."""

    command_id: str
    ok: bool
    active: bool | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Sensed:
    """What the host's sensors mean for it now: a level, sent after each reading and each change of their settings.

    ``alarms`` are all alarms about its sensors, ``logs`` customer logs, each as id, entity suffix and severity.
    ``strike`` (``reset``, ``power-cycle`` or empty) is what the critical sensor ``cause`` asks for.
    """

    alarms: tuple[Alarm, ...] = ()
    degraded: bool = False
    logs: tuple[Alarm, ...] = ()
    strike: str = ""
    cause: str = ""


@dataclass(frozen=True, slots=True)
class Claimed:
    """Somebody else still claims ``address``, which the host needs to be heard on ``network``, for ``mac``."""

    address: str
    mac: str
    network: Network


@dataclass(frozen=True, slots=True)
class Guarded:
    """Service management has said what it does with a controller that is silent."""

    fencing: Fencing


@dataclass(frozen=True, slots=True)
class Resume:
    """The conductor restarted: answers to commands in flight are lost.

    ``controller_boot`` names the boot of the controller it runs on.
    """

    controller_boot: str = ""


@dataclass(frozen=True, slots=True)
class Resync:
    """An operator repairs the host's record; ``sequence`` is the number of the states that sysinv stores."""

    sequence: int


Event = (Tick | Put | Command | Alive | RebootAnswer | AgentResult | Pulse | BmcAnswer | ManagerAnswer | Sensed
         | Claimed | Guarded | Resume | Resync)
