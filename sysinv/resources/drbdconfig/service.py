# SPDX-License-Identifier: Apache-2.0
"""Use cases of DRBD's settings: read and change them."""
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy.engine import Connection

from sysinv.db.lookup import Row
from sysinv.db.single import SingleService
from sysinv.resources.drbdconfig import rules
from sysinv.resources.drbdconfig.table import DRBD_CONFIG


class DrbdConfigService(SingleService):
    """DRBD's settings, which configure no host."""

    table = DRBD_CONFIG
    noun = "DRBD"

    def checked(self, conn: Connection, row: Row, changes: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the values to store; DrbdRefused."""
        rules.check(secure=changes.get("secure"))
        return {name: value for name, value in changes.items() if name != "secure"}


SERVICE = DrbdConfigService
