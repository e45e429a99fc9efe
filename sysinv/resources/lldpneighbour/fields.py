# SPDX-License-Identifier: Apache-2.0
"""``lldp_neighbours``: what one port of a host received from a neighbour."""
from __future__ import annotations

from flock.wire.resource import AGENT, SYSTEM, Record, attr


class LldpNeighbour(Record):
    """One neighbour of a port; ``msap`` is ``<chassis>,<port>``."""

    envelope = "lldp_neighbours"
    msap = attr(str, writer=AGENT, nullable=False)
    host_uuid = attr(str, writer=SYSTEM, nullable=False)
    port_uuid = attr(str, writer=SYSTEM, nullable=False)
    port_name = attr(str, writer=SYSTEM, label="local_port")
    port_namedisplay = attr(str, writer=SYSTEM)
    chassis_id = attr(str, writer=AGENT)
    port_identifier = attr(str, writer=AGENT, label="remote_port")
    port_description = attr(str, writer=AGENT)
    system_description = attr(str, writer=AGENT)
    system_name = attr(str, writer=AGENT)
    system_capabilities = attr(str, writer=AGENT)
    management_address = attr(str, writer=AGENT)
    ttl = attr(str, writer=AGENT)
    dot1_lag = attr(str, writer=AGENT)
    dot1_port_vid = attr(str, writer=AGENT)
    dot1_vid_digest = attr(str, writer=AGENT)
    dot1_management_vid = attr(str, writer=AGENT)
    dot1_vlan_names = attr(str, writer=AGENT)
    dot1_proto_vids = attr(str, writer=AGENT)
    dot1_proto_ids = attr(str, writer=AGENT)
    dot3_mac_status = attr(str, writer=AGENT)
    dot3_max_frame = attr(str, writer=AGENT)
    dot3_power_mdi = attr(str, writer=AGENT)
