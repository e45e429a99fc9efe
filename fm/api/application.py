# SPDX-License-Identifier: Apache-2.0
"""Wiring of fm-api: the database for reads, the manager on the bus for writes."""
from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from flock import rpc
from flock.api import build_app
from flock.api.watching import watched_health
from flock.db import Database, from_conf
from fm.conf import lifecycle, options, stream
from fm.contract.rpc import FmManager
from fm.resources.alarm.reading import AlarmReads
from fm.resources.event_stream.service import Hub, Settings


def application(conf: Any) -> Any:
    """The WSGI application of one worker process."""
    chosen = options.register(conf)
    lifecycle.register(conf)
    database = from_conf(conf)
    bus = rpc.transport(conf)
    manager = rpc.client(FmManager, bus, deadline_s=float(chosen.manager_timeout_s))
    health = watched_health(conf, bus, [FmManager])
    health.add("database", lambda: _database_check(database))
    reads = AlarmReads(database, lambda: chosen.stale_after_s)
    hub = Hub(database, stream_settings(conf))
    app = build_app(conf, "fm", deps=[database, reads, hub, (FmManager, manager)], health=health)
    hub.is_ending = lambda: app.is_ending()
    return app


def stream_settings(conf: Any) -> Settings:
    """The options of the event stream. ``streams_max`` 0 leaves half of the threads for ordinary requests."""
    chosen = stream.register(conf)
    return Settings(
        streams_max=chosen.streams_max or max(1, conf.api.threads // 2), poll_interval_s=chosen.poll_interval_s,
        heartbeat_s=float(chosen.heartbeat_s), buffer_events=chosen.buffer_events,
        send_timeout_s=float(chosen.send_timeout_s), retry_ms=chosen.retry_ms)


def _database_check(database: Database) -> None:
    with database.reader() as conn:
        conn.execute(sa.text("SELECT 1"))
