# SPDX-License-Identifier: Apache-2.0
"""``host-cpu-list`` and ``host-cpu-show``."""
from __future__ import annotations

import argparse
from collections.abc import Iterable

from flock.cli.columns import Column, Row, columns
from flock.cli.commands import ListCommand, ShowCommand
from sysinv.client.hosts import Hosts, one_of

_FUNCTION_WORDS = {"Vswitch": "vSwitch"}


def _function(cpu: Row) -> object:
    function = cpu.get("allocated_function")
    return _FUNCTION_WORDS.get(str(function), function)


_FUNCTION = Column("allocated_function", "assigned_function", _function)


class CpuList(ListCommand):
    """List the logical CPUs of a host."""

    api_name = "platform"
    columns = (*columns("uuid", "cpu=log_core", "numa_node=processor", "core=phy_core", "thread",
                        "cpu_model=processor_model"), _FUNCTION)
    sort_by = ("cpu",)
    examples = ("system host-cpu-list worker-0", "system host-cpu-list worker-0 -f json")

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("host", help="id, uuid or hostname")

    def rows(self, args: argparse.Namespace) -> Iterable[Row]:
        return Hosts(self.client).children(args.host, "icpus")


class CpuShow(ShowCommand):
    """Show one logical CPU of a host."""

    api_name = "platform"
    fields = (*columns("uuid", "cpu=logical_core", "numa_node=processor (numa_node)", "core=physical_core", "thread",
                       "cpu_model=processor_model", "cpu_family=processor_family", "capabilities", "ihost_uuid",
                       "inode_uuid", "created_at", "updated_at"), _FUNCTION)
    examples = ("system host-cpu-show worker-0 3",)

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("host", help="id, uuid or hostname")
        parser.add_argument("cpu", metavar="cpu", help="logical core number or uuid")

    def item(self, args: argparse.Namespace) -> Row:
        return one_of(Hosts(self.client).children(args.host, "icpus"), args.cpu, "cpu", "uuid", what="cpu")


COMMANDS = {"host-cpu-list": CpuList, "host-cpu-show": CpuShow}
OSC_COMMANDS = {"platform host cpu list": CpuList, "platform host cpu show": CpuShow}
