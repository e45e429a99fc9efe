# SPDX-License-Identifier: Apache-2.0
"""Agents' report of logical CPUs."""
from __future__ import annotations

from dataclasses import dataclass

from sysinv.contract.reports import Report


@dataclass(frozen=True, slots=True)
class CpuReport:
    """One logical CPU: ``core`` is the physical core id within its package, ``thread`` 0 for the first sibling."""

    cpu: int
    core: int
    thread: int
    numa_node: int
    socket: int
    cpu_family: str
    cpu_model: str


REPORT = Report("cpu", CpuReport, "sysinv.agent.collectors.cpu", after=("numa",), aliases=("cpus",),
                key=lambda cpu: cpu.cpu)
