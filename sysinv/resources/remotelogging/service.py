# SPDX-License-Identifier: Apache-2.0
"""Use cases of the remote log server."""
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy.engine import Connection

from sysinv.config import ordering
from sysinv.config.ordering import Change
from sysinv.db.lookup import Row
from sysinv.db.single import SingleService
from sysinv.resources.remotelogging import rules
from sysinv.resources.remotelogging.table import REMOTE_LOGGING

PUPPET_CLASS = "platform::remotelogging"


class RemoteLoggingService(SingleService):
    """The server to which all hosts send their logs."""

    table = REMOTE_LOGGING
    noun = "Remote logging"

    def checked(self, conn: Connection, row: Row, changes: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the values to store; RemoteLoggingRefused."""
        after = {**row, **changes}
        address = rules.check(enabled=after["enabled"], ip_address=after["ip_address"])
        rules.check_key_file(after["key_file"], after["transport"])
        return {**changes, "ip_address": address, "key_file": after["key_file"] or None}

    def order(self, conn: Connection) -> None:
        """Order the change on all hosts, at run time."""
        ordering.order(conn, Change("remote log server", (PUPPET_CLASS,)))


SERVICE = RemoteLoggingService
