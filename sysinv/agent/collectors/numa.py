# SPDX-License-Identifier: Apache-2.0
"""NUMA nodes and their CPUs from ``/sys/devices/system/node``; a machine without that directory is one node 0."""
from __future__ import annotations

import re

from flock.exec.root import Root
from sysinv.agent.collectors.cpuinfo import cpuinfo
from sysinv.agent.collectors.cpusets import read_set
from sysinv.agent.collectors.items import Items, each
from sysinv.resources.node.report import NumaReport

CPU_DIR = "sys/devices/system/cpu"
NODE_DIR = "sys/devices/system/node"
# Linux has at most 1024 nodes and 8192 CPUs; a name with more digits is something else.
_NODE = re.compile(r"node(\d{1,5})")
_CPU = re.compile(r"cpu(\d{1,5})")


def collect(root: Root) -> Items[NumaReport]:
    """Return all nodes in ascending order with their online CPUs; memory-only nodes have none."""
    online = online_cpus(root)
    nodes = node_numbers(root)
    if not nodes:
        return Items([NumaReport(0, tuple(online))])
    used = frozenset(online)
    return each(nodes, lambda node: NumaReport(node, tuple(sorted(_node_cpus(root, node) & used))))


def node_numbers(root: Root) -> list[int]:
    """Return the numbers of existing nodes (with gaps), ascending; empty when the kernel lists none."""
    return [int(match[1]) for name in root.listdir(NODE_DIR) if (match := _NODE.fullmatch(name))]


def online_cpus(root: Root) -> list[int]:
    """Return online logical CPUs, ascending; from ``online``, else the CPU directories, else ``/proc/cpuinfo``."""
    listed = read_set(root, f"{CPU_DIR}/online")
    if listed:
        return sorted(listed)
    present = [int(match[1]) for name in root.listdir(CPU_DIR) if (match := _CPU.fullmatch(name))]
    # cpu0 often cannot be taken offline and then has no such file.
    online = [cpu for cpu in present if root.int(f"{CPU_DIR}/cpu{cpu}/online", 1) != 0]
    return online or sorted(cpuinfo(root))


def _node_cpus(root: Root, node: int) -> frozenset[int]:
    base = f"{NODE_DIR}/node{node}"
    listed = read_set(root, f"{base}/cpulist", f"{base}/cpumap")
    if listed is not None:
        return listed
    return frozenset(int(match[1]) for name in root.listdir(base) if (match := _CPU.fullmatch(name)))
