# SPDX-License-Identifier: Apache-2.0
"""``label``: Kubernetes labels of hosts; a host has one value of a key."""
from __future__ import annotations

import sqlalchemy as sa

from flock.db import columns, revision_column
from sysinv.db.schema import METADATA, host_id, text
from sysinv.resources.label.rules import KEY_MAX, VALUE_MAX

LABEL = sa.Table(
    "label", METADATA, *columns(), revision_column(), text("label_key", KEY_MAX, nullable=False),
    text("label_value", VALUE_MAX, nullable=False), host_id("host_id"), sa.UniqueConstraint("host_id", "label_key"))
