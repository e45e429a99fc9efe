# SPDX-License-Identifier: Apache-2.0
"""Parses times that operators type: a duration from now (``2h``, ``1d12h``), or a date in their own time zone."""
from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, tzinfo

from flock.cli.errors import UsageError

_UNITS_S = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_DURATION = re.compile(r"(?:\d+[smhdw])+")
DURATION_MAX_S = 10 * 365 * 86400
RULE = "a duration such as 30m, 2h or 1d12h, or a date such as 2026-05-01 or '2026-05-01 18:30'"


def moment(text: str, now: datetime, zone: tzinfo | None = None) -> datetime:
    """The UTC time of ``text``: a duration after ``now`` (aware), or a date, in ``zone`` unless it names one.

    ``zone`` None means the machine's time zone. UsageError when ``text`` is neither a duration of at most ten years nor
    a date.
    """
    words = text.strip()
    if _DURATION.fullmatch(words):
        seconds = sum(int(amount) * _UNITS_S[unit] for amount, unit in re.findall(r"(\d+)([smhdw])", words))
        if not 0 < seconds <= DURATION_MAX_S:
            raise UsageError(f"{text!r} is not a duration between 1 second and 10 years")
        return (now + timedelta(seconds=seconds)).astimezone(UTC)
    try:
        found = datetime.fromisoformat(words)
        # astimezone assumes the machine's zone for a date without zone.
        aware = found if found.tzinfo or zone is None else found.replace(tzinfo=zone)
        return aware.astimezone(UTC)
    except (ValueError, OverflowError, OSError):
        raise UsageError(f"{text!r} is not {RULE}") from None


def wire(when: datetime) -> str:
    """A time in the API's format: ISO 8601 in UTC without zone."""
    return when.astimezone(UTC).replace(tzinfo=None).isoformat()
