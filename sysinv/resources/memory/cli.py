# SPDX-License-Identifier: Apache-2.0
"""``host-memory-list``, ``host-memory-show`` and ``host-memory-modify``."""
from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import Any

from flock.cli.errors import UsageError
from sysinv.client.hostchild import HostChildList, HostChildModify, HostChildShow
from sysinv.client.osc import as_plugin
from sysinv.resources.memory.fields import Memory


class MemoryList(HostChildList):
    """List the memory of a host, one row per NUMA node."""

    resource = Memory
    shown = (
        "numa_node", "memtotal_mib", "platform_reserved_mib", "memavail_mib", "hugepages_configured",
        "vswitch_hugepages_size_mib", "vswitch_hugepages_nr", "vswitch_hugepages_avail", "vswitch_hugepages_reqd",
        "vm_hugepages_nr_4K", "vm_pending_as_percentage", "vm_hugepages_nr_2M", "vm_hugepages_avail_2M",
        "vm_hugepages_nr_2M_pending", "vm_hugepages_nr_1G", "vm_hugepages_avail_1G", "vm_hugepages_nr_1G_pending",
        "vm_hugepages_use_1G")
    examples = ("system host-memory-list worker-0", "system host-memory-list worker-0 -c processor -c app_hp_total_1G")


class MemoryShow(HostChildShow):
    """Show the memory of one NUMA node of a host."""

    resource = Memory
    noun = "processor"
    found_by = {"numa_node": "number of the NUMA node", "uuid": "uuid"}
    examples = ("system host-memory-show worker-0 0",)


class MemoryModify(HostChildModify):
    """Change the platform's memory and the huge pages of one NUMA node of a locked host; an unlock makes it true."""

    resource, noun, found_by = Memory, MemoryShow.noun, MemoryShow.found_by
    examples = ("system host-memory-modify worker-0 0 -m 8000 -1G 4",
                "system host-memory-modify worker-0 1 -2M 50% -1G 20%",
                "system host-memory-modify worker-0 0 -f vswitch -1G 1")

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        super().arguments(parser)
        parser.add_argument("-m", "--platform_reserved_mib", "--platform-reserved-mib", type=int, metavar="MiB",
                            help="memory for the platform")
        parser.add_argument("-2M", "--pages-2M", dest="small", type=_pages, metavar="PAGES",
                            help="huge pages of 2 MiB, or with %% their share of the memory of applications")
        parser.add_argument("-1G", "--pages-1G", dest="large", type=_pages, metavar="PAGES",
                            help="huge pages of 1 GiB, or with %% their share of the memory of applications")
        parser.add_argument("-f", "--function", choices=("application", "vswitch"), default="application",
                            help="what the huge pages are for; default: application")

    def changes(self, args: argparse.Namespace) -> Mapping[str, Any]:
        pages = _of_vswitch(args) if args.function == "vswitch" else _of_applications(args)
        changes = pages if args.platform_reserved_mib is None else {
            "platform_reserved_mib": args.platform_reserved_mib, **pages}
        if not changes:
            raise UsageError("Nothing to change: give -m, -2M or -1G.")
        return changes


def _pages(text: str) -> tuple[int, bool]:
    """A number of pages, and whether it is a share in percent."""
    digits = text.removesuffix("%")
    if not (digits.isascii() and digits.isdigit()) or len(digits) > 12:
        raise argparse.ArgumentTypeError(f"must be a number, or one with %, not {text!r:.40}")
    return int(digits), digits != text


def _of_applications(args: argparse.Namespace) -> dict[str, Any]:
    given = {name: pages for name, pages in (("vm_hugepages_nr_2M_pending", args.small),
                                             ("vm_hugepages_nr_1G_pending", args.large)) if pages is not None}
    if not given:
        return {}
    shares = {is_share for _, is_share in given.values()}
    if len(shares) > 1:
        raise UsageError("Give both -2M and -1G as numbers, or both with %.")
    return {"vm_pending_as_percentage": str(shares.pop()), **{name: number for name, (number, _) in given.items()}}


def _of_vswitch(args: argparse.Namespace) -> dict[str, Any]:
    given = [(size, pages) for size, pages in ((2, args.small), (1024, args.large)) if pages is not None]
    if len(given) > 1 or any(is_share for _, (_, is_share) in given):
        raise UsageError("The vSwitch has pages of one size: give -2M or -1G, as a number.")
    return {name: value for size, (number, _) in given for name, value in (
        ("vswitch_hugepages_size_mib", size), ("vswitch_hugepages_reqd", number))}


COMMANDS = {"host-memory-list": MemoryList, "host-memory-show": MemoryShow, "host-memory-modify": MemoryModify}
OSC_COMMANDS = as_plugin(COMMANDS)
