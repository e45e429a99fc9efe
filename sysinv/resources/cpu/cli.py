# SPDX-License-Identifier: Apache-2.0
"""``host-cpu-list``, ``host-cpu-show`` and ``host-cpu-modify``."""
from __future__ import annotations

import argparse
from collections.abc import Iterable

from flock.cli.columns import Row
from flock.cli.errors import UsageError
from sysinv.client.hostchild import HostChildList, HostChildShow
from sysinv.client.hosts import Hosts
from sysinv.client.osc import as_plugin
from sysinv.resources.cpu.fields import FUNCTION_WORDS, Cpu

PROCESSORS = range(4)
_SHOWN_FUNCTIONS = {"Vswitch": "vSwitch"}


def _function(cpu: Row) -> object:
    function = cpu.get("allocated_function")
    return _SHOWN_FUNCTIONS.get(str(function), function)


class CpuList(HostChildList):
    """List the logical CPUs of a host."""

    resource = Cpu
    shown = ("uuid", "cpu", "numa_node", "core", "thread", "cpu_model", "allocated_function")
    shows = {"allocated_function": _function}
    sort_by = ("cpu",)
    examples = ("system host-cpu-list worker-0", "system host-cpu-list worker-0 -f json")


class CpuShow(HostChildShow):
    """Show one logical CPU of a host."""

    resource = Cpu
    shown = ("uuid", "cpu", "numa_node", "core", "thread", "cpu_model", "cpu_family", "capabilities", "ihost_uuid",
             "inode_uuid", "created_at", "updated_at", "allocated_function")
    shows = {"allocated_function": _function}
    noun = "cpu"
    found_by = {"cpu": "logical core number", "uuid": "uuid"}
    examples = ("system host-cpu-show worker-0 3",)


class CpuModify(CpuList):
    """Give cores of a locked host to a function. Cores that no function asks for are for applications."""

    examples = ("system host-cpu-modify worker-0 -f platform -p0 2",
                "system host-cpu-modify worker-0 -f application-isolated -c 3-5,8")

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        super().arguments(parser)
        parser.add_argument("-f", "--function", required=True, type=str.lower, choices=tuple(FUNCTION_WORDS),
                            help="what the cores are for")
        parser.add_argument("-c", "--cpulist", help="logical CPUs, such as 3-5,8; CPUs of one core go together")
        for number in PROCESSORS:
            parser.add_argument(f"-p{number}", f"--num_cores_on_processor{number}", dest=f"p{number}", type=int,
                                metavar="CORES", help=f"number of physical cores on processor {number}")

    def rows(self, args: argparse.Namespace) -> Iterable[Row]:
        counts = {str(number): getattr(args, f"p{number}") for number in PROCESSORS
                  if getattr(args, f"p{number}") is not None}
        if (args.cpulist is None) == (not counts):
            raise UsageError("Give either -c or some of -p0 to -p3.")
        wanted = {"cpulist": args.cpulist} if counts == {} else {"sockets": [counts]}
        return Hosts(self.client).assign_cpus(args.host, [{"function": args.function, **wanted}])


COMMANDS = {"host-cpu-list": CpuList, "host-cpu-show": CpuShow, "host-cpu-modify": CpuModify}
OSC_COMMANDS = as_plugin(COMMANDS)
