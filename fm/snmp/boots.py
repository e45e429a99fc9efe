# SPDX-License-Identifier: Apache-2.0
"""The count of starts of our SNMPv3 engine: receivers refuse messages of an engine whose count went back."""
from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from flock.exec.atomic import replace_file

EPOCH = datetime(2020, 1, 1, tzinfo=UTC)
BOOTS_MAX = 2**31 - 2


def next_boots(stored: int, now: datetime) -> int:
    """More than at the last start on this controller, and as a rule more than at the last start on another one.

    Seconds since 2020 grow without being shared between controllers; the stored count holds when the clock went back.
    """
    return min(max(stored + 1, int((now - EPOCH).total_seconds()), 1), BOOTS_MAX)


def count_start(path: Path, now: datetime) -> int:
    """The count for this start, stored in ``path`` before it is used; OSError when it cannot be stored."""
    try:
        stored = int(path.read_text(encoding="ascii"))
    except (FileNotFoundError, ValueError):
        stored = 0
    boots = next_boots(stored, now)
    replace_file(path, str(boots))
    return boots
