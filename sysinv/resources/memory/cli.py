# SPDX-License-Identifier: Apache-2.0
"""``host-memory-list`` and ``host-memory-show``."""
from __future__ import annotations

from sysinv.client.hostchild import HostChildList, HostChildShow
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


COMMANDS = {"host-memory-list": MemoryList, "host-memory-show": MemoryShow}
OSC_COMMANDS = as_plugin(COMMANDS)
