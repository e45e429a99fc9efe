# SPDX-License-Identifier: Apache-2.0
"""``inodes``: one NUMA node."""
from __future__ import annotations

from flock.wire.resource import ADMIN, AGENT, SYSTEM, Record, attr


class Node(Record):
    """One NUMA node."""

    envelope = "inodes"
    numa_node = attr(int, writer=AGENT, nullable=False)
    capabilities = attr(dict, writer=ADMIN, nullable=False)
    ihost_uuid = attr(str, writer=SYSTEM, nullable=False)
