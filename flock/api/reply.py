# SPDX-License-Identifier: Apache-2.0
"""What a controller gives back: ``Reply``, ready-made JSON, a dict, a list, or None."""
from __future__ import annotations

import enum
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from flock.wire import times


@dataclass(frozen=True, slots=True)
class RawJson:
    """Bytes that are JSON already."""

    content: bytes


@dataclass(frozen=True, slots=True)
class Reply:
    """``data`` is encoded as JSON (None: empty body), ``RawJson`` and plain bytes go out as they are, and
    ``flock.api.stream.Pieces`` one by one."""

    data: Any = None
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


def encode(data: Any) -> bytes:
    """JSON bytes of ``data``; times in the offset form, enums as their value, sets as sorted lists."""
    if isinstance(data, RawJson):
        return data.content
    if isinstance(data, bytes):
        return data
    return json.dumps(data, default=_default).encode("ascii")


def _default(value: Any) -> Any:
    if isinstance(value, datetime):
        return times.with_offset(value)
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, bytes):
        # What a text column of a database without types may hold: shown as well as it can be.
        return value.decode("utf-8", "replace")
    if isinstance(value, (set, frozenset)):
        return sorted(value)
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} is not JSON")
