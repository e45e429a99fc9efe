# SPDX-License-Identifier: Apache-2.0
"""Rows of ``i_idisk``."""
from __future__ import annotations

import sqlalchemy as sa

from sysinv.resources.disk.table import I_IDISK
from sysinv.resources.host.table import I_HOST

QUERY = (
    sa.select(I_IDISK, I_HOST.c.uuid.label("ihost_uuid"), sa.null().label("istor_uuid"), sa.null().label("ipv_uuid"))
    .join(I_HOST, I_HOST.c.id == I_IDISK.c.forihostid))
