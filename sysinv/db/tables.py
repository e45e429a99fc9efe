# SPDX-License-Identifier: Apache-2.0
"""All tables of sysinv: ``METADATA`` with the tables of every resource's ``table.py``."""
from __future__ import annotations

from flock.core import slices
from sysinv.db.schema import METADATA

TABLES = tuple(slices.modules("sysinv.resources", "table"))
__all__ = ["METADATA", "TABLES"]

# An id of a deleted host or address must not identify a new one. PostgreSQL never assigns an id twice, SQLite only
# with this option.
for _table in METADATA.tables.values():
    if "id" in _table.c:
        _table.dialect_options["sqlite"]["autoincrement"] = True
