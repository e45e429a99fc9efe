# SPDX-License-Identifier: Apache-2.0
"""Rows of ``label``; the caller of a write holds the host's lock."""
from __future__ import annotations

from collections.abc import Collection

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from flock.db import compare_and_set
from sysinv.db.lookup import Row
from sysinv.resources.host.table import I_HOST
from sysinv.resources.label.table import LABEL

QUERY = sa.select(LABEL, I_HOST.c.uuid.label("host_uuid")).join(I_HOST, I_HOST.c.id == LABEL.c.host_id)


def of_host(conn: Connection, host_id: int) -> dict[str, Row]:
    """Return the host's labels by key."""
    rows = conn.execute(QUERY.where(LABEL.c.host_id == host_id).order_by(LABEL.c.id)).mappings()
    return {row["label_key"]: dict(row) for row in rows}


def of_all_hosts(conn: Connection) -> dict[str, dict[str, str]]:
    """Return the labels of all hosts that have a name, by name and key; those without labels too."""
    query = sa.select(I_HOST.c.hostname, LABEL.c.label_key, LABEL.c.label_value).join_from(
        I_HOST, LABEL, I_HOST.c.id == LABEL.c.host_id, isouter=True).where(I_HOST.c.hostname.is_not(None))
    found: dict[str, dict[str, str]] = {}
    for name, key, value in conn.execute(query.order_by(I_HOST.c.id)):
        labels = found.setdefault(name, {})
        if key is not None:
            labels[key] = value
    return found


def with_keys(conn: Connection, host_id: int, keys: Collection[str]) -> list[Row]:
    """Return the host's labels ``keys``, in that order; ignores keys that the host does not have."""
    known = of_host(conn, host_id)
    return [known[key] for key in keys if key in known]


def write(conn: Connection, host_id: int, key: str, value: str, known: Row | None) -> None:
    """Insert a label, or give the one that is ``known`` another value."""
    if known is None:
        conn.execute(sa.insert(LABEL).values(host_id=host_id, label_key=key, label_value=value))
    elif known["label_value"] != value:
        compare_and_set(conn, LABEL, known["id"], known["revision"], {"label_value": value})


def delete(conn: Connection, row_id: int) -> None:
    """Delete a label."""
    conn.execute(sa.delete(LABEL).where(LABEL.c.id == row_id))
