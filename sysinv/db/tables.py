# SPDX-License-Identifier: Apache-2.0
"""All tables of sysinv: ``METADATA`` with the ``table.py`` of every resource in it."""
from __future__ import annotations

from flock.core import slices
from sysinv.db.schema import METADATA

TABLES = tuple(slices.modules("sysinv.resources", "table"))
__all__ = ["METADATA", "TABLES"]

# Who kept the number of a deleted host or address must not reach another one by it. PostgreSQL never gives a number
# twice, SQLite only when it is told so.
for _table in METADATA.tables.values():
    if "id" in _table.c:
        _table.dialect_options["sqlite"]["autoincrement"] = True
