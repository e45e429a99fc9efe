# SPDX-License-Identifier: Apache-2.0
"""``host-cpu-list`` and ``host-cpu-show``."""
from __future__ import annotations

from flock.cli.columns import Row
from sysinv.client.hostchild import HostChildList, HostChildShow
from sysinv.client.osc import as_plugin
from sysinv.resources.cpu.fields import Cpu

_FUNCTION_WORDS = {"Vswitch": "vSwitch"}


def _function(cpu: Row) -> object:
    function = cpu.get("allocated_function")
    return _FUNCTION_WORDS.get(str(function), function)


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


COMMANDS = {"host-cpu-list": CpuList, "host-cpu-show": CpuShow}
OSC_COMMANDS = as_plugin(COMMANDS)
