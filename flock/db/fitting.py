# SPDX-License-Identifier: Apache-2.0
"""Values that others report, made to fit the columns they go to: text by length, whole numbers by range."""
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
    """``values`` by column name as ``table`` can hold them.

    Text is made storable and cut to the column's length, a number beyond the column's range becomes the nearest one
    in it. One odd value then costs its own end, not the row and all that came with it. Names that are no column stay.
    """
    return {name: _fitted(table.c[name].type, value) if name in table.c else value for name, value in values.items()}


def _fitted(kind: Any, value: Any) -> Any:
    if isinstance(value, str) and isinstance(kind, sa.String):
        return storable(value, kind.length)
    if isinstance(value, int) and not isinstance(value, bool) and isinstance(kind, sa.Integer):
        limit = BIG_INTEGER_MAX if isinstance(kind, sa.BigInteger) else INTEGER_MAX
        return max(-limit - 1, min(value, limit))
    return storable_tree(value) if isinstance(value, dict | list | tuple) else value
