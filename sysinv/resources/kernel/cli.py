# SPDX-License-Identifier: Apache-2.0
"""``host-kernel-list``, ``host-kernel-show`` and ``host-kernel-modify``."""
from __future__ import annotations

import argparse
from collections.abc import Iterable

from flock.cli.columns import Row, columns
from flock.cli.commands import ListCommand, ShowCommand
from sysinv.client.hosts import HostNotFound, Hosts
from sysinv.client.osc import as_plugin
from sysinv.contract.enums import KernelType

_FIELDS = columns("hostname", "kernel_provisioned", "kernel_running")


class KernelList(ListCommand):
    """List the kernels of all hosts that have a name: which they should run, and which they run."""

    api_name = "platform"
    columns = _FIELDS
    examples = ("system host-kernel-list",)

    def rows(self, args: argparse.Namespace) -> Iterable[Row]:
        hosts = Hosts(self.client)
        found = []
        for host in hosts.all():
            if host.get("hostname"):
                try:
                    found.append(hosts.kernel(str(host["uuid"])))
                except HostNotFound:
                    # Deleted since the list was read.
                    continue
        return found


class KernelShow(ShowCommand):
    """Show which kernel a host should run, and which it runs."""

    api_name = "platform"
    fields = _FIELDS
    examples = ("system host-kernel-show worker-0",)

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("host", help="id, uuid or hostname")

    def item(self, args: argparse.Namespace) -> Row:
        return Hosts(self.client).kernel(args.host)


class KernelModify(KernelShow):
    """Change which kernel a locked host should run."""

    examples = ("system host-kernel-modify worker-0 lowlatency",)

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        super().arguments(parser)
        parser.add_argument("kernel", choices=[kernel.value for kernel in KernelType], help="type of the kernel")

    def item(self, args: argparse.Namespace) -> Row:
        return Hosts(self.client).modify_kernel(args.host, args.kernel)


COMMANDS = {"host-kernel-list": KernelList, "host-kernel-show": KernelShow, "host-kernel-modify": KernelModify}
OSC_COMMANDS = as_plugin(COMMANDS)
