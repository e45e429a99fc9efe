# SPDX-License-Identifier: Apache-2.0
"""``remotelogging``: one row for the system."""
from __future__ import annotations

import sqlalchemy as sa

from sysinv.db.schema import text
from sysinv.db.single import single_table
from sysinv.resources.remotelogging.rules import KEY_FILE_LENGTH_MAX, PORT, TRANSPORTS

REMOTE_LOGGING = single_table(
    "remotelogging", text("ip_address", 50), sa.Column("enabled", sa.Boolean, nullable=False, default=False),
    text("transport", 16, nullable=False, default=TRANSPORTS[0]),
    sa.Column("port", sa.Integer, nullable=False, default=PORT), text("key_file", KEY_FILE_LENGTH_MAX))
