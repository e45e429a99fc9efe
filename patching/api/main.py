# SPDX-License-Identifier: Apache-2.0
"""Wiring of patching-api: the database for reads, the conductor on the bus for changes, a directory for uploads."""
from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from flock import rpc
from flock.api import build_app
from flock.api.watching import watched_health
from flock.db import Database, from_conf
from patching.api.ordering import Commands
from patching.api.staging import Staging
from patching.classic.service import Classic
from patching.conf import api as options
from patching.conf import conductor, shared
from patching.content.repository import Repository
from patching.contract.rpc import Software


def application(conf: Any) -> Any:
    """The WSGI application of one worker process."""
    chosen = options.register(conf)
    conductor.register(conf)
    database = from_conf(conf)
    bus = rpc.transport(conf)
    software = rpc.client(Software, bus, deadline_s=float(chosen.conductor_timeout_s))
    health = watched_health(conf, bus, [Software])
    health.add("database", lambda: _database_check(database))
    staging = Staging(shared.staging_dir(conf), chosen.upload_max_mib << 20)
    commands = Commands(software, database, float(chosen.task_wait_s))
    repository = Repository(conductor.software_dir(conf))
    classic = Classic(commands, database, float(chosen.agent_silence_s), float(chosen.task_wait_s))
    return build_app(conf, "patching", health=health, deps=[database, commands, classic, staging, repository])


def _database_check(database: Database) -> None:
    with database.reader() as conn:
        conn.execute(sa.text("SELECT 1"))
