# SPDX-License-Identifier: Apache-2.0
"""``host-if-list``, ``host-if-show``, ``host-if-add``, ``host-if-modify`` and ``host-if-delete``."""
from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from typing import Any

from flock.cli.columns import Column, Row
from flock.cli.commands import ActionCommand, ShowCommand
from flock.cli.errors import UsageError
from sysinv.client.hostchild import HostChildList, HostChildShow
from sysinv.client.networking import Interfaces
from sysinv.client.osc import as_plugin
from sysinv.resources.interface.fields import Interface

# option, further spellings, field of the API, help
_OPTIONS: tuple[tuple[tuple[str, ...], str, str], ...] = (
    (("-a", "--aemode"), "aemode", "balanced, active_standby or 802.3ad"),
    (("-x", "--txhashpolicy"), "txhashpolicy", "layer2, layer2+3 or layer3+4"),
    (("-V", "--vlan_id", "--vlan-id"), "vlan_id", "VLAN id"),
    (("-m", "--imtu"), "imtu", "MTU"),
    (("-c", "--ifclass"), "ifclass", "platform, data, pci-passthrough, pci-sriov or none"),
    (("--ipv4-mode",), "ipv4_mode", "disabled, static or pool"),
    (("--ipv6-mode",), "ipv6_mode", "disabled, static, pool, link-local or auto"),
    (("--ipv4-pool",), "ipv4_pool", "uuid of the pool of IPv4 addresses"),
    (("--ipv6-pool",), "ipv6_pool", "uuid of the pool of IPv6 addresses"),
    (("-N", "--num-vfs"), "sriov_numvfs", "number of virtual functions"),
    (("--vf-driver",), "sriov_vf_driver", "netdevice, vfio or none"),
    (("--ptp-role",), "ptp_role", "role in the distribution of time"),
    (("-t", "--max-tx-rate"), "max_tx_rate", "limit of sending in Mb/s; of each virtual function of a VF interface"),
    (("-r", "--max-rx-rate"), "max_rx_rate", "limit of receiving in Mb/s"),
    (("--primary-reselect",), "primary_reselect", "always, better or failure"),
    (("--ovs-access",), "ovs_access", "true or false"),
    (("--channels",), "channels", "number of channels, or none for that of the driver"),
    (("--vf-channels",), "sriov_vf_channels", "number of channels of a virtual function, or none"),
)
_TYPES = ("ethernet", "ae", "vlan", "vf", "virtual")


def _options(parser: argparse.ArgumentParser) -> None:
    for spellings, field, text in _OPTIONS:
        parser.add_argument(*spellings, dest=field, default=argparse.SUPPRESS, help=text)


def _given(args: argparse.Namespace) -> dict[str, Any]:
    return {field: getattr(args, field) for _, field, _ in _OPTIONS if hasattr(args, field)}


def _attributes(interface: Row) -> str:
    parts = [f"MTU={interface.get('imtu')}"]
    parts += [f"{label}={interface[name]}" for name, label in (
        ("aemode", "AE_MODE"), ("txhashpolicy", "AE_XMIT_POLICY"), ("primary_reselect", "PRIMARY_RESELECT"),
        ("max_tx_rate", "MAX_TX_RATE"), ("max_rx_rate", "MAX_RX_RATE")) if interface.get(name) is not None]
    return ",".join(parts)


class InterfaceList(HostChildList):
    """List the interfaces of a host that are in use; with -a also the others."""

    resource = Interface
    shown = ("uuid", "ifname", "ifclass", "iftype", "vlan_id", "ports", "uses", "used_by")
    sort_by = ("ifname",)
    examples = ("system host-if-list worker-0", "system host-if-list worker-0 -a")

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        super().arguments(parser)
        parser.add_argument("-a", "--all", action="store_true", help="also list interfaces without class and use")

    def columns_for(self, args: argparse.Namespace) -> Sequence[Column]:
        return (*self.columns, Column("attributes", show=_attributes))

    def rows(self, args: argparse.Namespace) -> Iterable[Row]:
        return [one for one in Interfaces(self.client).all(args.host)
                if args.all or one.get("ifclass") or one.get("used_by")]


class InterfaceShow(HostChildShow):
    """Show one interface of a host."""

    resource = Interface
    noun = "interface"
    found_by = {"ifname": "name", "uuid": "uuid"}
    examples = ("system host-if-show worker-0 mgmt0",)

    def item(self, args: argparse.Namespace) -> Row:
        return Interfaces(self.client).get(args.host, args.item)


class InterfaceAdd(ShowCommand):
    """Add an interface to a locked host: an aggregation, a VLAN, virtual functions or a virtual interface."""

    api_name = "platform"
    examples = (
        "system host-if-add worker-0 bond0 ae eth2 eth3 -a 802.3ad -x layer2 -c data",
        "system host-if-add worker-0 vlan10 vlan bond0 -V 10 -c data",
        "system host-if-add worker-0 vfs0 vf sriov0 -N 4 --vf-driver netdevice -c pci-sriov")

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("host", help="id, uuid or hostname")
        parser.add_argument("ifname", help="name of the interface")
        parser.add_argument("iftype", choices=_TYPES, help="type of the interface")
        parser.add_argument("uses", nargs="*", metavar="port or interface", help="what it lies on")
        _options(parser)

    def item(self, args: argparse.Namespace) -> Row:
        values = {**_given(args), "ifname": args.ifname, "iftype": args.iftype, "uses": args.uses}
        return Interfaces(self.client).create(args.host, values)


class InterfaceModify(ShowCommand):
    """Change attributes of an interface."""

    api_name = "platform"
    examples = ("system host-if-modify worker-0 eth4 -n sriov0 -c pci-sriov -N 8",
                "system host-if-modify worker-0 bond0 -m 9000")

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("host", help="id, uuid or hostname")
        parser.add_argument("item", metavar="interface", help="name or uuid")
        parser.add_argument("-n", "--ifname", default=argparse.SUPPRESS, help="new name")
        parser.add_argument("-u", "--uses", action="append", default=argparse.SUPPRESS, metavar="port or interface",
                            help="what it lies on from now on; may be repeated")
        _options(parser)

    def item(self, args: argparse.Namespace) -> Row:
        changes = _given(args) | {name: getattr(args, name) for name in ("ifname", "uses") if hasattr(args, name)}
        if not changes:
            raise UsageError("Nothing to change: give at least one option.")
        return Interfaces(self.client).update(args.host, args.item, changes)


class InterfaceDelete(ActionCommand):
    """Delete an interface that no other one uses."""

    api_name = "platform"
    examples = ("system host-if-delete worker-0 vlan10",)

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("host", help="id, uuid or hostname")
        parser.add_argument("item", metavar="interface", help="name or uuid")

    def act(self, args: argparse.Namespace) -> str:
        Interfaces(self.client).delete(args.host, args.item)
        return f"Deleted interface: host {args.host} if {args.item}"


COMMANDS = {
    "host-if-list": InterfaceList, "host-if-show": InterfaceShow, "host-if-add": InterfaceAdd,
    "host-if-modify": InterfaceModify, "host-if-delete": InterfaceDelete}
OSC_COMMANDS = as_plugin(COMMANDS)
