# SPDX-License-Identifier: Apache-2.0
"""What a report of a host as a whole writes to its row."""
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sysinv.contract.enums import ActionState
from sysinv.resources.host.report import PlatformReport

_TEXTS = ("max_cpu_mhz_allowed", "min_cpu_mhz_allowed", "cstates_available", "iscsi_initiator_name", "nvme_host_id",
          "nvme_host_nqn")


def platform_values(row: Mapping[str, Any], report: PlatformReport) -> dict[str, Any]:
    """Columns to write; what the agent cannot tell stays. The first words after an installation end a reinstall."""
    values: dict[str, Any] = {"boot_id": report.boot_id[:64], "kernel_running": report.kernel_running[:32]}
    values |= {name: value[:255] for name in _TEXTS
               if (value := getattr(report, name)) is not None and value[:255] != row[name]}
    if report.after_install and row["action_state"] == ActionState.REINSTALLING:
        values["action_state"] = ActionState.REINSTALLED.value
    return values
