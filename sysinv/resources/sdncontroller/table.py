# SPDX-License-Identifier: Apache-2.0
"""``sdn_controller``: one SDN controller."""
from __future__ import annotations

import sqlalchemy as sa

from flock.db import columns, revision_column
from sysinv.db.schema import METADATA, text
from sysinv.resources.sdncontroller.rules import ADDRESS_LENGTH_MAX, STATES, TRANSPORTS

SDN_CONTROLLER = sa.Table(
    "sdn_controller", METADATA, *columns(), revision_column(),
    text("state", 16, nullable=False, default=STATES[0]), text("ip_address", ADDRESS_LENGTH_MAX, nullable=False),
    sa.Column("port", sa.Integer, nullable=False), text("transport", 8, nullable=False, default=TRANSPORTS[0]),
    sa.UniqueConstraint("ip_address", "port"))
