# SPDX-License-Identifier: Apache-2.0
"""Pure comparison of reported with stored LLDP agents; their port identifies them."""
from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from flock.core.text import storable
from flock.db.fitting import fitted
from sysinv.db.reported import Change, compare
from sysinv.resources.lldpagent.report import LldpAgentReport
from sysinv.resources.lldpagent.table import LLDP_AGENTS


def agent_change(stored: Iterable[Mapping[str, Any]], reported: Sequence[LldpAgentReport],
                 port_ids: Mapping[str, int], *, partial: bool = False) -> Change:
    """Compare. ``port_ids`` are row ids of the host's ports by name; lldpd also serves devices that are no ports."""
    wanted: dict[int, dict[str, Any]] = {}
    for report in reported:
        port = port_ids.get(storable(report.port_name, 255))
        if port is not None:
            values = asdict(report)
            del values["port_name"]
            wanted.setdefault(port, fitted(LLDP_AGENTS, {**values, "port_id": port}))
    return compare({row["port_id"]: row for row in stored}, wanted, partial=partial)
