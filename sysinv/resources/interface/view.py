# SPDX-License-Identifier: Apache-2.0
"""An immutable view of all interfaces of one host, for the rules, and what follows from it: MAC addresses."""
from __future__ import annotations

import functools
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import ClassVar

from flock.core.errors import Refused
from sysinv.contract.enums import InterfaceClass, InterfaceType
from sysinv.model.host import InventoryHost
from sysinv.model.system import SystemView

NO_MAC = "00:00:00:00:00:00"
NAME_LENGTH_MAX = 15
LOOPBACK = "lo"
# Interfaces that lie on others come after these.
_HEIGHT = {InterfaceType.AE: 1, InterfaceType.VLAN: 2, InterfaceType.VF: 2}


class InterfaceRefused(Refused):
    """A rule about interfaces refuses a request; ``detail`` is the sentence for the operator."""

    code: ClassVar[str] = "sysinv.interface.refused"


@dataclass(frozen=True, slots=True)
class PortView:
    """A port; ``speed`` in Mb/s, None when the link is down. The host boots from the port that ``boots``."""

    id: int
    name: str
    mac: str
    interface_id: int | None = None
    sriov_totalvfs: int | None = None
    speed: int | None = None
    boots: bool = False
    accelerated: bool = False
    maxchannels: int | None = None
    sriov_vf_maxchannels: int | None = None


@dataclass(frozen=True, slots=True)
class DataNetworkView:
    """A data network that an interface carries."""

    id: int
    name: str
    network_type: str
    mtu: int


@dataclass(frozen=True, slots=True)
class InterfaceView:
    """One interface. ``id`` is negative until it is stored. ``uses`` are the ids of those that it lies on, in order.

    ``networks`` are the types of the platform networks that it carries, ``addresses`` those that operators added,
    such as ``192.168.59.3/24``. ``ptp``: PTP interfaces are assigned to it.
    """

    id: int
    ifname: str
    iftype: str
    ifclass: str | None = None
    imtu: int = 1500
    imac: str = NO_MAC
    aemode: str | None = None
    txhashpolicy: str | None = None
    primary_reselect: str | None = None
    schedpolicy: str | None = None
    ptp_role: str | None = None
    vlan_id: int | None = None
    ipv4_mode: str | None = None
    ipv6_mode: str | None = None
    ipv4_pool: str | None = None
    ipv6_pool: str | None = None
    sriov_numvfs: int = 0
    sriov_vf_driver: str | None = None
    max_tx_rate: int | None = None
    max_rx_rate: int | None = None
    ovs_access: bool = False
    channels: int | None = None
    sriov_vf_channels: int | None = None
    uses: tuple[int, ...] = ()
    networks: frozenset[str] = frozenset()
    datanetworks: tuple[DataNetworkView, ...] = ()
    addresses: tuple[str, ...] = ()
    ptp: bool = False

    @property
    def is_platform(self) -> bool:
        return self.ifclass == InterfaceClass.PLATFORM

    @property
    def is_sriov(self) -> bool:
        return self.ifclass == InterfaceClass.PCI_SRIOV


@dataclass(frozen=True)
class HostInterfaces:
    """All interfaces and ports of a host. ``pools`` maps the uuid of an address pool to its family, 4 or 6.

    Look-ups take the same time for any number of interfaces: a host with thousands must not hold up the others.
    """

    host: InventoryHost
    system: SystemView
    interfaces: tuple[InterfaceView, ...] = ()
    ports: tuple[PortView, ...] = ()
    pools: Mapping[str, int] = field(default_factory=dict)

    def of(self, interface_id: int) -> InterfaceView:
        """Return the interface with that id; KeyError when there is none."""
        return self._by_id[interface_id]

    @functools.cached_property
    def _by_id(self) -> Mapping[int, InterfaceView]:
        return {one.id: one for one in reversed(self.interfaces)}

    @functools.cached_property
    def _above(self) -> Mapping[int, list[InterfaceView]]:
        found: dict[int, list[InterfaceView]] = defaultdict(list)
        for one in self.interfaces:
            for lower in dict.fromkeys(one.uses):
                found[lower].append(one)
        return found

    @functools.cached_property
    def _ports_by_interface(self) -> Mapping[int | None, list[PortView]]:
        found: dict[int | None, list[PortView]] = defaultdict(list)
        for port in self.ports:
            found[port.interface_id].append(port)
        return found

    def lowers(self, one: InterfaceView) -> list[InterfaceView]:
        """Return the interfaces that ``one`` lies on, in order."""
        return [self.of(interface_id) for interface_id in one.uses]

    def uppers(self, one: InterfaceView) -> list[InterfaceView]:
        """Return the interfaces that lie on ``one``."""
        return list(self._above.get(one.id, ()))

    def ports_of(self, one: InterfaceView) -> list[PortView]:
        """Return the ports of an interface itself, without those of the interfaces that it lies on."""
        return list(self._ports_by_interface.get(one.id, ()))

    def all_ports_of(self, one: InterfaceView) -> list[PortView]:
        """Return the ports through which the traffic of an interface passes."""
        below = [port for lower in self.lowers(one) for port in self.all_ports_of(lower)]
        return [*self.ports_of(one), *below]

    def after(self, changed: InterfaceView) -> HostInterfaces:
        """Return the view with ``changed`` in place of the interface with its id, or in addition."""
        if any(one.id == changed.id for one in self.interfaces):
            kept = tuple(changed if one.id == changed.id else one for one in self.interfaces)
        else:
            kept = (*self.interfaces, changed)
        return replace(self, interfaces=kept)

    def without(self, gone: Iterable[int]) -> HostInterfaces:
        """Return the view without those interfaces."""
        ids = set(gone)
        return replace(self, interfaces=tuple(one for one in self.interfaces if one.id not in ids))

    def next_id(self) -> int:
        """Return an id for an interface that is not stored yet."""
        return min((one.id for one in self.interfaces if one.id < 0), default=0) - 1


def with_macs(view: HostInterfaces) -> HostInterfaces:
    """Return the view with the MAC addresses that follow from the ports.

    An interface has the address of its port. One that lies on others has that of the one from which the host boots,
    else that of the first. One without a port keeps its address.
    """
    macs: dict[int, str] = {}
    for one in sorted(view.interfaces, key=lambda each: _HEIGHT.get(InterfaceType(each.iftype), 0)):
        macs[one.id] = _mac(view, one, macs)
    return replace(view, interfaces=tuple(
        one if one.imac == macs[one.id] else replace(one, imac=macs[one.id]) for one in view.interfaces))


def _mac(view: HostInterfaces, one: InterfaceView, macs: Mapping[int, str]) -> str:
    if one.iftype == InterfaceType.VIRTUAL:
        return NO_MAC
    ports = view.ports_of(one)
    if ports:
        return ports[0].mac
    lowers = view.lowers(one)
    booting = [lower for lower in lowers if any(port.boots for port in view.all_ports_of(lower))]
    chosen = (booting or lowers)[:1]
    return macs.get(chosen[0].id, chosen[0].imac) if chosen else one.imac


def carrying(one: InterfaceView, network_type: str, family: int) -> InterfaceView:
    """Return the interface with a platform network whose addresses are of ``family``, and what belongs to that."""
    modes = {4: one.ipv4_mode or "disabled", 6: one.ipv6_mode or "disabled"}
    if modes[family] == "disabled":
        modes[family] = "static"
    return replace(one, ifclass=one.ifclass or str(InterfaceClass.PLATFORM), networks=one.networks | {network_type},
                   ipv4_mode=modes[4], ipv6_mode=modes[6])
