# SPDX-License-Identifier: Apache-2.0
"""Checks of interfaces before an unlock."""
from __future__ import annotations

from dataclasses import dataclass

from sysinv.actions.checks import Check, Gate
from sysinv.actions.facts import ActionFacts
from sysinv.contract.enums import AddressMode, DataNetworkType, InterfaceClass, InterfaceType, NetworkType
from sysinv.resources.interface.carrying import hardware_refusal
from sysinv.resources.interface.view import HostInterfaces, InterfaceView

VSWITCH_DPDK = "ovs-dpdk"


@dataclass(frozen=True, slots=True)
class InterfaceFacts:
    """The interfaces of the host (None: not known), and the types of the networks that the system has."""

    view: HostInterfaces | None = None
    networks: frozenset[str] = frozenset()

    def on(self, network_type: str) -> InterfaceView | None:
        """Return the interface that carries a network."""
        interfaces = () if self.view is None else self.view.interfaces
        return next((one for one in interfaces if network_type in one.networks), None)


def oam_refusal(facts: ActionFacts) -> str | None:
    """Refuse a controller without an OAM interface: operators reach it over the OAM network."""
    if facts.host.is_controller and _misses(facts, NetworkType.OAM):
        return "Can not unlock a controller host without an oam interface. " \
               "Add an oam interface before re-attempting this command."
    return None


def management_refusal(facts: ActionFacts) -> str | None:
    """Refuse a host that the controllers would not reach."""
    name = facts.host.name
    if _misses(facts, NetworkType.MGMT):
        return f"Cannot unlock host {name} without an interface on the management network."
    found = facts.of(InterfaceFacts).on(NetworkType.MGMT)
    if found is not None and found.iftype == InterfaceType.VIRTUAL and not facts.system.is_aio_simplex:
        return f"Cannot unlock host {name} whose management interface {found.ifname} is virtual."
    return None


def cluster_refusal(facts: ActionFacts) -> str | None:
    """Refuse a host outside of the network of the cluster."""
    if _misses(facts, NetworkType.CLUSTER_HOST):
        return f"Cannot unlock host {facts.host.name} without an interface on the cluster-host network."
    return None


def admin_refusal(facts: ActionFacts) -> str | None:
    """Refuse a controller without an interface on the admin network, if there is one."""
    if facts.host.is_controller and _misses(facts, NetworkType.ADMIN):
        return f"Cannot unlock host {facts.host.name} without an interface on the admin network."
    return None


def accelerated_refusal(facts: ActionFacts) -> str | None:
    """Refuse data interfaces on ports that the accelerated virtual switch can not use."""
    view = facts.of(InterfaceFacts).view
    if view is None or not facts.host.has_worker_function or facts.system.vswitch_type != VSWITCH_DPDK:
        return None
    slow = sorted(one.ifname for one in view.interfaces if one.ifclass == InterfaceClass.DATA
                  and not all(port.accelerated for port in view.all_ports_of(one)))
    if slow:
        return f"Cannot unlock host {facts.host.name}: data interfaces need accelerated ports for {VSWITCH_DPDK}: " \
               f"{', '.join(slow)}."
    return None


def addressed_refusal(facts: ActionFacts) -> str | None:
    """Refuse data interfaces without the address that their mode or a vxlan network needs."""
    view = facts.of(InterfaceFacts).view
    if view is None or not facts.host.has_worker_function:
        return None
    for one in view.interfaces:
        if one.ifclass != InterfaceClass.DATA:
            continue
        present = {6 if ":" in address else 4 for address in one.addresses}
        for version, mode in ((4, one.ipv4_mode), (6, one.ipv6_mode)):
            if mode == AddressMode.STATIC and version not in present:
                return f"Cannot unlock host {facts.host.name}: interface {one.ifname} has ipv{version}_mode static " \
                       "and no such address."
        tunnels = [network.name for network in one.datanetworks if network.network_type == DataNetworkType.VXLAN]
        if tunnels and not present and AddressMode.POOL not in (one.ipv4_mode, one.ipv6_mode):
            return f"Cannot unlock host {facts.host.name}: interface {one.ifname} needs an address for data network " \
                   f"{tunnels[0]}."
    return None


def ports_refusal(facts: ActionFacts) -> str | None:
    """Refuse interfaces whose ports are gone, or were replaced by others that can not do what is configured."""
    view, prefix = facts.of(InterfaceFacts).view, f"Cannot unlock host {facts.host.name}: "
    if view is None:
        return None
    for one in view.interfaces:
        if one.ifclass is None:
            continue
        if one.iftype == InterfaceType.AE and not one.uses:
            return f"{prefix}interface {one.ifname} has no members."
        if one.iftype in (InterfaceType.ETHERNET, InterfaceType.AE) and not view.all_ports_of(one):
            return f"{prefix}interface {one.ifname} has no port any more. Delete it or restore the port."
        refusal = hardware_refusal(view, one)
        if refusal is not None:
            return f"{prefix}interface {one.ifname}: {refusal}"
    return None


def _misses(facts: ActionFacts, network_type: str) -> bool:
    """Return whether no interface carries a network.

    A host without any interface of class platform is not judged: none of its ports has a configured name, and its
    networks lie on devices that are not in the inventory, such as bridges.
    """
    known = facts.of(InterfaceFacts)
    used = known.view is not None and any(one.is_platform for one in known.view.interfaces)
    return used and network_type in known.networks and known.on(network_type) is None


CHECKS = (
    Check(Gate.UNLOCK, 81, oam_refusal), Check(Gate.UNLOCK, 82, management_refusal),
    Check(Gate.UNLOCK, 83, cluster_refusal), Check(Gate.UNLOCK, 84, admin_refusal),
    Check(Gate.UNLOCK, 100, accelerated_refusal), Check(Gate.UNLOCK, 101, addressed_refusal),
    Check(Gate.UNLOCK, 102, ports_refusal))
