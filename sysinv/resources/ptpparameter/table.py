# SPDX-License-Identifier: Apache-2.0
"""``ptp_parameters``, and which PTP instances and PTP interfaces have them."""
from __future__ import annotations

import sqlalchemy as sa

from flock.db import columns, revision_column
from sysinv.db.schema import METADATA, text
from sysinv.resources.ptpparameter.rules import NAME_LENGTH_MAX, SECTION_LENGTH_MAX, VALUE_LENGTH_MAX

# A row is shared by all that have the same parameter, and deleted with its last ownership.
PTP_PARAMETERS = sa.Table(
    "ptp_parameters", METADATA, *columns(), revision_column(), text("section", SECTION_LENGTH_MAX, nullable=False),
    text("name", NAME_LENGTH_MAX, nullable=False), text("value", VALUE_LENGTH_MAX, nullable=False),
    sa.UniqueConstraint("section", "name", "value"))


def _owner_id(table: str, name: str) -> sa.Column[int]:
    return sa.Column(name, sa.Integer, sa.ForeignKey(f"{table}.id", ondelete="CASCADE"))


# The owner of an ownership is either an instance or an interface. The ids are in the order of an owner's parameters.
# A parameter that another request has just begun to share is not deleted: the database refuses it.
PTP_PARAMETER_OWNERSHIPS = sa.Table(
    "ptp_parameter_ownerships", METADATA, sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("ptp_parameter_id", sa.Integer, sa.ForeignKey("ptp_parameters.id", ondelete="RESTRICT"), nullable=False),
    _owner_id("ptp_instances", "ptp_instance_id"), _owner_id("ptp_interfaces", "ptp_interface_id"),
    sa.UniqueConstraint("ptp_instance_id", "ptp_parameter_id"),
    sa.UniqueConstraint("ptp_interface_id", "ptp_parameter_id"),
    sa.CheckConstraint("(ptp_instance_id IS NULL) <> (ptp_interface_id IS NULL)", name="one_owner"),
    sa.Index(None, "ptp_parameter_id"))
