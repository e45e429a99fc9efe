# SPDX-License-Identifier: Apache-2.0
"""``lldp_agents``: what lldpd sends from one port of a host."""
from __future__ import annotations

from flock.wire.resource import AGENT, SYSTEM, Record, attr


class LldpAgent(Record):
    """The LLDP agent of one port; ``status`` is ``rx=enabled,tx=enabled``."""

    envelope = "lldp_agents"
    status = attr(str, writer=AGENT)
    host_uuid = attr(str, writer=SYSTEM, nullable=False)
    port_uuid = attr(str, writer=SYSTEM, nullable=False)
    port_name = attr(str, writer=SYSTEM, label="local_port")
    port_namedisplay = attr(str, writer=SYSTEM)
    chassis_id = attr(str, writer=AGENT)
    port_identifier = attr(str, writer=AGENT, label="port_id")
    port_description = attr(str, writer=AGENT)
    system_description = attr(str, writer=AGENT)
    system_name = attr(str, writer=AGENT)
    system_capabilities = attr(str, writer=AGENT)
    management_address = attr(str, writer=AGENT)
    ttl = attr(str, writer=AGENT)
    dot1_lag = attr(str, writer=AGENT)
    dot1_vlan_names = attr(str, writer=AGENT)
    dot3_mac_status = attr(str, writer=AGENT)
    dot3_max_frame = attr(str, writer=AGENT)
