# SPDX-License-Identifier: Apache-2.0
"""``imemorys``: memory of one NUMA node; pending counts are null when nothing is pending."""
from __future__ import annotations

from flock.wire.resource import ADMIN, AGENT, SYSTEM, Record, attr


class Memory(Record):
    """Memory of one NUMA node."""

    envelope = "imemorys"
    numa_node = attr(int, writer=AGENT, label="processor", nullable=False)
    memtotal_mib = attr(int, writer=AGENT, label="mem_total(MiB)", nullable=False)
    platform_reserved_mib = attr(int, writer=ADMIN, label="mem_platform(MiB)", min=0, nullable=False)
    memavail_mib = attr(int, writer=AGENT, label="mem_avail(MiB)", nullable=False)
    node_memtotal_mib = attr(int, writer=AGENT, nullable=False)
    hugepages_configured = attr(bool, writer=AGENT, label="hugepages(hp)_configured", nullable=False)
    vswitch_hugepages_size_mib = attr(int, writer=ADMIN, label="vs_hp_size(MiB)", min=0, nullable=False)
    vswitch_hugepages_nr = attr(int, writer=AGENT, label="vs_hp_total", nullable=False)
    vswitch_hugepages_avail = attr(int, writer=AGENT, label="vs_hp_avail", nullable=False)
    vswitch_hugepages_reqd = attr(int, writer=ADMIN, label="vs_hp_reqd", min=0)
    vm_hugepages_nr_4K = attr(int, writer=AGENT, label="app_total_4K", nullable=False)
    vm_pending_as_percentage = attr(bool, writer=ADMIN, label="app_hp_as_percentage", nullable=False)
    vm_hugepages_nr_2M = attr(int, writer=AGENT, label="app_hp_total_2M", nullable=False)
    vm_hugepages_avail_2M = attr(int, writer=AGENT, label="app_hp_avail_2M", nullable=False)
    vm_hugepages_nr_2M_pending = attr(int, writer=ADMIN, label="app_hp_pending_2M", min=0)
    vm_hugepages_2M_percentage = attr(int, writer=ADMIN)
    vm_hugepages_possible_2M = attr(int, writer=AGENT, nullable=False)
    vm_hugepages_nr_1G = attr(int, writer=AGENT, label="app_hp_total_1G", nullable=False)
    vm_hugepages_avail_1G = attr(int, writer=AGENT, label="app_hp_avail_1G", nullable=False)
    vm_hugepages_nr_1G_pending = attr(int, writer=ADMIN, label="app_hp_pending_1G", min=0)
    vm_hugepages_1G_percentage = attr(int, writer=ADMIN)
    vm_hugepages_possible_1G = attr(int, writer=AGENT, nullable=False)
    vm_hugepages_use_1G = attr(bool, writer=AGENT, label="app_hp_use_1G", nullable=False)
    minimum_platform_reserved_mib = attr(int, writer=SYSTEM, nullable=False)
    capabilities = attr(dict, writer=ADMIN, nullable=False)
    ihost_uuid = attr(str, writer=SYSTEM, nullable=False)
    inode_uuid = attr(str, writer=SYSTEM, nullable=False)
