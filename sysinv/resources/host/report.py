# SPDX-License-Identifier: Apache-2.0
"""Agents' report of a host as a whole."""
from __future__ import annotations

from dataclasses import dataclass, replace

from sysinv.contract.reports import Report, Source


@dataclass(frozen=True, slots=True)
class PlatformReport:
    """First report of an agent after a boot; ``after_install`` is True once after an installation."""

    boot_id: str
    uptime_s: int
    kernel_release: str
    kernel_running: str
    after_install: bool
    first_report: bool
    max_cpu_mhz_allowed: str | None = None
    min_cpu_mhz_allowed: str | None = None
    cstates_available: str | None = None
    iscsi_initiator_name: str | None = None
    nvme_host_id: str | None = None
    nvme_host_nqn: str | None = None


def tells_more(old: PlatformReport, new: PlatformReport) -> bool:
    """Return whether the reports differ in more than the time since boot."""
    return _lasting(old) != _lasting(new)


def _lasting(report: PlatformReport) -> PlatformReport:
    return replace(report, uptime_s=0, first_report=False, after_install=False)


REPORT = Report("platform", PlatformReport, "sysinv.agent.collectors.platform",
                sources=(Source.SYSTEM, Source.HARDWARE), aliases=("kernel",),
                key=lambda _: "this boot", tells_more=tells_more, of_boot=True)
