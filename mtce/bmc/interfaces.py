# SPDX-License-Identifier: Apache-2.0
"""What maintenance asks of a board management controller, whatever protocol it speaks.

Every method blocks at most for the protocol's own time limits and raises BmcError; the state machine retries, not it.
"""
from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from flock.core.errors import FlockError

OFF_WAIT_S = 45.0
OFF_POLL_S = 1.0


class BmcError(FlockError):
    """A BMC did not do what it was asked to."""

    code, http, text = "mtce.bmc.error", 502, "The board management controller {address} did not {verb}: {reason}"


class PowerState(enum.StrEnum):
    """Power of the host as its BMC tells it."""

    ON = "on"
    OFF = "off"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Access:
    """How to reach one BMC. ``address`` is an IP address or name, an IPv6 address without brackets.

    ``system`` is the id of the host's Redfish system where the BMC has several; "" lets the driver find it.
    ``legacy_boot``: the host's firmware is a BIOS, not UEFI (IPMI must be told).
    """

    address: str
    username: str
    password: str
    system: str = ""
    legacy_boot: bool = False

    def __repr__(self) -> str:
        return f"Access({self.address!r}, {self.username!r})"


class Power(Protocol):
    """Power of one host. ``graceful`` lets the operating system end in order; its end is not waited for."""

    def state(self) -> PowerState:
        """Present power state."""

    def on(self) -> None:
        """Switch on; harmless when on."""

    def off(self, *, graceful: bool) -> None:
        """Switch off; harmless when off."""

    def reset(self, *, graceful: bool) -> None:
        """Restart a host that is on."""


class Boot(Protocol):
    """Where one host boots from."""

    def network_once(self) -> None:
        """Boot from the network at the next start only."""


@dataclass(frozen=True, slots=True)
class Bmc:
    """One host's BMC: an implementation of each interface that its kind offers."""

    kind: str
    power: Power
    boot: Boot


def wait_until_off(state: Callable[[], PowerState], pause: Callable[[float], None],
                   monotonic: Callable[[], float]) -> None:
    """Ask ``state`` until it says off: an order to switch off is done when the BMC says so. BmcError after 45 s."""
    limit = monotonic() + OFF_WAIT_S
    while state() is not PowerState.OFF:
        if monotonic() >= limit:
            raise BmcError(address="-", verb="power off", reason=f"the host is still on after {OFF_WAIT_S:g} s")
        pause(OFF_POLL_S)
