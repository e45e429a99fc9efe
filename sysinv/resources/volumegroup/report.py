# SPDX-License-Identifier: Apache-2.0
"""Agents' report of volume groups."""
from __future__ import annotations

from dataclasses import dataclass

from sysinv.contract.reports import Report


@dataclass(frozen=True, slots=True)
class VolumeGroupReport:
    """One volume group; sizes as text of a number of bytes, which may exceed what other reports have."""

    name: str
    vg_uuid: str
    access: str
    max_lv: int
    cur_lv: int
    max_pv: int
    cur_pv: int
    size_bytes: str
    free_bytes: str
    total_pe: int
    free_pe: int


REPORT = Report("lvg", VolumeGroupReport, "sysinv.agent.collectors.lvg", after=("partition",),
                aliases=("lvgs", "audit_lvg"), key=lambda group: group.name)
