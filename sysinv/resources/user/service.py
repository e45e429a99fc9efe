# SPDX-License-Identifier: Apache-2.0
"""Use cases of the platform user's password: change it, and take up what a controller's own ``passwd`` changed."""
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from flock.db import compare_and_set
from sysinv.config import ordering
from sysinv.config.ordering import Change
from sysinv.db.lookup import Row
from sysinv.db.single import SingleService
from sysinv.resources.user import rules
from sysinv.resources.user.table import I_USER

PUPPET_CLASS = "platform::users"
CHANGE = Change(f"password of {rules.USERNAME}", (PUPPET_CLASS,))


class UserService(SingleService):
    """The password, which all hosts get."""

    table = I_USER
    noun = "User"

    def checked(self, conn: Connection, row: Row, changes: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the values to store with the signature of the password; UserRefused."""
        values = {name: value for name, value in changes.items() if name != "root_sig"}
        password_hash = values.get("passwd_hash", row["passwd_hash"])
        rules.check(password_hash)
        return {**values, "root_sig": rules.signature(password_hash)}

    def order(self, conn: Connection) -> None:
        """Order the change on all hosts, at run time."""
        ordering.order(conn, CHANGE)


def take_up(conn: Connection, configured: str, entry: rules.Entry) -> bool:
    """Store what ``passwd`` changed on a controller, and order it on all hosts; returns whether it counts."""
    row = conn.execute(sa.select(I_USER).order_by(I_USER.c.id).limit(1).with_for_update()).mappings().first()
    if row is None or not rules.counts(row["passwd_hash"], configured, entry):
        return False
    compare_and_set(conn, I_USER, row["id"], row["revision"], {
        "passwd_hash": entry.password_hash, "root_sig": rules.signature(entry.password_hash),
        "passwd_expiry_days": entry.max_days, "passwd_last_change": entry.last_change})
    ordering.order(conn, CHANGE)
    return True


SERVICE = UserService
