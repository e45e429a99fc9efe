# SPDX-License-Identifier: Apache-2.0
"""``interface_datanetworks``: which interfaces of a host carry a data network."""
from __future__ import annotations

import sqlalchemy as sa

from flock.db import columns
from sysinv.db.schema import METADATA, host_id

INTERFACE_DATANETWORKS = sa.Table(
    "interface_datanetworks", METADATA, *columns(), host_id(),
    sa.Column("interface_id", sa.Integer, sa.ForeignKey("interfaces.id", ondelete="CASCADE"), nullable=False),
    # A data network that an interface carries is not deleted.
    sa.Column("datanetwork_id", sa.Integer, sa.ForeignKey("datanetworks.id", ondelete="RESTRICT"), nullable=False,
              index=True),
    sa.UniqueConstraint("interface_id", "datanetwork_id"))
