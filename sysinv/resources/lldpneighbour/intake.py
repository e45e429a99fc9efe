# SPDX-License-Identifier: Apache-2.0
"""Pure comparison of reported with stored LLDP neighbours; our port, their chassis and their port identify them."""
from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from flock.core.text import storable
from flock.db.fitting import fitted
from sysinv.db.reported import Change, compare
from sysinv.resources.lldpneighbour.report import LldpNeighbourReport
from sysinv.resources.lldpneighbour.table import LLDP_NEIGHBOURS


def neighbour_change(stored: Iterable[Mapping[str, Any]], reported: Sequence[LldpNeighbourReport],
                     port_ids: Mapping[str, int], *, partial: bool = False) -> Change:
    """Compare. ``port_ids`` are row ids of the host's ports by name; lldpd also serves devices that are no ports."""
    wanted: dict[tuple[int, str], dict[str, Any]] = {}
    for report in reported:
        port = port_ids.get(storable(report.port_name, 255))
        if port is not None:
            values = _values(report, port)
            wanted.setdefault((port, values["msap"]), values)
    return compare({(row["port_id"], row["msap"]): row for row in stored}, wanted, partial=partial)


def _values(report: LldpNeighbourReport, port: int) -> dict[str, Any]:
    values = asdict(report)
    del values["port_name"]
    found = fitted(LLDP_NEIGHBOURS, {**values, "port_id": port})
    return {**found, "msap": f"{found['chassis_id']},{found['port_identifier']}"}
