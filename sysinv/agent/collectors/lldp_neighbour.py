# SPDX-License-Identifier: Apache-2.0
"""The neighbours that lldpd learned of by LLDP; those of other protocols, which it may also speak, are left out."""
from __future__ import annotations

from dataclasses import fields

from flock.exec import Root
from sysinv.agent.collectors import lldp
from sysinv.agent.collectors.items import Items
from sysinv.resources.lldpneighbour.report import LldpNeighbourReport

LLDP = "LLDP"
_IDENTITY = ("port_name", "chassis_id", "port_identifier")
_SENT = tuple(field.name for field in fields(LldpNeighbourReport) if field.name not in _IDENTITY)


def collect(root: Root, ask: lldp.Ask = lldp.ask) -> Items[LldpNeighbourReport]:
    """Return the neighbours of all ports; none where lldpd does not run."""
    return lldp.collected(root, ask, "neighbors", neighbour)


def neighbour(entry: lldp.Element) -> LldpNeighbourReport | None:
    """Return the report of one neighbour; None for another protocol; ValueError when its identity is missing."""
    if entry.get("via") != LLDP:
        return None
    told = lldp.tlvs(entry)
    name, chassis, port = lldp.text(entry, "name"), told["chassis_id"], told["port_identifier"]
    if name is None or chassis is None or port is None:
        raise ValueError("a neighbour without the name of our port, a chassis or a port")
    return LldpNeighbourReport(port_name=name, chassis_id=chassis, port_identifier=port,
                               **{field: told[field] for field in _SENT})
