# SPDX-License-Identifier: Apache-2.0
"""Wire formats of a point in time. Internal times are UTC, with or without tzinfo."""
from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

TimeFormat = Callable[[datetime], str]


def with_offset(moment: datetime) -> str:
    """Text such as ``2026-03-01T10:20:30.000456+00:00``; a time without zone counts as UTC."""
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    return moment.isoformat()


def without_zone(moment: datetime) -> str:
    """Text such as ``2026-03-01T10:20:30.000456``, in UTC."""
    if moment.tzinfo is not None:
        moment = moment.astimezone(UTC).replace(tzinfo=None)
    return moment.isoformat()


def parse(text: str) -> datetime:
    """The aware UTC time of an ISO-like date (``20160131 10:23:45``, ``2026-02-01``, with or without zone); else
    ValueError."""
    try:
        moment = datetime.fromisoformat(text.strip())
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError("must be an ISO 8601 date such as 2026-03-01T10:20:30") from None
