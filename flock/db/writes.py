# SPDX-License-Identifier: Apache-2.0
"""Writes that detect a concurrent change of the row."""
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from flock.core.errors import StaleWrite


def compare_and_set(conn: Connection, table: sa.Table, where_id: int | str, expect_revision: int,
                    values: Mapping[str, Any]) -> int:
    """Write ``values`` to the row if its ``revision`` is still ``expect_revision``; returns the new revision.

    ``where_id`` is the row's id (int) or uuid (str). StaleWrite when the row was changed or is gone.
    """
    key = table.c.uuid if isinstance(where_id, str) else table.c.id
    done = conn.execute(
        sa.update(table)
        .where(key == where_id, table.c.revision == expect_revision)
        .values(**values, revision=expect_revision + 1))
    if done.rowcount != 1:
        raise StaleWrite(resource=table.name, id=where_id)
    return expect_revision + 1
