# SPDX-License-Identifier: Apache-2.0
"""``i_user``: one row for the system."""
from __future__ import annotations

import sqlalchemy as sa

from sysinv.db.schema import text
from sysinv.db.single import single_table
from sysinv.resources.user.rules import HASH_LENGTH_MAX

I_USER = single_table(
    "i_user", text("root_sig", 64), text("passwd_hash", HASH_LENGTH_MAX), sa.Column("passwd_expiry_days", sa.Integer),
    sa.Column("passwd_last_change", sa.Integer))
