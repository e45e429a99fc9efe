# SPDX-License-Identifier: Apache-2.0
"""``ptp_interfaces``, and the interfaces of hosts that they are assigned to."""
from __future__ import annotations

import sqlalchemy as sa

from flock.db import columns, revision_column
from sysinv.db.schema import METADATA, text
from sysinv.resources.ptpinstance.rules import NAME_LENGTH_MAX


def _id(name: str, table: str, ondelete: str) -> sa.Column[int]:
    return sa.Column(name, sa.Integer, sa.ForeignKey(f"{table}.id", ondelete=ondelete), nullable=False, index=True)


# An instance with PTP interfaces is not deleted.
PTP_INTERFACES = sa.Table(
    "ptp_interfaces", METADATA, *columns(), revision_column(), text("name", NAME_LENGTH_MAX, nullable=False),
    _id("ptp_instance_id", "ptp_instances", "RESTRICT"), sa.UniqueConstraint("name"))

# A PTP interface that interfaces have is not deleted; those that lose their host or port take the assignment along.
PTP_INTERFACE_MAPS = sa.Table(
    "ptp_interface_maps", METADATA, sa.Column("id", sa.Integer, primary_key=True),
    _id("interface_id", "interfaces", "CASCADE"), _id("ptp_interface_id", "ptp_interfaces", "RESTRICT"),
    sa.UniqueConstraint("interface_id", "ptp_interface_id"))
