# SPDX-License-Identifier: Apache-2.0
"""Which machines may claim which addresses towards a host. Pure."""
from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sysinv.contract.enums import NetworkType
from sysinv.contract.records import Neighbour
from sysinv.model.addressing import HOST_NETWORKS, address_name
from sysinv.model.hostname import FLOATING_HOST


@dataclass(frozen=True, slots=True)
class Machine:
    """A host as others see it on the networks. ``macs`` are by network type, those that are known."""

    hostname: str
    is_controller: bool
    is_locked: bool
    macs: Mapping[str, str]


def bus_clients(machines: Iterable[Machine], addresses: Mapping[str, str]) -> list[str]:
    """The addresses from which hosts use the message bus, also those of locked hosts and of cards not known."""
    return sorted(addresses[name] for machine in machines
                  if (name := address_name(machine.hostname, NetworkType.MGMT)) in addresses)


def neighbours_of(asker: Machine, machines: Iterable[Machine], addresses: Mapping[str, str]) -> list[Neighbour]:
    """Return the neighbours of ``asker``; ``addresses`` are by name.

    A worker talks to the controllers, a controller to all. Leaves out an address whose machine is not known (bonds and
    VLANs are no ports), and locked hosts: their cards may be replaced. The floating address may be at either
    controller, so that it can move between them at once.
    """
    found = []
    known = list(machines)
    for network in HOST_NETWORKS:
        for machine in known:
            address, mac = addresses.get(address_name(machine.hostname, network)), machine.macs.get(network)
            wanted = machine.is_controller or asker.is_controller
            if address and mac and wanted and not machine.is_locked and machine.hostname != asker.hostname:
                found.append(Neighbour(address, [mac], machine.hostname))
        floating = addresses.get(address_name(FLOATING_HOST, network))
        controllers = [machine.macs.get(network) for machine in known if machine.is_controller]
        macs = sorted(mac for mac in controllers if mac)
        if floating and macs and len(macs) == len(controllers):
            found.append(Neighbour(floating, macs, FLOATING_HOST))
    return found
