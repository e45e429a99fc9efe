# SPDX-License-Identifier: Apache-2.0
"""The subsystems' databases: transactions, shared columns, compare-and-set. Migrations: ``flock.db.migrate``."""
from __future__ import annotations

from flock.core.ids import new_uuid
from flock.db.database import (
    Database,
    DuplicateEntry,
    NestedWriter,
    ReferenceError,
    Rehearsal,
    WriteInReader,
    from_conf,
)
from flock.db.outage import DeadlockError
from flock.db.schema import EnumText, Json, UtcTime, columns, metadata, revision_column, utcnow
from flock.db.writes import compare_and_set

__all__ = [
    "Database", "DeadlockError", "DuplicateEntry", "EnumText", "Json", "NestedWriter", "ReferenceError", "Rehearsal",
    "UtcTime", "WriteInReader",
    "columns", "compare_and_set", "from_conf", "metadata", "new_uuid", "revision_column", "utcnow",
]
