# SPDX-License-Identifier: Apache-2.0
"""Agents' report of NUMA nodes."""
from __future__ import annotations

from dataclasses import dataclass

from sysinv.contract.reports import NODES_MAX, Report


@dataclass(frozen=True, slots=True)
class NumaReport:
    """One NUMA node and its CPUs (none for memory-only nodes)."""

    numa_node: int
    cpus: tuple[int, ...]


REPORT = Report("numa", NumaReport, "sysinv.agent.collectors.numa", after=("platform",),
                aliases=("node",), key=lambda node: node.numa_node, key_max=NODES_MAX - 1)
