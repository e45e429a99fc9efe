# SPDX-License-Identifier: Apache-2.0
"""``i_ntp``: one row for the system."""
from __future__ import annotations

from sysinv.db.schema import text
from sysinv.db.single import single_table

I_NTP = single_table("i_ntp", text("ntpservers", 767, nullable=False, default=""))
