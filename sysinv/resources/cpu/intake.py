# SPDX-License-Identifier: Apache-2.0
"""Pure comparison of reported with stored CPUs: no change, new core ids, or a new topology."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from flock.db.fitting import fitted
from sysinv.resources.cpu.report import CpuReport
from sysinv.resources.cpu.table import I_ICPU


@dataclass(frozen=True, slots=True)
class StoredCpu:
    """One stored CPU."""

    cpu: int
    core: int
    thread: int
    numa_node: int
    socket: int
    cpu_family: str | None
    cpu_model: str | None
    allocated_function: str


@dataclass(frozen=True, slots=True)
class CpuChange:
    """``rebuild``: replace all rows by the report with default functions; ``update``: CPU id to its report."""

    rebuild: bool = False
    update: Mapping[int, CpuReport] | None = None

    @property
    def is_empty(self) -> bool:
        return not self.rebuild and not self.update


def cpu_change(stored: Sequence[StoredCpu], reported: Sequence[CpuReport], *, partial: bool = False) -> CpuChange:
    """Compare. A different number of CPUs or threads, or a CPU in another place, is a new topology.

    A ``partial`` report does not prove a new topology: only its additional details of CPUs in known places count.
    """
    known = {cpu.cpu: cpu for cpu in stored}
    if partial and known:
        reported = [cpu for cpu in reported if cpu.cpu in known and _place(known[cpu.cpu]) == _place(cpu)]
    elif set(known) != {cpu.cpu for cpu in reported}:
        return CpuChange(rebuild=True)
    update: dict[int, CpuReport] = {}
    for cpu in reported:
        old = known[cpu.cpu]
        if _place(old) != _place(cpu):
            return CpuChange(rebuild=True)
        if (old.core, old.cpu_family, old.cpu_model) != (cpu.core, cpu.cpu_family, cpu.cpu_model):
            update[cpu.cpu] = cpu
    return CpuChange(update=update or None)


def fitting(report: CpuReport) -> CpuReport:
    """Return the report with values cut to the length of their columns."""
    return CpuReport(**fitted(I_ICPU, asdict(report)))


def _place(cpu: StoredCpu | CpuReport) -> tuple[int, int, int]:
    return cpu.numa_node, cpu.thread, cpu.socket
