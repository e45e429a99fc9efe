# SPDX-License-Identifier: Apache-2.0
"""Agents' report of the neighbours that lldpd knows."""
from __future__ import annotations

from dataclasses import dataclass

from sysinv.contract.reports import Report, Source


@dataclass(frozen=True, slots=True)
class LldpNeighbourReport:
    """A neighbour of the port ``port_name``; chassis and port identify it. None for what it does not send."""

    port_name: str
    chassis_id: str
    port_identifier: str
    port_description: str | None = None
    system_name: str | None = None
    system_description: str | None = None
    system_capabilities: str | None = None
    management_address: str | None = None
    ttl: str | None = None
    dot1_lag: str | None = None
    dot1_vlan_names: str | None = None
    dot1_port_vid: str | None = None
    dot1_vid_digest: str | None = None
    dot1_management_vid: str | None = None
    dot1_proto_vids: str | None = None
    dot1_proto_ids: str | None = None
    dot3_mac_status: str | None = None
    dot3_max_frame: str | None = None
    dot3_power_mdi: str | None = None


REPORT = Report("lldp_neighbour", LldpNeighbourReport, "sysinv.agent.collectors.lldp_neighbour",
                sources=(Source.SYSTEM,), after=("port",), aliases=("lldp_neighbours",),
                key=lambda neighbour: (neighbour.port_name, neighbour.chassis_id, neighbour.port_identifier))
