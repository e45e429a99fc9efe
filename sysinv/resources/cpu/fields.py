# SPDX-License-Identifier: Apache-2.0
"""``icpus``: one logical CPU."""
from __future__ import annotations

from flock.wire.resource import ADMIN, AGENT, SYSTEM, Record, attr
from sysinv.contract.enums import CpuFunction

# The functions that a request may assign, by their names on the wire and on the command line.
FUNCTION_WORDS = {
    "platform": CpuFunction.PLATFORM, "vswitch": CpuFunction.VSWITCH, "shared": CpuFunction.SHARED,
    "application-isolated": CpuFunction.APPLICATION_ISOLATED}


class Cpu(Record):
    """One logical CPU; the last fields occur only in requests that change core functions."""

    envelope = "icpus"
    cpu = attr(int, writer=AGENT, label="log_core", detail="logical_core", nullable=False)
    numa_node = attr(int, writer=AGENT, label="processor", detail="processor (numa_node)", nullable=False)
    core = attr(int, writer=AGENT, label="phy_core", detail="physical_core", nullable=False)
    thread = attr(int, writer=AGENT, nullable=False)
    cpu_family = attr(str, writer=AGENT, detail="processor_family")
    cpu_model = attr(str, writer=AGENT, label="processor_model")
    allocated_function = attr(CpuFunction, writer=ADMIN, label="assigned_function", nullable=False)
    function = attr(str, writer=ADMIN)
    cpulist = attr(str, writer=ADMIN)
    num_cores_on_processor0 = attr(int, writer=ADMIN)
    num_cores_on_processor1 = attr(int, writer=ADMIN)
    num_cores_on_processor2 = attr(int, writer=ADMIN)
    num_cores_on_processor3 = attr(int, writer=ADMIN)
    capabilities = attr(dict, writer=ADMIN, nullable=False)
    ihost_uuid = attr(str, writer=SYSTEM, nullable=False)
    inode_uuid = attr(str, writer=SYSTEM, nullable=False)
