# SPDX-License-Identifier: Apache-2.0
"""Wiring of fm-api: the database for reads, the manager on the bus for writes."""
from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from flock import rpc
from flock.api import build_app
from flock.core.health import Health
from flock.db import Database, from_conf
from fm.conf import lifecycle, options
from fm.contract.rpc import FmManager
from fm.resources.event_stream.service import Hub, Settings
from fm.resources.alarm.reading import AlarmReads


def application(conf: Any) -> Any:
    """The WSGI application of one worker process."""
    chosen = options.register(conf)
    lifecycle.register(conf)
    database = from_conf(conf)
    bus = rpc.transport(conf)
    manager = rpc.client(FmManager, bus, deadline_s=float(chosen.manager_timeout_s))
    versions = rpc.VersionWatch(bus, [FmManager])
    versions.start()
    health = Health()
    health.add("versions", versions.trouble)
    health.add("database", lambda: _database_check(database))
    reads = AlarmReads(database, lambda: chosen.stale_after_s)
    return build_app(conf, "fm", deps=[database, reads, (FmManager, manager)], health=health)


def _database_check(database: Database) -> None:
    with database.reader() as conn:
        conn.execute(sa.text("SELECT 1"))
