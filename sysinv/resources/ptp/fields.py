# SPDX-License-Identifier: Apache-2.0
"""``ptps``: the PTP settings of the system. They are stored for clients; PTP instances have taken their place."""
from __future__ import annotations

from flock.wire.resource import SYSTEM, Record, attr
from sysinv.resources.ptp.rules import MECHANISMS, MODES, TRANSPORTS


class Ptp(Record):
    """The PTP settings."""

    envelope = "ptps"
    path = "ptp"
    mode = attr(MODES, nullable=False)
    transport = attr(TRANSPORTS, nullable=False)
    mechanism = attr(MECHANISMS, nullable=False)
    isystem_uuid = attr(str, writer=SYSTEM, nullable=False)
