# SPDX-License-Identifier: Apache-2.0
"""``operations``: active and ended operations of the conductor, with the errors of failed ones."""
from __future__ import annotations

from flock.wire.resource import SYSTEM, Record, attr


class Operation(Record):
    """One stored operation; ``error`` is the reason of its failure."""

    envelope = "operations"
    kind = attr(str, writer=SYSTEM, nullable=False)
    action = attr(str, writer=SYSTEM)
    host_uuid = attr(str, writer=SYSTEM)
    hostname = attr(str, writer=SYSTEM)
    state = attr(str, writer=SYSTEM, nullable=False)
    step = attr(int, writer=SYSTEM, nullable=False)
    attempts = attr(int, writer=SYSTEM, nullable=False)
    error = attr(str, writer=SYSTEM)
