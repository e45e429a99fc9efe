# SPDX-License-Identifier: Apache-2.0
"""Follows the changes of configuration that make storage back ends, and keeps alarm 800.104."""
from __future__ import annotations

import functools
import logging

from sqlalchemy.engine import Connection

from flock.core.text import storable
from flock.db import Database
from fm.contract.rpc import FmManager
from fm.raiser import Raiser
from sysinv.conductor.keptalarms import KeptAlarms
from sysinv.config import ordering
from sysinv.contract.enums import BackendState
from sysinv.db.lookup import Row
from sysinv.resources.storagebackend import store
from sysinv.resources.storagebackend.progress import ALARM_ID, StoredBackend, progress, wanted_alarms
from sysinv.resources.storagetier.rules import DEFAULT

LOG = logging.getLogger(__name__)
INTERVAL_S = 5.0
ERROR_MAX = 1024
REPAIR = ("Correct the reason, then repeat the configuration: 'system storage-backend-modify <name>' with any setting. "
          "A back end that was never configured can be deleted: 'system storage-backend-delete <name>'.")


class BackendAudits:
    """Periodic tasks of storage back ends."""

    def __init__(self, db: Database, raiser: Raiser, faults: FmManager) -> None:
        self._db = db
        self._kept = KeptAlarms(raiser, faults, ALARM_ID, "critical", lambda _entity: REPAIR)

    def follow(self) -> None:
        """Store how far each back end is that hosts make."""
        with self._db.reader() as conn:
            names = [row["name"] for row in store.all_rows(conn) if row["config_uuids"]]
        for name in names:
            self._db.transact(functools.partial(_follow, name=name))

    def alarms(self) -> None:
        """Correct alarm 800.104 of all back ends. Unavailable, DeadlineExceeded when fm does not answer."""
        with self._db.reader() as conn:
            wanted = wanted_alarms([StoredBackend(row["name"], BackendState(row["state"]), row["error"])
                                    for row in store.all_rows(conn)])
        self._kept.keep(wanted)


def _follow(conn: Connection, name: str) -> None:
    row = store.found(conn, name)
    now = None if row is None else progress(store.results(conn, row["config_uuids"]))
    if row is None or now is None:
        return
    config_uuids = row["config_uuids"]
    if now.state is BackendState.FAILED:
        # What hosts cannot make must not leave them out of date: only the back end has failed.
        ordering.withdraw(conn, config_uuids)
        config_uuids = []
    _write(conn, row, {
        "state": now.state.value, "task": None if now.task is None else dict(now.task), "config_uuids": config_uuids,
        "error": None if now.error is None else storable(now.error, ERROR_MAX)})


def _write(conn: Connection, row: Row, values: dict[str, object]) -> None:
    changed = {name: value for name, value in values.items() if row[name] != value}
    if not changed:
        return
    store.write(conn, row, changed)
    if row["tier_name"] == DEFAULT:
        store.set_monitors(conn, BackendState(str(values["state"])), None)
    level = logging.WARNING if values["error"] else logging.INFO
    LOG.log(level, "storage backend %s is %s: %s", row["name"], values["state"], values["error"] or "no error")
