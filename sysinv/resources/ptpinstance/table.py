# SPDX-License-Identifier: Apache-2.0
"""``ptp_instances``, and the hosts that they are assigned to."""
from __future__ import annotations

import sqlalchemy as sa

from flock.db import Json, columns, revision_column
from sysinv.db.schema import METADATA, host_id, text
from sysinv.resources.ptpinstance.rules import NAME_LENGTH_MAX, SERVICES, SINGLE


def _quoted(names: tuple[str, ...]) -> str:
    return ", ".join(f"'{name}'" for name in names)


PTP_INSTANCES = sa.Table(
    "ptp_instances", METADATA, *columns(), revision_column(), text("name", NAME_LENGTH_MAX, nullable=False),
    text("service", 16, nullable=False), sa.Column("capabilities", Json, nullable=False, default=dict),
    sa.UniqueConstraint("name"), sa.CheckConstraint(f"service IN ({_quoted(SERVICES)})", name="service"))

# ``single_service`` is the service of an instance if a host runs only one of that service: so the database refuses a
# second one. An instance that a host has is not deleted.
PTP_INSTANCE_MAPS = sa.Table(
    "ptp_instance_maps", METADATA, sa.Column("id", sa.Integer, primary_key=True), host_id(),
    sa.Column("ptp_instance_id", sa.Integer, sa.ForeignKey("ptp_instances.id", ondelete="RESTRICT"), nullable=False,
              index=True),
    text("single_service", 16), sa.UniqueConstraint("forihostid", "ptp_instance_id"),
    sa.UniqueConstraint("forihostid", "single_service"),
    sa.CheckConstraint(f"single_service IS NULL OR single_service IN ({_quoted(SINGLE)})", name="single_service"))
