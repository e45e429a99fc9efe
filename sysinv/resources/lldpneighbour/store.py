# SPDX-License-Identifier: Apache-2.0
"""Rows of ``lldp_neighbours``."""
from __future__ import annotations

import sqlalchemy as sa

from sysinv.resources.host.table import I_HOST
from sysinv.resources.lldpneighbour.table import LLDP_NEIGHBOURS
from sysinv.resources.port.table import PORTS

HOST = LLDP_NEIGHBOURS.c.host_id
QUERY = (
    sa.select(LLDP_NEIGHBOURS, I_HOST.c.uuid.label("host_uuid"), PORTS.c.uuid.label("port_uuid"),
              PORTS.c.name.label("port_name"), PORTS.c.namedisplay.label("port_namedisplay"))
    .join(I_HOST, I_HOST.c.id == LLDP_NEIGHBOURS.c.host_id).join(PORTS, PORTS.c.id == LLDP_NEIGHBOURS.c.port_id))
