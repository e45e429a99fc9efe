# SPDX-License-Identifier: Apache-2.0
"""Pure: the interfaces of a host follow its ports. A new port gets one, and it carries the networks of its name."""
from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace

from sysinv.contract.enums import InterfaceClass, InterfaceType, NetworkType
from sysinv.resources.interface.view import (
    LOOPBACK,
    NAME_LENGTH_MAX,
    HostInterfaces,
    InterfaceView,
    carrying,
    with_macs,
)

CONTROLLER_ONLY = frozenset({NetworkType.OAM, NetworkType.ADMIN})
_FOREIGN = re.compile(r"[^a-z0-9_.\-]", re.ASCII)


@dataclass(frozen=True, slots=True)
class Defaults:
    """``names``: interface names by network type, as hosts are configured; ``families`` of the networks that exist.

    ``partial``: ports may be missing, so that no other port takes their networks.
    """

    names: Mapping[str, str] = field(default_factory=dict)
    families: Mapping[str, int] = field(default_factory=dict)
    partial: bool = False


def following(view: HostInterfaces, defaults: Defaults) -> HostInterfaces:
    """Return the view in which every port has an interface, and no interface without use lacks its port."""
    known = {one.id for one in view.interfaces}
    view = view.without(_useless(view))
    view = _with_loopback(_with_interfaces(view, known), defaults)
    return with_macs(_with_networks(view, defaults, known))


def default_name(port_name: str, is_taken: Callable[[str], bool], numbers: dict[str, int] | None = None) -> str:
    """Return the name of a port's interface: that of the port where possible, with a number if it is taken.

    ``numbers``: the last number that each name got, for many ports with one name; those below are taken.
    """
    numbers = {} if numbers is None else numbers
    name = _FOREIGN.sub("_", port_name.lower())[:NAME_LENGTH_MAX]
    if name in ("", ".", "..", LOOPBACK):
        name = "port"
    for number, candidate in _candidates(name, numbers.get(name, 0)):
        if not is_taken(candidate):
            numbers[name] = number
            return candidate
    raise AssertionError("there are always more numbers")


def _candidates(name: str, last: int) -> Iterator[tuple[int, str]]:
    yield last, name
    number = last + 1
    while True:
        ending = f"_{number}"
        yield number, name[:NAME_LENGTH_MAX - len(ending)] + ending
        number += 1


def _useless(view: HostInterfaces) -> list[int]:
    """Interfaces whose port is gone and for which the operator has made no choice."""
    return [one.id for one in view.interfaces if _lost_its_port(view, one) and not view.uppers(one)
            and one.ifclass is None and not one.ptp]


def _lost_its_port(view: HostInterfaces, one: InterfaceView) -> bool:
    return one.iftype == InterfaceType.ETHERNET and not view.ports_of(one)


def _with_interfaces(view: HostInterfaces, known: Collection[int]) -> HostInterfaces:
    """Give each port without interface that of the port with the same name that was there before, else a new one."""
    waiting = {one.ifname: one for one in reversed(view.interfaces) if _lost_its_port(view, one)}
    taken, ports_named = {each.ifname for each in view.interfaces}, Counter(port.name for port in view.ports)
    made: list[InterfaceView] = []
    given: dict[int, int] = {}
    numbers: dict[str, int] = {}
    next_id = view.next_id()
    for port in sorted(view.ports, key=lambda one: (one.name, one.id)):
        if port.interface_id is not None and port.interface_id in known:
            continue
        one = waiting.pop(default_name(port.name, lambda _name: False), None)
        if one is None:

            def is_taken(name: str, own: str = port.name) -> bool:
                # The name of a port is left to its own interface.
                return name in taken or ports_named[name] > (name == own)

            name = default_name(port.name, is_taken, numbers)
            one = InterfaceView(next_id, name, str(InterfaceType.ETHERNET), imac=port.mac)
            next_id -= 1
            taken.add(one.ifname)
            made.append(one)
        given[port.id] = one.id
    return replace(view, interfaces=(*view.interfaces, *made), ports=tuple(
        replace(port, interface_id=given[port.id]) if port.id in given else port for port in view.ports))


def _with_loopback(view: HostInterfaces, defaults: Defaults) -> HostInterfaces:
    """An all-in-one simplex system may have its internal networks on the loopback device."""
    if not view.system.is_aio_simplex or LOOPBACK not in defaults.names.values():
        return view
    if any(one.ifname == LOOPBACK for one in view.interfaces):
        return view
    return view.after(InterfaceView(view.next_id(), LOOPBACK, str(InterfaceType.VIRTUAL),
                                    str(InterfaceClass.PLATFORM)))


def _with_networks(view: HostInterfaces, defaults: Defaults, known: Collection[int]) -> HostInterfaces:
    """Give the new interfaces their networks. What a host has already stays where it is."""
    for network_type, interface_id in _carriers(view, defaults).items():
        carried = {name for one in view.interfaces for name in one.networks}
        if interface_id in known or network_type in carried or network_type not in defaults.families:
            continue
        if network_type in CONTROLLER_ONLY and not view.host.is_controller:
            continue
        view = view.after(carrying(view.of(interface_id), network_type, defaults.families[network_type]))
    return view


def _carriers(view: HostInterfaces, defaults: Defaults) -> dict[str, int]:
    """Return the interface of each network.

    A host without a port of the configured name is managed through the port from which it booted. The networks of the
    cluster and, on controllers, of the operators go with the management network if no port has their names.
    """
    by_port = {port.name: port.interface_id for port in view.ports}
    by_port |= {one.ifname: one.id for one in view.interfaces if one.iftype == InterfaceType.VIRTUAL}
    found = {network: interface_id for network, name in defaults.names.items()
             if (interface_id := by_port.get(name)) is not None}
    boot = next((port.interface_id for port in view.ports if port.boots), None)
    if defaults.partial or boot is None:
        return found
    if NetworkType.MGMT not in found:
        found[NetworkType.MGMT] = boot
        if found.get(NetworkType.PXEBOOT) == boot:
            # An interface that is only for booting carries nothing else: here the two are one.
            del found[NetworkType.PXEBOOT]
    elif NetworkType.PXEBOOT not in found:
        found[NetworkType.PXEBOOT] = boot
    for network in (NetworkType.CLUSTER_HOST, NetworkType.OAM):
        found.setdefault(network, found[NetworkType.MGMT])
    return found
