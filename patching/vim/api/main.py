# SPDX-License-Identifier: Apache-2.0
"""Builds the orchestration API inside each worker process: the database for reads, the orchestrator for the rest."""
from __future__ import annotations

from typing import Any

from flock import rpc
from flock.api import build_app
from flock.api.watching import watched_health
from flock.db import from_conf
from patching.contract.orchestration import Orchestration
from patching.orchestrator.store import Store

ROOM = "patching.vim"


def application(conf: Any) -> Any:
    """The WSGI application of one worker."""
    bus = rpc.transport(conf)
    store = Store(from_conf(conf))
    health = watched_health(conf, bus, [Orchestration])
    health.add("database", lambda: _database_check(store))
    return build_app(conf, ROOM, deps=[store, (Orchestration, rpc.client(Orchestration, bus))], health=health)


def _database_check(store: Store) -> None:
    store.load()
