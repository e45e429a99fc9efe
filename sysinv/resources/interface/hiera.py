# SPDX-License-Identifier: Apache-2.0
"""Hiera data of a host's interfaces, for systemd-networkd. Those that the installer configures stay as they are."""
from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from sqlalchemy.engine import Connection

from sysinv.config.hiera import Plugin, PuppetClass
from sysinv.contract.enums import AeMode, InterfaceType, NetworkType
from sysinv.db.lookup import Row
from sysinv.resources.interface.store import view_of
from sysinv.resources.interface.view import LOOPBACK, HostInterfaces, InterfaceView
from sysinv.resources.route import store as routes
from sysinv.resources.route.rules import RouteView

PUPPET_CLASS = "platform::network::interfaces"

# The installer writes a file for each of these, in which systemd-networkd takes the first that fits an interface.
INSTALLED = (NetworkType.PXEBOOT, NetworkType.MGMT, NetworkType.CLUSTER_HOST, NetworkType.OAM)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,14}")
_KINDS = {InterfaceType.ETHERNET: "ethernet", InterfaceType.AE: "bond", InterfaceType.VLAN: "vlan"}
_MODES = {AeMode.BALANCED: "balance-xor", AeMode.ACTIVE_STANDBY: "active-backup", AeMode.LACP: "802.3ad"}


def network_config(view: HostInterfaces, over: Iterable[RouteView] = ()) -> dict[str, dict[str, Any]]:
    """Return the settings of each interface by its name in the kernel. ``over``: the routes of the host.

    ``kind``: ethernet, bond or vlan. ``vlans``: names of those on it. ``bond``: the bond that it is a member of.
    ``installed``: the network whose file of the installer configures it; then only ``vlans`` and ``routes`` are
    added to that.
    """
    found, stored = {}, sorted(over, key=lambda route: (route.subnet, route.metric, route.gateway))
    for one in view.interfaces:
        name, kind = device_name(view, one), _KINDS.get(InterfaceType(one.iftype))
        if name is not None and kind is not None and _is_used(view, one):
            found[name] = {**_settings(view, one, kind), "routes": [
                {"destination": route.subnet, "gateway": route.gateway, "metric": route.metric}
                for route in stored if route.interface_id == one.id]}
    return found


def device_name(view: HostInterfaces, one: InterfaceView) -> str | None:
    """Return the name of an interface in the kernel; None for an Ethernet interface without port.

    A port's name comes from the host. It becomes the name of a file there, so any other text is no name.
    """
    if one.iftype != InterfaceType.ETHERNET:
        return one.ifname
    names = [port.name for port in view.ports_of(one) if port.name != LOOPBACK and _NAME.fullmatch(port.name)]
    return names[0] if names else None


def _is_used(view: HostInterfaces, one: InterfaceView) -> bool:
    """Return whether anybody has said what the interface is for."""
    return one.ifclass is not None or bool(view.uppers(one))


def _settings(view: HostInterfaces, one: InterfaceView, kind: str) -> dict[str, Any]:
    uppers = view.uppers(one)
    bonds = [upper.ifname for upper in uppers if upper.iftype == InterfaceType.AE]
    settings: dict[str, Any] = {
        "kind": kind, "mtu": one.imtu, "addresses": sorted(one.addresses),
        "vlans": sorted(upper.ifname for upper in uppers if upper.iftype == InterfaceType.VLAN),
        "bond": bonds[0] if bonds else None,
        "installed": next((str(network) for network in INSTALLED if network in one.networks), None)}
    if kind == "vlan":
        settings["vlan_id"] = one.vlan_id
    if kind == "bond":
        settings |= {"mode": _MODES[AeMode(one.aemode or AeMode.ACTIVE_STANDBY)], "hash": one.txhashpolicy,
                     "primary_reselect": one.primary_reselect}
    return settings


def _host(conn: Connection, host: Row) -> dict[str, Any]:
    return {f"{PUPPET_CLASS}::network_config": network_config(view_of(conn, host), routes.of_host(conn, host["id"]))}


PLUGIN = Plugin(classes=(PuppetClass(PUPPET_CLASS, rank=20),), host=_host)
