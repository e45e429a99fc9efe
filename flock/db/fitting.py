# SPDX-License-Identifier: Apache-2.0
"""Makes reported values fit their columns: cuts text to the column's length, limits integers to its range."""
from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from flock.core.text import storable, storable_tree

LOG = logging.getLogger(__name__)
INTEGER_MAX = 2**31 - 1
BIG_INTEGER_MAX = 2**63 - 1


def fitted(table: sa.Table, values: Mapping[str, Any]) -> dict[str, Any]:
    """``values`` (by column name), changed so that ``table`` can store them.

    Makes text storable, cuts it to the column's length, and replaces a number beyond the column's range by the nearest
    one within it. So one odd value does not prevent storing the rest. Keeps names that are no column.
    """
    return {name: _fitted(table.c[name].type, value) if name in table.c else value for name, value in values.items()}


def _fitted(kind: Any, value: Any) -> Any:
    if isinstance(value, str) and isinstance(kind, sa.String):
        return storable(value, kind.length)
    if isinstance(value, int) and not isinstance(value, bool) and isinstance(kind, sa.Integer):
        limit = BIG_INTEGER_MAX if isinstance(kind, sa.BigInteger) else INTEGER_MAX
        return max(-limit - 1, min(value, limit))
    return storable_tree(value) if isinstance(value, dict | list | tuple) else value
