# SPDX-License-Identifier: Apache-2.0
"""``host-memory-list`` and ``host-memory-show``."""
from __future__ import annotations

import argparse
from collections.abc import Iterable

from flock.cli.columns import Row, columns
from flock.cli.commands import ListCommand, ShowCommand
from sysinv.client.hosts import Hosts, one_of


class MemoryList(ListCommand):
    """List the memory of a host, one row per NUMA node."""

    api_name = "platform"
    columns = columns(
        "numa_node=processor", "memtotal_mib=mem_total(MiB)", "platform_reserved_mib=mem_platform(MiB)",
        "memavail_mib=mem_avail(MiB)", "hugepages_configured=hugepages(hp)_configured",
        "vswitch_hugepages_size_mib=vs_hp_size(MiB)", "vswitch_hugepages_nr=vs_hp_total",
        "vswitch_hugepages_avail=vs_hp_avail", "vswitch_hugepages_reqd=vs_hp_reqd",
        "vm_hugepages_nr_4K=app_total_4K", "vm_pending_as_percentage=app_hp_as_percentage",
        "vm_hugepages_nr_2M=app_hp_total_2M", "vm_hugepages_avail_2M=app_hp_avail_2M",
        "vm_hugepages_nr_2M_pending=app_hp_pending_2M", "vm_hugepages_nr_1G=app_hp_total_1G",
        "vm_hugepages_avail_1G=app_hp_avail_1G", "vm_hugepages_nr_1G_pending=app_hp_pending_1G",
        "vm_hugepages_use_1G=app_hp_use_1G",
    )
    examples = ("system host-memory-list worker-0", "system host-memory-list worker-0 -c processor -c app_hp_total_1G")

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("host", help="id, uuid or hostname")

    def rows(self, args: argparse.Namespace) -> Iterable[Row]:
        return Hosts(self.client).children(args.host, "imemorys")


class MemoryShow(ShowCommand):
    """Show the memory of one NUMA node of a host."""

    api_name = "platform"
    examples = ("system host-memory-show worker-0 0",)

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("host", help="id, uuid or hostname")
        parser.add_argument("processor", help="number of the NUMA node")

    def item(self, args: argparse.Namespace) -> Row:
        return one_of(Hosts(self.client).children(args.host, "imemorys"), args.processor, "numa_node", "uuid",
                      what="processor")


COMMANDS = {"host-memory-list": MemoryList, "host-memory-show": MemoryShow}
OSC_COMMANDS = {"platform host memory list": MemoryList, "platform host memory show": MemoryShow}
