# SPDX-License-Identifier: Apache-2.0
"""``ptp-instance-*`` and ``host-ptp-instance-*``."""
from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from typing import ClassVar

from flock.cli.columns import Row, columns
from flock.cli.commands import ActionCommand, ListCommand, ShowCommand
from sysinv.client.hosts import Hosts
from sysinv.client.osc import as_plugin
from sysinv.client.ptp import assign, instances
from sysinv.resources.ptpinstance.fields import LIST
from sysinv.resources.ptpinstance.rules import SERVICES
from sysinv.resources.ptpparameter.rules import GLOBAL


def _instance(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("instance", help="name, id or uuid of the PTP instance")


class PtpInstanceList(ListCommand):
    """List the PTP instances."""

    api_name = "platform"
    columns = columns("uuid", "name", "service")
    sort_by = ("name",)
    examples: ClassVar[Sequence[str]] = ("system ptp-instance-list", "system ptp-instance-list -c name -c hostnames")

    def rows(self, args: argparse.Namespace) -> Iterable[Row]:
        return instances(self.client).all()


class PtpInstanceShow(ShowCommand):
    """Show one PTP instance with its hosts and parameters."""

    api_name = "platform"
    fields = columns("uuid", "name", "service", "hostnames", "parameters", "created_at")
    examples: ClassVar[Sequence[str]] = ("system ptp-instance-show ptp1",)

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        _instance(parser)

    def item(self, args: argparse.Namespace) -> Row:
        return instances(self.client).find(args.instance)


class PtpInstanceAdd(PtpInstanceShow):
    """Add a PTP instance: a service of time synchronisation that hosts can run."""

    examples = ("system ptp-instance-add ptp1 ptp4l",)

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("name", help="name of the PTP instance")
        parser.add_argument("service", choices=SERVICES, help="program that the hosts run")

    def item(self, args: argparse.Namespace) -> Row:
        return instances(self.client).create({"name": args.name, "service": args.service})


class PtpInstanceDelete(ActionCommand):
    """Delete a PTP instance that no host has and that has no PTP interfaces."""

    api_name = "platform"
    examples = ("system ptp-instance-delete ptp1",)

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        _instance(parser)

    def act(self, args: argparse.Namespace) -> str:
        uuid = str(instances(self.client).find(args.instance)["uuid"])
        instances(self.client).delete(uuid)
        return f"Deleted PTP instance: {uuid}"


class PtpInstanceApply(ActionCommand):
    """Have the unlocked hosts that take their time by PTP configure it as it is stored now."""

    api_name = "platform"
    examples = ("system ptp-instance-apply",)

    def act(self, args: argparse.Namespace) -> str:
        self.client.post(f"/v1/{LIST}/apply", None)
        return "Applying the PTP Instance configuration"


class PtpInstanceParameterAdd(PtpInstanceShow):
    """Add parameters to a PTP instance, all or none."""

    op: ClassVar[str] = "add"
    examples = ("system ptp-instance-parameter-add ptp1 domainNumber=24 priority1=128",
                "system ptp-instance-parameter-add ptp1 --section unicast_master_table_1 table_id=1 UDPv4=10.0.0.1")

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        super().arguments(parser)
        parser.add_argument("parameters", metavar="name=value", nargs="+", help="parameter, or its uuid")
        parser.add_argument("--section", default=GLOBAL, help="section of the configuration, default: %(default)s")

    def item(self, args: argparse.Namespace) -> Row:
        return instances(self.client).change(args.instance, self.op, args.parameters, args.section)


class PtpInstanceParameterDelete(PtpInstanceParameterAdd):
    """Remove parameters from a PTP instance, all or none."""

    op = "remove"
    examples = ("system ptp-instance-parameter-delete ptp1 domainNumber=24",
                "system ptp-instance-parameter-delete ptp1 --section unicast_master_table_1 UDPv4=10.0.0.1")


class HostPtpInstanceList(PtpInstanceList):
    """List the PTP instances of a host."""

    examples = ("system host-ptp-instance-list worker-0",)

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("host", help="id, uuid or hostname")

    def rows(self, args: argparse.Namespace) -> Iterable[Row]:
        return Hosts(self.client).children(args.host, LIST)


class HostPtpInstanceAssign(HostPtpInstanceList):
    """Assign a PTP instance to a host, and list those of the host. ptp-instance-apply has the host use it."""

    op: ClassVar[str] = "add"
    examples = ("system host-ptp-instance-assign worker-0 ptp1",)

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        super().arguments(parser)
        _instance(parser)

    def rows(self, args: argparse.Namespace) -> Iterable[Row]:
        host = Hosts(self.client).get(args.host)
        return assign(self.client, "ihosts", str(host["uuid"]), self.op, LIST, args.instance)


class HostPtpInstanceRemove(HostPtpInstanceAssign):
    """Take a PTP instance from a host, and list those of the host. ptp-instance-apply has the host end it."""

    op = "remove"
    examples = ("system host-ptp-instance-remove worker-0 ptp1",)


COMMANDS = {
    "ptp-instance-list": PtpInstanceList, "ptp-instance-show": PtpInstanceShow, "ptp-instance-add": PtpInstanceAdd,
    "ptp-instance-delete": PtpInstanceDelete, "ptp-instance-apply": PtpInstanceApply,
    "ptp-instance-parameter-add": PtpInstanceParameterAdd,
    "ptp-instance-parameter-delete": PtpInstanceParameterDelete,
    "host-ptp-instance-list": HostPtpInstanceList, "host-ptp-instance-assign": HostPtpInstanceAssign,
    "host-ptp-instance-remove": HostPtpInstanceRemove}
OSC_COMMANDS = as_plugin(COMMANDS)
