# SPDX-License-Identifier: Apache-2.0
"""Rules for routes of hosts: which may be added, and which lose the address that they need."""
from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from flock.core.errors import Conflict, Refused
from sysinv.contract.enums import InterfaceType
from sysinv.resources.interface.view import InterfaceView

PREFIX_MAX = 128
METRIC_DEFAULT, METRIC_MAX = 1, 2**31 - 1
PATHS_MAX = 4
# The configuration of hosts writes files for these.
ROUTED = (InterfaceType.ETHERNET, InterfaceType.AE, InterfaceType.VLAN)


class RouteRefused(Refused):
    """A rule about routes refuses a request."""

    code: ClassVar[str] = "sysinv.route.refused"


class RouteExists(Conflict):
    """The interface has the route already."""

    code: ClassVar[str] = "sysinv.route.exists"
    text: ClassVar[str] = "Route {subnet} via {gateway} already exists on interface {ifname}."


class AddressOfRoute(Conflict):
    """Without the address, the gateway of a route could not be reached."""

    code: ClassVar[str] = "sysinv.route.needs_address"
    text: ClassVar[str] = "Route {subnet} via {gateway} on interface {ifname} needs an address of the interface in " \
                          "the subnet of its gateway. Delete the route first."


@dataclass(frozen=True, slots=True)
class RouteView:
    """A route to ``subnet``, such as ``10.1.0.0/16``."""

    interface_id: int
    subnet: str
    gateway: str
    metric: int = METRIC_DEFAULT


def subnet_of(network: str, prefix: int) -> str:
    """Return the subnet that a route leads to, in its normal form; RouteRefused."""
    address = ipaddress.ip_address(network)
    if not 0 <= prefix <= address.max_prefixlen:
        raise RouteRefused(detail=f"Prefix of {network} must be between 0 and {address.max_prefixlen}.")
    subnet = ipaddress.ip_interface(f"{network}/{prefix}").network
    if subnet.network_address != address:
        raise RouteRefused(detail=f"Network {network} is no address of a subnet with prefix {prefix}: that is "
                                  f"{subnet}.")
    if prefix and (subnet.is_loopback or subnet.is_multicast or subnet.is_link_local):
        raise RouteRefused(detail=f"Network {subnet} has no routes: it is loopback, multicast or link-local.")
    return str(subnet)


def check_add(one: InterfaceView, new: RouteView, of_interface: Sequence[str], of_host: Iterable[str],
              stored: Sequence[RouteView]) -> None:
    """Raise RouteRefused or RouteExists when ``one`` may not get a route.

    ``of_interface``: the addresses of the interface, such as ``10.0.0.2/24``; ``of_host``: those of all interfaces;
    ``stored``: the routes of the host.
    """
    refusal = _interface_refusal(one) or _gateway_refusal(one, new, of_interface, of_host)
    if refusal is not None:
        raise RouteRefused(detail=refusal)
    paths = [route for route in stored if route.subnet == new.subnet]
    if any((route.gateway, route.interface_id) == (new.gateway, one.id) for route in paths):
        raise RouteExists(subnet=new.subnet, gateway=new.gateway, ifname=one.ifname)
    if len(paths) >= PATHS_MAX:
        raise RouteRefused(detail=f"The host has {len(paths)} routes to {new.subnet} already; at most {PATHS_MAX} are "
                                  "possible.")


def stranded(routes: Iterable[RouteView], addresses: Sequence[str]) -> RouteView | None:
    """Return the first route whose gateway is in the subnet of none of ``addresses``; None when all can be reached."""
    return next((route for route in routes if not _is_reachable(route.gateway, addresses)), None)


def _interface_refusal(one: InterfaceView) -> str | None:
    if one.iftype not in ROUTED:
        return f"Interface {one.ifname} is of type {one.iftype}. Routes need one of type {', '.join(ROUTED)}."
    return None


def _gateway_refusal(one: InterfaceView, new: RouteView, of_interface: Sequence[str],
                     of_host: Iterable[str]) -> str | None:
    gateway, subnet = ipaddress.ip_address(new.gateway), ipaddress.ip_network(new.subnet)
    if gateway.version != subnet.version:
        return f"Gateway {gateway} must be of the same IP family as network {subnet}."
    if gateway.is_multicast or gateway.is_loopback or gateway.is_unspecified:
        return f"Gateway {gateway} is no address of a router: it is multicast, loopback or unspecified."
    if gateway in {ipaddress.ip_interface(text).ip for text in of_host}:
        return f"Gateway {gateway} must not be an address of the host itself."
    if not _is_reachable(new.gateway, of_interface):
        return f"Gateway {gateway} is not reachable from an address of interface {one.ifname}."
    return None


def _is_reachable(gateway: str, addresses: Iterable[str]) -> bool:
    """Return whether the gateway is a host in the subnet of one of the addresses, and not one of these itself."""
    wanted = ipaddress.ip_address(gateway)
    for text in addresses:
        address = ipaddress.ip_interface(text)
        subnet = address.network
        edges = {subnet.network_address, subnet.broadcast_address} if subnet.version == 4 else {subnet.network_address}
        if wanted in subnet and wanted != address.ip and (subnet.num_addresses <= 2 or wanted not in edges):
            return True
    return False
