# SPDX-License-Identifier: Apache-2.0
"""Agents' report of what lldpd sends from each port."""
from __future__ import annotations

from dataclasses import dataclass

from sysinv.contract.reports import Report, Source


@dataclass(frozen=True, slots=True)
class LldpAgentReport:
    """The LLDP agent of the port ``port_name``; None for what it does not send."""

    port_name: str
    status: str | None = None
    chassis_id: str | None = None
    port_identifier: str | None = None
    port_description: str | None = None
    system_name: str | None = None
    system_description: str | None = None
    system_capabilities: str | None = None
    management_address: str | None = None
    ttl: str | None = None
    dot1_lag: str | None = None
    dot1_vlan_names: str | None = None
    dot3_mac_status: str | None = None
    dot3_max_frame: str | None = None


REPORT = Report("lldp_agent", LldpAgentReport, "sysinv.agent.collectors.lldp_agent", sources=(Source.SYSTEM,),
                after=("port",), aliases=("lldp_agents",), key=lambda agent: agent.port_name)
