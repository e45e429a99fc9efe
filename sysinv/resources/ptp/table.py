# SPDX-License-Identifier: Apache-2.0
"""``ptp``: one row for the system."""
from __future__ import annotations

from sysinv.db.schema import text
from sysinv.db.single import single_table
from sysinv.resources.ptp.rules import MECHANISMS, MODES, TRANSPORTS

PTP = single_table("ptp", *(text(name, 16, nullable=False, default=values[0]) for name, values in (
    ("mode", MODES), ("transport", TRANSPORTS), ("mechanism", MECHANISMS))))
