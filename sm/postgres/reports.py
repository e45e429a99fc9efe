# SPDX-License-Identifier: Apache-2.0
"""What sm-daemon and its watcher of PostgreSQL tell each other, one JSON document per line."""
from __future__ import annotations

from dataclasses import dataclass

from sm.daemon.guard import NOTHING_PROVEN


@dataclass(frozen=True, slots=True)
class Order:
    """Of the daemon: ``nodes`` are required, by order ``number``."""

    number: int
    nodes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Seen:
    """What was seen. ``at_ms``: CLOCK_MONOTONIC before the look. ``enforced``: the greatest order that is in force."""

    at_ms: int
    enforced: int = NOTHING_PROVEN
    in_sync: tuple[str, ...] = ()
    problem: str = ""
