# SPDX-License-Identifier: Apache-2.0
"""Pure conversion of a report of a host as a whole to columns of its row."""
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flock.db.fitting import fitted
from sysinv.contract.enums import ActionState
from sysinv.resources.host.report import PlatformReport
from sysinv.resources.host.table import I_HOST

_TEXTS = ("max_cpu_mhz_allowed", "min_cpu_mhz_allowed", "cstates_available", "iscsi_initiator_name", "nvme_host_id",
          "nvme_host_nqn")


def platform_values(row: Mapping[str, Any], report: PlatformReport) -> dict[str, Any]:
    """Return the columns to write; keeps unknown values. The first report after an installation ends a reinstall."""
    told = {name: value for name in _TEXTS if (value := getattr(report, name)) is not None}
    fitting = fitted(I_HOST, {"boot_id": report.boot_id, "kernel_running": report.kernel_running, **told})
    values = {name: value for name, value in fitting.items() if name not in told or value != row[name]}
    if report.after_install and row["action_state"] == ActionState.REINSTALLING:
        values["action_state"] = ActionState.REINSTALLED.value
    return values
