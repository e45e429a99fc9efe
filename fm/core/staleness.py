# SPDX-License-Identifier: Apache-2.0
"""Decides which active alarms were not set again within their time to live. Stale alarms stay active."""
from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta


def time_to_live_s(alarm_id: str, own_s: int, by_id: Mapping[str, int]) -> int:
    """Seconds: the raiser's value ``own_s`` if positive, else the operator's for the id, else 0 (never stale)."""
    return own_s if isinstance(own_s, int) and own_s > 0 else by_id.get(alarm_id, 0)


def is_stale(last_refreshed: datetime, ttl_s: int, now: datetime) -> bool:
    """True when more than ``ttl_s`` seconds have passed since the last set; always False for ``ttl_s`` 0."""
    return ttl_s > 0 and now - last_refreshed > timedelta(seconds=ttl_s)
