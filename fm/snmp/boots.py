# SPDX-License-Identifier: Apache-2.0
"""Counts the starts of the SNMPv3 engine (snmpEngineBoots). Receivers reject messages if the count decreases."""
from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from flock.exec.atomic import replace_file

EPOCH = datetime(2020, 1, 1, tzinfo=UTC)
BOOTS_MAX = 2**31 - 2


def next_boots(stored: int, now: datetime) -> int:
    """The next count: higher than at the last start on this controller, and usually than on the other controller.

    The seconds since 2020 increase on all controllers without shared storage; ``stored`` + 1 applies after the clock
    was set back.
    """
    return min(max(stored + 1, int((now - EPOCH).total_seconds()), 1), BOOTS_MAX)


def count_start(path: Path, now: datetime) -> int:
    """Store the count for this start in ``path`` and return it; OSError when it cannot be stored."""
    try:
        stored = int(path.read_text(encoding="ascii"))
    except (FileNotFoundError, ValueError):
        stored = 0
    boots = next_boots(stored, now)
    replace_file(path, str(boots))
    return boots
