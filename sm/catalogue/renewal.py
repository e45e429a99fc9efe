# SPDX-License-Identifier: Apache-2.0
"""Brings a new catalogue, of a new release or of a changed site, into rows that operators have changed meanwhile."""
from __future__ import annotations

from dataclasses import fields
from typing import Any

from flock.core.records import replace
from sm.catalogue.rows import Configured, key_of, tables


def renewed(base: Configured, now: Configured, new: Configured) -> Configured:
    """The rows of ``new`` with every field that operators have changed since ``base``, the catalogue before.

    Rows that the catalogue does not have any more go; rows that operators added or removed stay so.
    """
    was, has, gets = tables(base), tables(now), tables(new)
    changes: dict[str, Any] = {table: tuple(_rows(was[table], has[table], gets[table])) for table in gets}
    return replace(new, **changes)


def _rows(base: tuple[Any, ...], now: tuple[Any, ...], new: tuple[Any, ...]) -> list[Any]:
    was, has, gets = ({key_of(row): row for row in rows} for rows in (base, now, new))
    found = []
    for key, row in gets.items():
        if key in has:
            found.append(_row(was.get(key, row), has[key], row))
        elif key not in was:
            found.append(row)
    found += [row for key, row in has.items() if key not in gets and key not in was]
    return found


def _row(base: Any, now: Any, new: Any) -> Any:
    return replace(new, **{item.name: getattr(now, item.name) for item in fields(new)
                           if getattr(now, item.name) != getattr(base, item.name)})
