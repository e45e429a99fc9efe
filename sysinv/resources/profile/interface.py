# SPDX-License-Identifier: Apache-2.0
"""The part of a profile for interfaces: those on the ports of a host, those on others, and the networks on all."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sysinv.contract.enums import InterfaceType, NetworkType
from sysinv.model.host import HostRefused
from sysinv.resources.interface import rules
from sysinv.resources.interface.view import DataNetworkView, HostInterfaces, InterfaceView, with_macs
from sysinv.resources.interfacedatanetwork.rules import assigned as with_datanetwork
from sysinv.resources.interfacenetwork.rules import assigned as with_network
from sysinv.resources.interfacenetwork.rules import boot_mac
from sysinv.resources.profile.body import INTERFACE_VALUES, ProfileInterface, ProfilePort

# Interfaces on others come after those that they may lie on.
_UPPER = (InterfaceType.AE, InterfaceType.VLAN, InterfaceType.VF)


@dataclass(frozen=True, slots=True)
class HostNetworking:
    """The interfaces of a host, and what they can carry.

    ``ports`` are its ports by row id. ``families`` of the platform networks are by type, ``datanetworks`` by name.
    ``cluster_on_controller``: a controller has an interface on the cluster-host network.
    """

    view: HostInterfaces
    ports: Mapping[int, ProfilePort] = field(default_factory=dict)
    families: Mapping[str, int] = field(default_factory=dict)
    datanetworks: Mapping[str, DataNetworkView] = field(default_factory=dict)
    cluster_on_controller: bool = False


def taken(source: HostNetworking) -> tuple[tuple[ProfilePort, ...], tuple[ProfileInterface, ...]]:
    """Return ports and interfaces of a host as a profile has them; HostRefused while they do not belong together."""
    view = source.view
    names = {one.id: one.ifname for one in view.interfaces}
    loose = [one.ifname for one in view.interfaces
             if one.iftype not in _UPPER and not view.ports_of(one)] + [
        port.name for port in source.ports.values() if not port.interface]
    if loose:
        raise HostRefused(detail=f"Host {view.host.name} has interfaces without port, or ports without interface: "
                                 f"{', '.join(sorted(loose)[:5])}.")
    ports = tuple(sorted(source.ports.values(), key=_slot))
    interfaces = tuple(ProfileInterface(
        uses=tuple(names[lower] for lower in one.uses), networks=tuple(sorted(one.networks)),
        datanetworks=tuple(network.name for network in one.datanetworks),
        **{name: getattr(one, name) for name in INTERFACE_VALUES})
        for one in sorted(view.interfaces, key=lambda one: one.ifname))
    return ports, interfaces


def planned(name: str, ports: Sequence[ProfilePort], interfaces: Sequence[ProfileInterface],
            target: HostNetworking) -> HostInterfaces:
    """Return the interfaces that the host has after profile ``name``.

    Interfaces of the host that are not in the profile are gone. HostMustBeLocked, HostRefused, InterfaceRefused.
    """
    _check_ports(name, ports, target)
    carriers = {port.interface: port_id for port in ports for port_id, own in target.ports.items()
                if _slot(own) == _slot(port)}
    view = _on_ports(name, interfaces, carriers, target.view)
    for iftype in _UPPER:
        for one in interfaces:
            if one.iftype == iftype:
                view = rules.added(view, _upper(name, one, view, target.view))
    for one in interfaces:
        view = _with_networks(name, one, view, target)
    after = with_macs(view)
    for settled in after.interfaces:
        rules.recheck(after, settled.id)
    if boot_mac(after) != boot_mac(target.view):
        raise HostRefused(detail=(
            f"Profile {name} has the management network on another port than that from which host "
            f"{target.view.host.name} boots."))
    return after


def differences(before: HostInterfaces, after: HostInterfaces) -> list[dict[str, Any]]:
    """Return what changes, by the names of interfaces: added, changed or removed."""
    old, new = ({one.ifname: one for one in view.interfaces} for view in (before, after))
    found = []
    for name in sorted(old.keys() | new.keys()):
        if name not in new:
            found.append({"ifname": name, "change": "removed"})
        elif name not in old:
            found.append({"ifname": name, "change": "added"})
        elif old[name] != new[name]:
            found.append({"ifname": name, "change": "changed"})
    return found


def _slot(port: ProfilePort) -> tuple[str, int]:
    return port.pciaddr, port.dev_id


def _check_ports(name: str, wanted: Sequence[ProfilePort], target: HostNetworking) -> None:
    host = target.view.host.name
    present = {_slot(port): port for port in target.ports.values()}
    if len(present) != len(wanted):
        raise HostRefused(detail=f"Profile {name} is for hosts with {len(wanted)} ethernet ports; host {host} has "
                                 f"{len(present)}.")
    for port in wanted:
        own = present.get(_slot(port))
        if own is None or own.name != port.name:
            raise HostRefused(detail=f"Profile {name} is for hosts with port {port.name} at {port.pciaddr}; "
                                     f"host {host} has none.")
        if (own.pclass, own.pdevice) != (port.pclass, port.pdevice):
            raise HostRefused(detail=f"Profile {name} is for hosts whose port {port.name} is another device than that "
                                     f"of host {host}.")


def _on_ports(name: str, interfaces: Sequence[ProfileInterface], carriers: Mapping[str, int],
              before: HostInterfaces) -> HostInterfaces:
    """Return a view with one interface on each port, and no other."""
    view = replace(before, interfaces=(), ports=tuple(replace(port, interface_id=None) for port in before.ports))
    lowest = before.next_id()
    for number, one in enumerate(one for one in interfaces if one.iftype == InterfaceType.ETHERNET):
        port_id = carriers.get(one.ifname)
        if port_id is None:
            raise HostRefused(detail=f"Profile {name} has interface {one.ifname} without a port.")
        present = next((old for old in before.interfaces if old.ifname == one.ifname
                        and any(port.id == port_id for port in before.ports_of(old))), None)
        view = view.after(_made(one, lowest - number if present is None else present.id, (), present))
        new_id = view.interfaces[-1].id
        view = replace(view, ports=tuple(replace(port, interface_id=new_id) if port.id == port_id else port
                                         for port in view.ports))
    for lower in view.interfaces:
        rules.recheck(view, lower.id)
    return view


def _upper(name: str, one: ProfileInterface, view: HostInterfaces, before: HostInterfaces) -> InterfaceView:
    """Return an interface on others. It is the one that the host has, if that has its name and lies where it does."""
    ids = {lower.ifname: lower.id for lower in view.interfaces}
    missing = [lower for lower in one.uses if lower not in ids]
    if missing:
        raise HostRefused(detail=f"Profile {name} has interface {one.ifname} on {missing[0]}, which it does not have.")
    present = next((old for old in before.interfaces if (old.ifname, old.iftype, old.vlan_id) == (
        one.ifname, one.iftype, one.vlan_id) and tuple(lower.ifname for lower in before.lowers(old)) == one.uses), None)
    new_id = min(view.next_id(), before.next_id()) if present is None else present.id
    return _made(one, new_id, tuple(ids[lower] for lower in one.uses), present)


def _made(one: ProfileInterface, new_id: int, uses: tuple[int, ...], present: InterfaceView | None) -> InterfaceView:
    """Return an interface without networks. Of the one that is there, only addresses stay, which no profile has."""
    return InterfaceView(id=new_id, uses=uses, addresses=() if present is None else present.addresses,
                         **{name: getattr(one, name) for name in INTERFACE_VALUES})


def _with_networks(name: str, one: ProfileInterface, view: HostInterfaces, target: HostNetworking) -> HostInterfaces:
    interface_id = next(each.id for each in view.interfaces if each.ifname == one.ifname)
    # A host that carries the network of the cluster need not wait for a controller that does.
    kept = any(NetworkType.CLUSTER_HOST in own.networks for own in target.view.interfaces)
    for network in one.networks:
        if network not in target.families:
            raise HostRefused(detail=f"Profile {name} needs a network of type {network}, which does not exist.")
        view = with_network(view, interface_id, network, target.families[network],
                            cluster_on_controller=target.cluster_on_controller or kept)
    for network in one.datanetworks:
        if network not in target.datanetworks:
            raise HostRefused(detail=f"Profile {name} needs data network {network}, which does not exist.")
        view = with_datanetwork(view, interface_id, target.datanetworks[network])
    return view
