# SPDX-License-Identifier: Apache-2.0
"""Rules for platform networks on interfaces. Each returns the view of the host's interfaces afterwards."""
from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

from flock.core.errors import Conflict
from sysinv.contract.enums import InterfaceType, NetworkType
from sysinv.model.host import HostMustBeLocked
from sysinv.resources.interface.rules import recheck
from sysinv.resources.interface.view import HostInterfaces, InterfaceRefused, InterfaceView, carrying

ASSIGNABLE = frozenset({
    NetworkType.MGMT, NetworkType.OAM, NetworkType.CLUSTER_HOST, NetworkType.PXEBOOT, NetworkType.STORAGE,
    NetworkType.ADMIN})
CONTROLLER_ONLY = frozenset({NetworkType.OAM, NetworkType.ADMIN})


class InterfaceNetworkExists(Conflict):
    """The interface carries the network already."""

    code: ClassVar[str] = "sysinv.interface_network.exists"
    text: ClassVar[str] = "Interface {ifname} already carries the network {network}."


def assigned(view: HostInterfaces, interface_id: int, network_type: str, family: int, *,
             cluster_on_controller: bool) -> HostInterfaces:
    """Return the view in which an interface carries a network whose addresses are of ``family``.

    ``cluster_on_controller``: a controller has an interface on the cluster-host network.
    HostMustBeLocked, InterfaceNetworkExists, InterfaceRefused.
    """
    one = view.of(interface_id)
    _check_locked(view)
    if network_type in one.networks:
        raise InterfaceNetworkExists(ifname=one.ifname, network=network_type)
    refusal = _host_refusal(view, network_type, cluster_on_controller) or _interface_refusal(one, network_type)
    if refusal is not None:
        raise InterfaceRefused(detail=refusal)
    after = view.after(carrying(one, network_type, family))
    recheck(after, interface_id)
    return after


def removed(view: HostInterfaces, interface_id: int, network_type: str) -> HostInterfaces:
    """Return the view in which an interface does not carry a network any more; HostMustBeLocked, InterfaceRefused."""
    one = view.of(interface_id)
    _check_locked(view)
    if one.iftype == InterfaceType.VIRTUAL and network_type == NetworkType.MGMT:
        raise InterfaceRefused(detail="Cannot remove the management network from a virtual interface.")
    return view.after(replace(one, networks=one.networks - {network_type}))


def boot_mac(view: HostInterfaces) -> str | None:
    """Return the MAC address by which the host is known: that of the interface from which it boots.

    That is the one on the pxeboot network, else the one on the management network. None for a virtual one.
    """
    for network_type in (NetworkType.PXEBOOT, NetworkType.MGMT):
        for one in view.interfaces:
            if network_type in one.networks:
                return None if one.iftype == InterfaceType.VIRTUAL else one.imac
    return None


def _check_locked(view: HostInterfaces) -> None:
    if not view.host.is_locked:
        raise HostMustBeLocked(detail="Host must be locked.")


def _host_refusal(view: HostInterfaces, network_type: str, cluster_on_controller: bool) -> str | None:
    if network_type not in ASSIGNABLE:
        return f"Networks of type {network_type} can not be assigned to interfaces."
    if network_type in CONTROLLER_ONLY and not view.host.is_controller:
        return f"The '{network_type}' network type is only supported on controller nodes."
    if network_type == NetworkType.CLUSTER_HOST and not view.host.is_controller and not cluster_on_controller:
        return "The 'cluster-host' network must be assigned to an interface of a controller first."
    if any(network_type in other.networks for other in view.interfaces):
        return f"An interface with '{network_type}' network type is already provisioned on this node"
    return None


def _interface_refusal(one: InterfaceView, network_type: str) -> str | None:
    if one.ifclass is not None and not one.is_platform:
        return f"An interface of class {one.ifclass} can not carry the network {network_type}."
    others = sorted(one.networks)
    if others and network_type == NetworkType.PXEBOOT:
        return f"The pxeboot network needs an interface of its own: {one.ifname} carries {', '.join(others)}."
    if NetworkType.PXEBOOT in one.networks:
        return f"Interface {one.ifname} carries the pxeboot network and can not carry another one."
    return None
