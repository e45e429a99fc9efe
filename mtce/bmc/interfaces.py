# SPDX-License-Identifier: Apache-2.0
"""What mtce requests from a board management controller (BMC), independent of the protocol.

Every method blocks at most for the time limits of its protocol, raises BmcError, and does not retry: the host state
machine does.
"""
from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from flock.core.errors import FlockError
from mtce.core.sensors.samples import Sample

OFF_WAIT_S = 45.0
OFF_POLL_S = 1.0


class BmcError(FlockError):
    """A BMC did not carry out a command."""

    code, http, text = "mtce.bmc.error", 502, "The board management controller {address} did not {verb}: {reason}"


class PowerState(enum.StrEnum):
    """Power state of the host as its BMC reports it."""

    ON = "on"
    OFF = "off"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Access:
    """How to reach one BMC. ``address`` is a name or an IP address; an IPv6 address has no brackets.

    ``system`` is the id of the host's Redfish system where the BMC has several; "" lets the driver find it.
    ``legacy_boot``: the host's firmware is a BIOS, not UEFI (an IPMI boot command depends on it).
    """

    address: str
    username: str
    password: str
    system: str = ""
    legacy_boot: bool = False

    def __repr__(self) -> str:
        return f"Access({self.address!r}, {self.username!r})"


class Power(Protocol):
    """Power of one host. ``graceful`` lets the operating system shut down, and does not wait until it has."""

    def state(self) -> PowerState:
        """Return the present power state."""

    def on(self) -> None:
        """Switch on; does nothing when the host is on."""

    def off(self, *, graceful: bool) -> None:
        """Switch off; does nothing when the host is off."""

    def reset(self, *, graceful: bool) -> None:
        """Restart a host that is on."""


class Boot(Protocol):
    """Boot device of one host."""

    def network_once(self) -> None:
        """Boot from the network at the next start only."""


class Sensors(Protocol):
    """Sensors of one host."""

    def read(self) -> list[Sample]:
        """Return every sensor that the BMC names, in its order; those that cannot be understood are left out."""


@dataclass(frozen=True, slots=True)
class Bmc:
    """One host's BMC: its implementations of the interfaces."""

    kind: str
    power: Power
    boot: Boot
    sensors: Sensors


def wait_until_off(state: Callable[[], PowerState], pause: Callable[[float], None],
                   monotonic: Callable[[], float]) -> None:
    """Poll ``state`` until the BMC reports off. BmcError after 45 s."""
    limit = monotonic() + OFF_WAIT_S
    while state() is not PowerState.OFF:
        if monotonic() >= limit:
            raise BmcError(address="-", verb="power off", reason=f"the host is still on after {OFF_WAIT_S:g} s")
        pause(OFF_POLL_S)
