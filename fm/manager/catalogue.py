# SPDX-License-Identifier: Apache-2.0
"""Synchronises the suppression table with the catalogue in one transaction; at each start and in fm-dbsync."""
from __future__ import annotations

import logging

from sqlalchemy.engine import Connection

from flock.db import Database, utcnow
from fm.contract import catalogue
from fm.core.suppression import SyncPlan, plan_sync
from fm.resources.event_suppression import store

LOG = logging.getLogger(__name__)


def synchronise(db: Database, path: str | None = None) -> SyncPlan:
    """Insert, refresh, mark and delete entries. CatalogueError when the file is wrong; then nothing changes."""
    entries = catalogue.load(path).alarms()

    def work(conn: Connection) -> SyncPlan:
        plan = plan_sync(entries, store.stored_rows(conn), store.ids_in_use(conn))
        store.apply_sync(conn, plan, utcnow())
        return plan

    plan = db.transact(work)
    LOG.info("catalogue: %d alarm ids, %d new, %d refreshed, %d marked for deletion, %d deleted", len(entries),
             len(plan.inserted), len(plan.refreshed), len(plan.marked), len(plan.deleted))
    return plan
