# SPDX-License-Identifier: Apache-2.0
"""``lldp_agents``: what lldpd sends from a port; a port has one agent."""
from __future__ import annotations

import sqlalchemy as sa

from flock.db import columns
from sysinv.db.schema import METADATA, host_id, lldp_columns, port_id, text

LLDP_AGENTS = sa.Table(
    "lldp_agents", METADATA, *columns(), text("status", 32), *lldp_columns(), port_id(), host_id("host_id"),
    sa.UniqueConstraint("port_id"))
