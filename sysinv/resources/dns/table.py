# SPDX-License-Identifier: Apache-2.0
"""``i_dns``: one row for the system."""
from __future__ import annotations

from sysinv.db.schema import text
from sysinv.db.single import single_table

I_DNS = single_table("i_dns", text("nameservers", nullable=False, default=""))
