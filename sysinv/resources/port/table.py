# SPDX-License-Identifier: Apache-2.0
"""``ports``: network ports."""
from __future__ import annotations

import sqlalchemy as sa

from flock.db import Json, columns
from sysinv.db.schema import METADATA, host_id, pci_columns, text

PORTS = sa.Table(
    "ports", METADATA, *columns(), text("type", 16, nullable=False, default="ethernet"), *pci_columns(),
    text("namedisplay"), sa.Column("dev_id", sa.Integer, nullable=False, default=0),
    sa.Column("dpdksupport", sa.Boolean, nullable=False, default=False),
    sa.Column("numchannels", sa.Integer), sa.Column("maxchannels", sa.Integer),
    sa.Column("sriov_vf_numchannels", sa.Integer), sa.Column("sriov_vf_maxchannels", sa.Integer),
    sa.Column("capabilities", Json, nullable=False, default=dict),
    text("mac", 17, nullable=False), sa.Column("mtu", sa.Integer), sa.Column("speed", sa.Integer),
    text("link_mode"), text("duplex", 16), text("autoneg", 16), text("bootp", 8), text("bootif", 64),
    sa.Column("interface_id", sa.Integer, sa.ForeignKey("interfaces.id", ondelete="SET NULL"), index=True),
    sa.Column("node_id", sa.Integer, sa.ForeignKey("i_node.id", ondelete="SET NULL")), host_id("host_id"),
    sa.UniqueConstraint("pciaddr", "dev_id", "host_id"))
