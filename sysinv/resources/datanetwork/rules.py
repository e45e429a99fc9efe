# SPDX-License-Identifier: Apache-2.0
"""Rules of data networks."""
from __future__ import annotations

import ipaddress
from collections.abc import Collection, Mapping
from typing import Any, ClassVar

from flock.core.errors import Conflict, Refused
from sysinv.contract.enums import DataNetworkType

CHANGEABLE = ("mtu", "description")
DYNAMIC, STATIC = MODES = ("dynamic", "static")
VXLAN_FIELDS = ("multicast_group", "port_num", "ttl", "mode")
# Outer Ethernet, IPv6, UDP and VXLAN headers.
VXLAN_OVERHEAD = 74


class DataNetworkRefused(Refused):
    """A rule about data networks refuses a request."""

    code: ClassVar[str] = "sysinv.datanetwork.refused"


class DataNetworkExists(Conflict):
    """The name is used by another data network."""

    code: ClassVar[str] = "sysinv.datanetwork.exists"
    text: ClassVar[str] = "Data network with name {name} already exists."


class DataNetworkInUse(Conflict):
    """Interfaces carry the data network."""

    code: ClassVar[str] = "sysinv.datanetwork.in_use"
    text: ClassVar[str] = "Data network {name} can not be deleted while it is assigned to interfaces: {carriers}."


def new_network(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the columns of a new data network; DataNetworkRefused names the broken rule."""
    if values["name"].lower() == "none":
        raise DataNetworkRefused(detail="Data network name 'none' is reserved.")
    # Null means what is not given means: the default.
    found = {name: value for name, value in values.items() if value is not None}
    if values["network_type"] != DataNetworkType.VXLAN:
        extra = [name for name in VXLAN_FIELDS if values.get(name) is not None]
        if extra:
            raise DataNetworkRefused(detail=f"{', '.join(extra)} can only be given for data networks of type vxlan.")
        return found
    for name in ("port_num", "ttl"):
        if values.get(name) is None:
            raise DataNetworkRefused(detail=f"{name} is required for data networks of type vxlan.")
    found["mode"] = values.get("mode") or DYNAMIC
    group = values.get("multicast_group")
    if found["mode"] == STATIC and group is not None:
        raise DataNetworkRefused(detail="multicast_group can not be given for vxlan data networks of mode static.")
    if found["mode"] == DYNAMIC and (group is None or not ipaddress.ip_address(group).is_multicast):
        raise DataNetworkRefused(
            detail="multicast_group must be a multicast address for vxlan data networks of mode dynamic.")
    return found


def needed_mtu(network_type: str, mtu: int) -> int:
    """Return the smallest MTU of an interface that carries a data network of ``mtu``."""
    return mtu + (VXLAN_OVERHEAD if network_type == DataNetworkType.VXLAN else 0)


def check_mtu(network_type: str, mtu: int, carriers: Mapping[str, int]) -> None:
    """Raise DataNetworkRefused when one of the interfaces ``carriers`` (name to MTU) is too small for ``mtu``."""
    needed = needed_mtu(network_type, mtu)
    small = sorted(name for name, most in carriers.items() if most < needed)
    if small:
        raise DataNetworkRefused(detail=f"MTU {mtu} needs interfaces with an MTU of at least {needed}; "
                                        f"the MTU of {', '.join(small[:5])} is smaller.")


def check_delete(name: str, carriers: Collection[str]) -> None:
    """Raise DataNetworkInUse while interfaces ``carriers`` carry the data network."""
    if carriers:
        raise DataNetworkInUse(name=name, carriers=", ".join(sorted(carriers)[:5]))
