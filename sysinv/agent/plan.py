# SPDX-License-Identifier: Apache-2.0
"""Pure decisions of the agent: what to report now, what an answer means, when the inventory is complete."""
from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from sysinv.contract.records import MemoryReport, PlatformReport

# Free memory moves all the time; a report is worth sending when it moved by this share of the node.
MEMORY_STEP = 0.05
SPREAD = 0.1

Payload = tuple[Any, ...]


class Report(StrEnum):
    """What an agent reports, in the order in which a first series goes out; CPU carries the NUMA nodes too."""

    PLATFORM = "platform"
    PORT = "port"
    PCI_DEVICE = "pci_device"
    CPU = "cpu"
    MEMORY = "memory"
    DISK = "disk"


# Names that a request for an update may use; those of upstream's audits ask for what we have of them.
REQUEST_NAMES: Mapping[str, Report] = {
    **{report.value: report for report in Report},
    "kernel": Report.PLATFORM, "ports": Report.PORT, "pci": Report.PCI_DEVICE, "pci_devices": Report.PCI_DEVICE,
    "numa": Report.CPU, "cpus": Report.CPU, "disks": Report.DISK, "audit_memory": Report.MEMORY,
    "audit_disk": Report.DISK, "audit_partition": Report.DISK,
}


@dataclass(frozen=True, slots=True)
class AgentView:
    """What the agent knows of its dealings with the conductor.

    ``acknowledged`` holds the last payload that the conductor stored, ``forced`` what goes out even when unchanged.
    """

    host_uuid: str | None = None
    acknowledged: Mapping[Report, Payload] = field(default_factory=dict)
    forced: frozenset[Report] = frozenset()
    completed: bool = False


def found(view: AgentView, host_uuid: str) -> AgentView:
    """The own record is ``host_uuid``; another one than before means that everything is to be told anew."""
    return view if view.host_uuid == host_uuid else AgentView(host_uuid=host_uuid)


def lost(view: AgentView) -> AgentView:
    """The conductor does not know the host (any more)."""
    return AgentView() if view.host_uuid is not None else view


def requested(view: AgentView, names: Iterable[str]) -> tuple[AgentView, tuple[str, ...]]:
    """The conductor wants the reports ``names`` (none named: all) with the next audit; unknown names are given back."""
    listed = tuple(names)
    wanted = {REQUEST_NAMES[name] for name in listed if name in REQUEST_NAMES} if listed else set(Report)
    unknown = tuple(name for name in listed if name not in REQUEST_NAMES)
    return replace(view, forced=view.forced | wanted), unknown


def taken(view: AgentView) -> tuple[AgentView, frozenset[Report]]:
    """Begin an audit: the requests it answers are taken out of the view, so that later ones are told apart."""
    return replace(view, forced=frozenset()), view.forced


def due(view: AgentView, current: Mapping[Report, Payload], forced: frozenset[Report]) -> tuple[Report, ...]:
    """Reports to send now, in order: never acknowledged, changed since, or forced. Nothing without an own record."""
    if view.host_uuid is None:
        return ()
    return tuple(report for report in Report if report in current and (
        report in forced or report not in view.acknowledged
        or changed(report, view.acknowledged[report], current[report])))


def put_back(view: AgentView, forced: frozenset[Report]) -> AgentView:
    """End an audit: the requests that were not answered wait for the next one."""
    return replace(view, forced=view.forced | forced)


def acknowledged(view: AgentView, report: Report, payload: Payload) -> AgentView:
    """The conductor stored ``payload``."""
    return replace(view, acknowledged={**view.acknowledged, report: payload})


def completion_due(view: AgentView) -> bool:
    """Whether every report was acknowledged and the conductor has not been told so."""
    return view.host_uuid is not None and not view.completed and set(view.acknowledged) == set(Report)


def completed(view: AgentView) -> AgentView:
    """The conductor knows that the inventory is complete."""
    return replace(view, completed=True)


def changed(report: Report, old: Payload, new: Payload) -> bool:
    """Whether ``new`` tells more than the passing of time."""
    if report is Report.MEMORY and len(old) == len(new):
        return any(_memory_changed(before, after) for before, after in zip(old, new, strict=True))
    if report is Report.PLATFORM:
        return [_lasting(one) for one in old] != [_lasting(one) for one in new]
    return old != new


def _memory_changed(old: MemoryReport, new: MemoryReport) -> bool:
    moved_mib = abs(old.memavail_mib - new.memavail_mib)
    return moved_mib > new.node_memtotal_mib * MEMORY_STEP or replace(old, memavail_mib=new.memavail_mib) != new


def _lasting(report: PlatformReport) -> PlatformReport:
    return replace(report, uptime_s=0, first_report=False, after_install=False)


def wait_s(hostname: str, audit_interval_s: float, retry_interval_s: float, *, failed: bool) -> float:
    """Seconds until the next audit: soon after a failure, else the interval, spread a little by host name.

    Without the spread, all hosts of a cloud that came up together would report together for ever.
    """
    if failed:
        return min(retry_interval_s, audit_interval_s)
    share = zlib.crc32(hostname.encode()) / 2**32
    return audit_interval_s * (1 + SPREAD * share)
