# SPDX-License-Identifier: Apache-2.0
"""``ptp-interface-*`` and ``host-if-ptp-*``."""
from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from typing import ClassVar

from flock.cli.client import segment
from flock.cli.columns import Column, Row, columns
from flock.cli.commands import ActionCommand, ListCommand, ShowCommand
from sysinv.client.hosts import Hosts, listed
from sysinv.client.networking import Interfaces
from sysinv.client.osc import as_plugin
from sysinv.client.ptp import assign, instances, interfaces
from sysinv.resources.ptpinterface.fields import LIST

_ON_HOST = columns("uuid", "ptp_instance_name", "interface_names")


def _interface(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("ptp_interface", help="name, id or uuid of the PTP interface")


class PtpInterfaceList(ListCommand):
    """List the PTP interfaces."""

    api_name = "platform"
    columns = columns("uuid", "name", "ptp_instance_name", "parameters")
    sort_by = ("name",)
    examples: ClassVar[Sequence[str]] = (
        "system ptp-interface-list", "system ptp-interface-list -c name -c interface_names")

    def rows(self, args: argparse.Namespace) -> Iterable[Row]:
        return interfaces(self.client).all()


class PtpInterfaceShow(ShowCommand):
    """Show one PTP interface with the interfaces of hosts that have it."""

    api_name = "platform"
    fields = columns("uuid", "name", "interface_names", "ptp_instance_name", "parameters", "created_at")
    examples = ("system ptp-interface-show ptpif1",)

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        _interface(parser)

    def item(self, args: argparse.Namespace) -> Row:
        return interfaces(self.client).find(args.ptp_interface)


class PtpInterfaceAdd(PtpInterfaceShow):
    """Add a PTP interface to a PTP instance."""

    examples = ("system ptp-interface-add ptpif1 ptp1",)

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("name", help="name of the PTP interface")
        parser.add_argument("instance", help="name, id or uuid of the PTP instance")

    def item(self, args: argparse.Namespace) -> Row:
        owner = instances(self.client).find(args.instance)
        return interfaces(self.client).create({"name": args.name, "ptp_instance_uuid": owner["uuid"]})


class PtpInterfaceDelete(ActionCommand):
    """Delete a PTP interface that no interface of a host has."""

    api_name = "platform"
    examples = ("system ptp-interface-delete ptpif1",)

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        _interface(parser)

    def act(self, args: argparse.Namespace) -> str:
        uuid = str(interfaces(self.client).find(args.ptp_interface)["uuid"])
        interfaces(self.client).delete(uuid)
        return f"Deleted PTP interface: {uuid}"


class PtpInterfaceParameterAdd(PtpInterfaceShow):
    """Add parameters to a PTP interface, all or none."""

    op: ClassVar[str] = "add"
    examples = ("system ptp-interface-parameter-add ptpif1 masterOnly=1",)

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        super().arguments(parser)
        parser.add_argument("parameters", metavar="name=value", nargs="+", help="parameter, or its uuid")

    def item(self, args: argparse.Namespace) -> Row:
        return interfaces(self.client).change(args.ptp_interface, self.op, args.parameters)


class PtpInterfaceParameterDelete(PtpInterfaceParameterAdd):
    """Remove parameters from a PTP interface, all or none."""

    op = "remove"
    examples = ("system ptp-interface-parameter-delete ptpif1 masterOnly=1",)


class HostInterfacePtpList(PtpInterfaceList):
    """List the PTP interfaces on all interfaces of a host, or on one of them."""

    examples = ("system host-if-ptp-list worker-0", "system host-if-ptp-list worker-0 eth5")

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("host", help="id, uuid or hostname")
        parser.add_argument("ifname", nargs="?", metavar="interface", help="name or uuid; all without it")

    def columns_for(self, args: argparse.Namespace) -> Sequence[Column]:
        return self.columns if args.ifname else _ON_HOST

    def rows(self, args: argparse.Namespace) -> Iterable[Row]:
        if args.ifname is None:
            return Hosts(self.client).children(args.host, LIST)
        uuid = str(Interfaces(self.client).get(args.host, args.ifname)["uuid"])
        return listed(self.client.get(f"/v1/iinterfaces/{segment(uuid)}/{LIST}"), LIST)


class HostInterfacePtpAssign(PtpInterfaceList):
    """Assign a PTP interface to an interface of a host, and list those of the interface."""

    op: ClassVar[str] = "add"
    examples = ("system host-if-ptp-assign worker-0 eth5 ptpif1",)

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("host", help="id, uuid or hostname")
        parser.add_argument("ifname", metavar="interface", help="name or uuid")
        _interface(parser)

    def rows(self, args: argparse.Namespace) -> Iterable[Row]:
        found = Interfaces(self.client).get(args.host, args.ifname)
        return assign(self.client, "iinterfaces", str(found["uuid"]), self.op, LIST, args.ptp_interface)


class HostInterfacePtpRemove(HostInterfacePtpAssign):
    """Take a PTP interface from an interface of a host, and list those of the interface."""

    op = "remove"
    examples = ("system host-if-ptp-remove worker-0 eth5 ptpif1",)


COMMANDS = {
    "ptp-interface-list": PtpInterfaceList, "ptp-interface-show": PtpInterfaceShow,
    "ptp-interface-add": PtpInterfaceAdd, "ptp-interface-delete": PtpInterfaceDelete,
    "ptp-interface-parameter-add": PtpInterfaceParameterAdd,
    "ptp-interface-parameter-delete": PtpInterfaceParameterDelete, "host-if-ptp-list": HostInterfacePtpList,
    "host-if-ptp-assign": HostInterfacePtpAssign, "host-if-ptp-remove": HostInterfacePtpRemove}
OSC_COMMANDS = as_plugin(COMMANDS)
