# SPDX-License-Identifier: Apache-2.0
"""The tables of the store, derived from the row types, and the conversion of rows to SQL values and back."""
from __future__ import annotations

import enum
import functools
import json
import types
import typing
from collections.abc import Iterable, Mapping
from dataclasses import MISSING, dataclass, fields
from typing import Any, ClassVar

from flock.core.parse import parse_json
from sm.catalogue.rows import ROW_TYPES
from sm.contract.states import Administrative, Availability, Operational

SCHEMA_VERSION = 1


@dataclass(frozen=True, slots=True)
class NodeRow:
    """A controller as the daemon last knew it. ``state_uuid`` changes with every state."""

    KEY: ClassVar[tuple[str, ...]] = ("name",)
    name: str
    administrative: Administrative = Administrative.UNKNOWN
    operational: Operational = Operational.UNKNOWN
    availability: Availability = Availability.UNKNOWN
    ready: Operational = Operational.UNKNOWN
    state_uuid: str = ""


@dataclass(frozen=True, slots=True)
class DocumentRow:
    """A record that the daemon keeps under a name, as JSON; such as its vote."""

    KEY: ClassVar[tuple[str, ...]] = ("name",)
    name: str
    document: str


@dataclass(frozen=True, slots=True)
class VersionRow:
    """The configured rows after one change, as JSON in hexadecimal zlib."""

    KEY: ClassVar[tuple[str, ...]] = ("number",)
    number: int
    comment: str
    made: str
    document: str


KEPT_TYPES: Mapping[str, type[Any]] = {
    "nodes": NodeRow, "documents": DocumentRow, "versions": VersionRow,
}
ALL_TYPES: Mapping[str, type[Any]] = {**ROW_TYPES, **KEPT_TYPES}


@dataclass(frozen=True, slots=True)
class Column:
    """A column and the type of its values; ``optional`` values may be NULL."""

    name: str
    kind: Any
    optional: bool
    default: Any


@functools.cache
def columns(table: str) -> tuple[Column, ...]:
    """The columns of a table. Every one has a default, so that a row without it can be read and written."""
    row_type = ALL_TYPES[table]
    hints = typing.get_type_hints(row_type)
    found = []
    for item in fields(row_type):
        kind, optional = hints[item.name], False
        if typing.get_origin(kind) in (typing.Union, types.UnionType):
            kind, optional = next(part for part in typing.get_args(kind) if part is not type(None)), True
        default = item.default if item.default is not MISSING else None
        if item.default_factory is not MISSING:
            default = item.default_factory()
        elif default is None and not optional:
            default = {int: 0, bool: False}.get(kind, "")
        found.append(Column(item.name, kind, optional, default))
    return tuple(found)


def create(table: str) -> str:
    """The statement that creates a table where it is not there."""
    row_type = ALL_TYPES[table]
    parts = ["id INTEGER PRIMARY KEY AUTOINCREMENT", *(declare(column) for column in columns(table)),
             f"UNIQUE ({quoted(row_type.KEY)})"]
    return f'CREATE TABLE IF NOT EXISTS "{table}" ({", ".join(parts)})'


def declare(column: Column) -> str:
    """The declaration of a column, also for ALTER TABLE."""
    kind = "INTEGER" if column.kind is int else "TEXT"
    value = to_sql(column.default)
    if value is None:
        return f'"{column.name}" {kind}'
    text = str(value).replace("'", "''")
    return f'"{column.name}" {kind} NOT NULL DEFAULT ' + (text if column.kind is int else f"'{text}'")


def quoted(names: Iterable[str]) -> str:
    """Names of columns for a statement; some, such as group, are words of SQL."""
    return ", ".join(f'"{name}"' for name in names)


def to_sql(value: Any) -> Any:
    """A field as SQL keeps it: yes and no, the text of an enum, JSON of a mapping."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, Mapping):
        return json.dumps(dict(value), ensure_ascii=False)
    return value


def from_sql(column: Column, value: Any) -> Any:
    """The field that a stored value is; ValueError when it is none."""
    if value is None:
        if column.optional:
            return None
        raise ValueError("must not be empty")
    if column.kind is bool:
        if value not in ("yes", "no"):
            raise ValueError("must be yes or no")
        return value == "yes"
    if column.kind in (int, str):
        if not isinstance(value, column.kind):
            raise ValueError("must be a number" if column.kind is int else "must be text")
        return value
    if isinstance(column.kind, type) and issubclass(column.kind, enum.Enum):
        return column.kind(value)
    mapping = parse_json(value) if isinstance(value, str) else None
    if not isinstance(mapping, dict) or not all(isinstance(text, str) for text in mapping.values()):
        raise ValueError("must be a mapping of texts")
    return mapping
