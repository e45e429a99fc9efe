# SPDX-License-Identifier: Apache-2.0
"""``drbdconfigs``: DRBD's settings."""
from __future__ import annotations

from flock.wire.resource import SYSTEM, Record, attr
from flock.wire.types import Number
from sysinv.resources.drbdconfig.rules import LINK_UTIL_MAX, LINK_UTIL_MIN, NUM_PARALLEL, RTT_MAX_MS, RTT_MIN_MS

ACTIONS = ("apply", "install")


class DrbdConfig(Record):
    """DRBD's settings: percentage of the link, number of parallel resynchronizations, round-trip time in ms."""

    envelope = "drbdconfigs"
    path = "drbdconfig"
    link_util = attr(int, min=LINK_UTIL_MIN, max=LINK_UTIL_MAX, nullable=False)
    num_parallel = attr(int, min=NUM_PARALLEL, max=NUM_PARALLEL, nullable=False)
    rtt_ms = attr(Number(RTT_MIN_MS, RTT_MAX_MS), nullable=False)
    isystem_uuid = attr(str, writer=SYSTEM, nullable=False)


class DrbdConfigChange(DrbdConfig):
    """Fields of a PATCH; ``action`` and ``secure`` are not stored."""

    envelope = "drbdconfigs"
    path = "drbdconfig"
    secure = attr(bool)
    action = attr(ACTIONS)
