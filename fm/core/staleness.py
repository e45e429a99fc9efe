# SPDX-License-Identifier: Apache-2.0
"""Which active alarms nobody has confirmed for longer than their time to live. Nothing is cleared by it."""
from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta


def time_to_live_s(alarm_id: str, own_s: int, by_id: Mapping[str, int]) -> int:
    """What the raiser said, else what the operator set for the id, else 0: never stale."""
    return own_s if isinstance(own_s, int) and own_s > 0 else by_id.get(alarm_id, 0)


def is_stale(last_refreshed: datetime, ttl_s: int, now: datetime) -> bool:
    """True once more than ``ttl_s`` seconds have passed since the last set."""
    return ttl_s > 0 and now - last_refreshed > timedelta(seconds=ttl_s)
