# SPDX-License-Identifier: Apache-2.0
"""Rules for data networks on interfaces. Each returns the view of the host's interfaces afterwards."""
from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

from flock.core.errors import Conflict
from sysinv.contract.enums import InterfaceClass
from sysinv.model.host import HostMustBeLocked
from sysinv.resources.interface.rules import recheck
from sysinv.resources.interface.view import DataNetworkView, HostInterfaces, InterfaceRefused, InterfaceView


class InterfaceDataNetworkExists(Conflict):
    """The interface carries the data network already."""

    code: ClassVar[str] = "sysinv.interface_datanetwork.exists"
    text: ClassVar[str] = "Interface {ifname} already carries the data network {network}."


def assigned(view: HostInterfaces, interface_id: int, network: DataNetworkView) -> HostInterfaces:
    """Return the view in which an interface carries a data network.

    HostMustBeLocked, InterfaceDataNetworkExists, InterfaceRefused.
    """
    one = view.of(interface_id)
    _check_locked(view, one)
    if any(each.id == network.id for each in one.datanetworks):
        raise InterfaceDataNetworkExists(ifname=one.ifname, network=network.name)
    if one.is_platform:
        raise InterfaceRefused(detail=f"Interface {one.ifname} of class platform can not carry data networks.")
    becomes_data = one.ifclass is None
    changed = replace(one, datanetworks=(*one.datanetworks, network))
    if becomes_data:
        changed = replace(changed, ifclass=str(InterfaceClass.DATA), ipv4_mode="disabled", ipv6_mode="disabled")
    if changed.ifclass == InterfaceClass.DATA:
        _check_only_one(view, changed, network)
    after = view.after(changed)
    recheck(after, interface_id)
    return after


def removed(view: HostInterfaces, interface_id: int, network_id: int) -> HostInterfaces:
    """Return the view in which an interface does not carry a data network any more; HostMustBeLocked."""
    one = view.of(interface_id)
    _check_locked(view, one)
    return view.after(replace(one, datanetworks=tuple(each for each in one.datanetworks if each.id != network_id)))


def _check_locked(view: HostInterfaces, one: InterfaceView) -> None:
    if not view.host.is_locked and not (view.system.is_aio_simplex and one.is_sriov):
        raise HostMustBeLocked(detail="Host must be locked.")


def _check_only_one(view: HostInterfaces, one: InterfaceView, network: DataNetworkView) -> None:
    for other in view.interfaces:
        if other.id != one.id and other.ifclass == InterfaceClass.DATA \
                and any(each.id == network.id for each in other.datanetworks):
            raise InterfaceRefused(detail=f"Data network {network.name} is already assigned to interface "
                                          f"{other.ifname} of this host.")
