# SPDX-License-Identifier: Apache-2.0
"""Rows of ``service_parameter``."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from flock.core import ids
from flock.db import compare_and_set
from flock.wire.errors import shown
from sysinv.db.lookup import ItemNotFound, Row
from sysinv.resources.serviceparameter.catalogue import schema
from sysinv.resources.serviceparameter.rules import HIDDEN, Definition
from sysinv.resources.serviceparameter.table import SERVICE_PARAMETER

_P = SERVICE_PARAMETER.c
QUERY = sa.select(SERVICE_PARAMETER)


def found(conn: Connection, ident: str) -> Row:
    """Return a parameter by its uuid; ItemNotFound."""
    query = QUERY.where(_P.uuid == ident.lower())
    row = conn.execute(query).mappings().first() if ids.is_uuid(ident) else None
    if row is None:
        raise ItemNotFound(resource="Service parameter", id=shown(ident))
    return dict(row)


def every(conn: Connection) -> list[Row]:
    """Return all parameters, in the order in which they were added."""
    return [dict(row) for row in conn.execute(QUERY.order_by(_P.id)).mappings()]


def values_of(conn: Connection, service: str, section: str) -> dict[str, str]:
    """Return the values of a section's known parameters by name, without those of one personality."""
    query = QUERY.where(_P.service == service, _P.section == section, _P.personality == "", _P.resource == "")
    return {row["name"]: row["value"] for row in conn.execute(query).mappings()}


def insert(conn: Connection, values: Mapping[str, Any]) -> Row:
    """Add a parameter; DuplicateEntry."""
    key = conn.execute(sa.insert(SERVICE_PARAMETER).values(**values)).inserted_primary_key
    return dict(conn.execute(QUERY.where(_P.id == (key or [0])[0])).mappings().one())


def write(conn: Connection, row: Row, values: Mapping[str, Any]) -> None:
    """Change a parameter."""
    compare_and_set(conn, SERVICE_PARAMETER, row["id"], row["revision"], dict(values))


def delete(conn: Connection, row_id: int) -> None:
    """Remove a parameter."""
    conn.execute(sa.delete(SERVICE_PARAMETER).where(_P.id == row_id))


def seed(conn: Connection) -> None:
    """Add the parameters that each system has from its start."""
    rows = [{"service": section.service, "section": section.name, "name": one.name, "value": one.default}
            for sections in schema().values() for section in sections.values()
            for one in section.parameters.values() if one.default is not None]
    for row in rows:
        conn.execute(sa.insert(SERVICE_PARAMETER).values(**row))


def definition_of(row: Mapping[str, Any]) -> Definition | None:
    """Return the definition of a stored parameter; None for one with a resource, or that the product has no more."""
    section = schema().get(row["service"], {}).get(row["section"])
    return None if section is None or row["resource"] else section.definition(row["name"])


def as_seen(_conn: Connection, rows: Sequence[Row]) -> list[Row]:
    """Return parameters as clients see them: without secret values, and null where there is no text."""
    return [{**row, "shown_personality": row["personality"] or None, "shown_resource": row["resource"] or None,
             "value": HIDDEN if _is_secret(row) else row["value"]} for row in rows]


def _is_secret(row: Row) -> bool:
    known = definition_of(row)
    return known is not None and known.secret
