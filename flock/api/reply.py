# SPDX-License-Identifier: Apache-2.0
"""The result of a controller: ``Reply``, encoded JSON, a dict, a list, or None."""
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
    """Bytes that are already JSON."""

    content: bytes


@dataclass(frozen=True, slots=True)
class Reply:
    """A response. ``data`` is encoded as JSON (None: empty body); ``RawJson`` and bytes are sent unchanged, and
    ``flock.api.stream.Pieces`` are sent one by one."""

    data: Any = None
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


def encode(data: Any) -> bytes:
    """JSON bytes of ``data``; times with offset, enums as their value, sets as sorted lists. TypeError for others."""
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
        # SQLite may return bytes from a text column.
        return value.decode("utf-8", "replace")
    if isinstance(value, (set, frozenset)):
        return sorted(value)
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} is not JSON")
