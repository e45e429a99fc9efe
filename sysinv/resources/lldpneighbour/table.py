# SPDX-License-Identifier: Apache-2.0
"""``lldp_neighbours``: what a port received; ``msap``, their chassis and port, identifies a neighbour of our port."""
from __future__ import annotations

import sqlalchemy as sa

from flock.db import columns
from sysinv.db.schema import METADATA, host_id, lldp_columns, port_id, text

LLDP_NEIGHBOURS = sa.Table(
    "lldp_neighbours", METADATA, *columns(), text("msap", 511, nullable=False), *lldp_columns(),
    text("dot1_port_vid", 16), text("dot1_vid_digest", 64), text("dot1_management_vid", 16),
    text("dot1_proto_vids", 1024), text("dot1_proto_ids", 1024), text("dot3_power_mdi"), port_id(),
    host_id("host_id"), sa.UniqueConstraint("port_id", "msap"))
