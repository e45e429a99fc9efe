# SPDX-License-Identifier: Apache-2.0
"""Columns of a resource: wire field, label, and the conversion of values to text."""
from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import Any

from flock.cli.errors import UsageError
from flock.core.text import storable

Row = Mapping[str, Any]

_ISO_DATE = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d{1,6})?(?:Z|[+-]\d\d:\d\d)?")


@dataclass(frozen=True, slots=True)
class Column:
    """One column: ``field`` is the wire name, ``label`` the table's title, ``show`` computes the cell from a row."""

    field: str
    label: str = ""
    show: Callable[[Row], Any] | None = None

    @property
    def title(self) -> str:
        return self.label or self.field

    def value(self, row: Row) -> Any:
        """The cell of ``row`` in this column; empty when the field is absent."""
        return self.show(row) if self.show else row.get(self.field, "")


def columns(*names: str) -> tuple[Column, ...]:
    """Columns with the wire name as label; ``"field=Label"`` sets another label."""
    return tuple(Column(field, label) for field, _, label in (name.partition("=") for name in names))


def cell_text(value: Any, zone: tzinfo | None = None) -> str:
    """A value as text of a table cell: dates in local time (``zone`` for tests), structures as JSON, null as ``None``.

    Control characters, also newlines, and characters that turn the direction of writing are escaped, so that a stored
    value cannot draw a row of its own or show another text than it is.
    """
    if isinstance(value, (dict, list, tuple)):
        text = json.dumps(value, ensure_ascii=False, sort_keys=True)
    else:
        text = str(value)
    text = storable(text.replace("\t", "    "))
    return _ISO_DATE.sub(lambda found: _local(found.group(), zone), text)


def wire_value(value: Any) -> Any:
    """A value for JSON and YAML output: the wire value, but with every timestamp in UTC with ``Z``."""
    if isinstance(value, dict):
        return {key: wire_value(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [wire_value(item) for item in value]
    if isinstance(value, str) and _ISO_DATE.fullmatch(value):
        moment = _moment(value)
        if moment is not None:
            return moment.astimezone(UTC).isoformat().removesuffix("+00:00") + "Z"
    return value


def _moment(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _local(text: str, zone: tzinfo | None) -> str:
    moment = _moment(text)
    if moment is None:
        return text
    local = moment.astimezone(zone)
    separator = "T" if "T" in text else " "
    has_offset = text.endswith("Z") or re.search(r"[+-]\d\d:\d\d$", text[19:]) is not None
    return (local if has_offset else local.replace(tzinfo=None)).isoformat(sep=separator)


def pick(known: Sequence[Column], wanted: Iterable[str], rows: Sequence[Row]) -> tuple[Column, ...]:
    """The columns that ``-c`` names, by label or wire name; also fields that the default table does not show.

    UsageError when a name is unknown.
    """
    by_name = {_plain(name): column for column in known for name in (column.field, column.title)}
    fields = {_plain(field): field for row in rows for field in row}
    chosen: list[Column] = []
    for name in wanted:
        column = by_name.get(_plain(name))
        if column is None and _plain(name) in fields:
            column = Column(fields[_plain(name)])
        if column is None:
            listed = ", ".join(sorted({column.field for column in known} | set(fields.values())))
            raise UsageError(f"No column is named {name!r}. Known columns: {listed}.")
        chosen.append(column)
    return tuple(chosen)


def _plain(name: str) -> str:
    return re.sub(r"[\s_-]+", "_", name.strip().lower())


def sorted_rows(rows: Iterable[Row], keys: Sequence[Column], reverse: bool = False) -> list[Row]:
    """Rows sorted by ``keys``: numbers before texts, nulls last in ascending order. The sort is stable."""
    return sorted(rows, key=lambda row: tuple(_sort_key(key.value(row)) for key in keys), reverse=reverse)


def _sort_key(value: Any) -> tuple[int, float, str]:
    if value is None or value == "":
        return (2, 0, "")
    if isinstance(value, (int, float)):
        return (0, value, "")
    return (1, 0, str(value))
