# SPDX-License-Identifier: Apache-2.0
"""Hosts without board management: the power state is unknown, and every command is refused with the reason."""
from __future__ import annotations

from mtce.bmc.interfaces import BmcError, PowerState
from mtce.core.sensors.samples import Sample

REASON = "no board management is configured for this host"


class NoPower:
    """No power control."""

    def state(self) -> PowerState:
        """Return unknown."""
        return PowerState.UNKNOWN

    def on(self) -> None:
        """Refused."""
        raise BmcError(address="-", verb="switch on", reason=REASON)

    def off(self, *, graceful: bool) -> None:
        """Refused."""
        raise BmcError(address="-", verb="switch off", reason=REASON)

    def reset(self, *, graceful: bool) -> None:
        """Refused."""
        raise BmcError(address="-", verb="reset", reason=REASON)


class NoBoot:
    """No choice of the boot device."""

    def network_once(self) -> None:
        """Refused."""
        raise BmcError(address="-", verb="accept a network boot", reason=REASON)


class NoSensors:
    """No sensors."""

    def read(self) -> list[Sample]:
        """Refused."""
        raise BmcError(address="-", verb="list its sensors", reason=REASON)
