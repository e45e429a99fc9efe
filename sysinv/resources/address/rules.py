# SPDX-License-Identifier: Apache-2.0
"""Assignment of addresses to interfaces, and rules for addresses that operators add."""
from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from flock.core.errors import Conflict, Refused
from sysinv.contract.enums import AddressMode, NetworkType
from sysinv.model.host import HostMustBeLocked, InventoryHost
from sysinv.resources.interface.view import HostInterfaces, InterfaceView


class AddressRefused(Refused):
    """A rule about addresses refuses a request."""

    code: ClassVar[str] = "sysinv.address.refused"


class AddressOfPool(Refused):
    """An address from a pool goes with the network that it belongs to, or is floating."""

    code: ClassVar[str] = "sysinv.address.of_pool"
    text: ClassVar[str] = "Address {address} was assigned from an address pool and can not be deleted."


class AddressExists(Conflict):
    """The address, or one of its subnet, is there already; ``detail`` says where."""

    code: ClassVar[str] = "sysinv.address.exists"


@dataclass(frozen=True, slots=True)
class NetworkInterfaces:
    """Names of hosts' interfaces by network type (option ``interfaces``)."""

    names: Mapping[str, str]


def interface_name(address_name: str, names: Mapping[str, str]) -> str:
    """Return the interface of an address named ``<host>-<network type>``; the network type if none is configured.

    Never empty, because clients sort addresses by it.
    """
    fitting = [network for network in NetworkType if address_name.endswith(f"-{network}")]
    network = str(max(fitting, key=len)) if fitting else address_name
    return names.get(network, network)


def static_name(hostname: str, ifname: str, address: str) -> str:
    """Return the name of an address that an operator added; it never looks like ``<host>-<network type>``."""
    return f"{hostname}-{ifname}-{address}"


def check_add(view: HostInterfaces, one: InterfaceView, address: str, prefix: int, holder: str | None) -> None:
    """Raise when an address may not be added to an interface. ``holder`` is the name of a stored one that is equal.

    HostMustBeLocked, AddressRefused, AddressExists.
    """
    check_locked(view.host)
    refusal = _address_refusal(address, prefix) or _mode_refusal(one, ipaddress.ip_address(address).version)
    if refusal is not None:
        raise AddressRefused(detail=refusal)
    if holder is not None:
        raise AddressExists(detail=f"Address {address} already exists: {holder}.")
    subnet = ipaddress.ip_interface(f"{address}/{prefix}").network
    for other in view.interfaces:
        for text in other.addresses:
            known = ipaddress.ip_interface(text).network
            if other.id != one.id and known.version == subnet.version and known.overlaps(subnet):
                raise AddressExists(detail=f"Subnet {subnet} overlaps {known} of interface {other.ifname}.")


def check_locked(host: InventoryHost) -> None:
    """Raise HostMustBeLocked unless the host is locked."""
    if not host.is_locked:
        raise HostMustBeLocked(detail="Host must be locked.")


def _address_refusal(address: str, prefix: int) -> str | None:
    found = ipaddress.ip_address(address)
    if not 0 < prefix <= found.max_prefixlen:
        return f"Prefix of {address} must be between 1 and {found.max_prefixlen}."
    if found.is_multicast or found.is_loopback or found.is_unspecified:
        return f"Address {address} is no address of an interface: it is multicast, loopback or unspecified."
    subnet = ipaddress.ip_interface(f"{address}/{prefix}").network
    if subnet.num_addresses > 2:
        if found == subnet.network_address:
            return f"Address {address} is the address of the network {subnet}."
        if found == subnet.broadcast_address and found.version == 4:
            return f"Address {address} is the broadcast address of the network {subnet}."
    return None


def _mode_refusal(one: InterfaceView, version: int) -> str | None:
    mode = one.ipv4_mode if version == 4 else one.ipv6_mode
    if mode != AddressMode.STATIC:
        return f"Interface {one.ifname} must have ipv{version}_mode static."
    return None
