# SPDX-License-Identifier: Apache-2.0
"""Use cases of configuration: order all of it at an unlock, show what an unlock would change."""
from __future__ import annotations

from typing import Any

from sqlalchemy.engine import Connection

from flock.db import Database
from sysinv.config import hiera, model, ordering
from sysinv.db.lookup import Row, host_row
from sysinv.hosts.work import Work
from sysinv.resources.configuration import store


def at_unlock(conn: Connection, row: Row, _work: Work) -> None:
    """Order the whole configuration, which the host applies while it boots."""
    ordering.at_unlock(conn, row)


class ConfigurationService:
    """Reads what hosts have and should have."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def differences(self, host: str) -> list[dict[str, Any]]:
        """Return ``{"key", "applied", "wanted"}`` for each value that an unlock would change. HostNotFound.

        Passwords and keys are not compared.
        """
        with self._db.reader() as conn:
            row = host_row(conn, host)
            data = store.data_of(conn, row["id"])
            made = hiera.render(conn, row)
        return model.differences(made.used({} if data is None else data["applied_data"]), made.used(made.plain()))


SERVICE = ConfigurationService
