# SPDX-License-Identifier: Apache-2.0
"""Agents' report of physical volumes."""
from __future__ import annotations

from dataclasses import dataclass

from sysinv.contract.reports import Report


@dataclass(frozen=True, slots=True)
class PhysicalVolumeReport:
    """One physical volume of a volume group; the size as text of a number of bytes."""

    device_node: str
    vg_name: str
    pv_uuid: str
    size_bytes: str
    pe_total: int
    pe_alloced: int


REPORT = Report("pv", PhysicalVolumeReport, "sysinv.agent.collectors.pv", after=("lvg",), aliases=("pvs", "audit_pv"),
                key=lambda volume: volume.device_node)
