# SPDX-License-Identifier: Apache-2.0
"""Maps each ``bm_type`` to the implementations of its power, boot and sensor interfaces."""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from mtce.bmc import ipmi, noop, redfish, session
from mtce.bmc.interfaces import Access, Bmc, BmcError, PowerState

KINDS = ("none", "dynamic", "ipmi", "redfish")


@dataclass(frozen=True, slots=True)
class BmcSettings:
    """Transport settings of all protocols, and exceptions for single hosts.

    ``systems``: host name to the id of its Redfish system; ``legacy_boot``: names of hosts with a BIOS.
    """

    redfish: session.RedfishSettings = session.RedfishSettings()
    ipmi: ipmi.IpmiSettings = ipmi.IpmiSettings()
    systems: Mapping[str, str] = field(default_factory=dict)
    legacy_boot: frozenset[str] = frozenset()


def open_bmc(bm_type: str, access: Access | None, settings: BmcSettings) -> Bmc:
    """Return the BMC of a host. ``dynamic`` selects Redfish if the BMC has it, and IPMI if it certainly has not.

    Only ``dynamic`` sends a request. ValueError for an unknown ``bm_type``; BmcError when the reply does not
    show whether the BMC supports Redfish.
    """
    if bm_type not in KINDS:
        raise ValueError(f"bm_type must be one of {', '.join(KINDS)}, not {bm_type!r}")
    if bm_type == "none" or access is None:
        return Bmc("none", noop.NoPower(), noop.NoBoot(), noop.NoSensors())
    if bm_type == "dynamic":
        bm_type = "redfish" if session.is_redfish(access, settings.redfish) else "ipmi"
    if bm_type == "redfish":
        service = session.Session(access, settings.redfish)
        return Bmc("redfish", redfish.RedfishPower(service), redfish.RedfishBoot(service),
                   redfish.RedfishSensors(service))
    tool = ipmi.Ipmi(access, settings.ipmi)
    return Bmc("ipmi", ipmi.IpmiPower(tool), ipmi.IpmiBoot(tool, legacy=access.legacy_boot), ipmi.IpmiSensors(tool))


def perform(bmc: Bmc, verb: str, *, graceful: bool) -> PowerState:
    """Carry out query, power-on, power-off, reset or netboot; returns the power state for a query, else unknown."""
    if verb == "query":
        return bmc.power.state()
    if verb == "power-on":
        bmc.power.on()
    elif verb == "power-off":
        bmc.power.off(graceful=graceful)
    elif verb == "reset":
        bmc.power.reset(graceful=graceful)
    elif verb == "netboot":
        bmc.boot.network_once()
    else:
        raise BmcError(address="-", verb=verb, reason="there is no such command")
    return PowerState.UNKNOWN
