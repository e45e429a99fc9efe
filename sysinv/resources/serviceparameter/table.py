# SPDX-License-Identifier: Apache-2.0
"""``service_parameter``: one parameter of a section. Empty personality and resource: those of a known parameter."""
from __future__ import annotations

import sqlalchemy as sa

from flock.db import columns, revision_column
from sysinv.db.schema import METADATA, text
from sysinv.resources.serviceparameter.rules import NAME_LENGTH_MAX, RESOURCE_LENGTH_MAX, SECTION_LENGTH_MAX

# Null would equal nothing, also not another null, and the constraint would not hold.
SERVICE_PARAMETER = sa.Table(
    "service_parameter", METADATA, *columns(), revision_column(), text("service", 16, nullable=False),
    text("section", SECTION_LENGTH_MAX, nullable=False), text("name", NAME_LENGTH_MAX, nullable=False),
    sa.Column("value", sa.Text, nullable=False), text("personality", 16, nullable=False, default=""),
    text("resource", RESOURCE_LENGTH_MAX, nullable=False, default=""),
    sa.UniqueConstraint("service", "section", "name", "personality", "resource",
                        name="uniq_service_parameter0service0section0name"))
