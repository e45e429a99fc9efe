# SPDX-License-Identifier: Apache-2.0
"""Use cases of monitors."""
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy.engine import Connection

from flock.core import ids
from flock.db import Database
from flock.wire.errors import shown
from sysinv.contract.enums import BackendState, BackendType, Personality
from sysinv.db.lookup import ItemNotFound, Row, host_row, the_system
from sysinv.hosts.work import Work
from sysinv.model.host import host_view
from sysinv.resources.cephmon import rules, store
from sysinv.resources.cephmon.table import CEPH_MON
from sysinv.resources.osd.store import cluster_view
from sysinv.resources.storagebackend.store import serialise


def at_unlock(conn: Connection, row: Row, _work: Work) -> None:
    """Give the storage host that has the third monitor its monitor."""
    cluster = cluster_view(conn)
    if row["hostname"] == rules.STORAGE_MONITOR and cluster is not None and cluster.backend is BackendType.CEPH and (
            store.of_host(conn, row["id"]) is None):
        store.insert(conn, row["id"], rules.new_size(store.views(conn), None), BackendState.ON_UNLOCK)


class MonitorService:
    """The monitors of the host-based Ceph cluster."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def all(self) -> list[Row]:
        """Return all monitors."""
        with self._db.reader() as conn:
            return store.all_rows(conn)

    def add(self, values: Mapping[str, Any]) -> list[Row]:
        """Give a host a monitor, which it makes at its unlock; returns all monitors.

        MonitorRefused, HostMustBeLocked, HostNotFound.
        """
        with self._db.writer() as conn:
            serialise(conn)
            host = host_view(host_row(conn, values["ihost_uuid"], lock=True))
            present = store.views(conn)
            rules.check_add(host, the_system(conn), cluster_view(conn), present)
            store.insert(conn, host.id, rules.new_size(present, values.get("ceph_mon_gib")), BackendState.ON_UNLOCK)
            return store.all_rows(conn)

    def resize(self, uuid: str, gib: int) -> Row:
        """Change the size of the monitors of all controllers; MonitorRefused, ItemNotFound."""
        with self._db.writer() as conn:
            serialise(conn)
            rows = store.all_rows(conn)
            row = next((one for one in rows if ids.is_uuid(uuid) and one["uuid"] == uuid.lower()), None)
            if row is None:
                raise ItemNotFound(resource="ceph_mon", id=shown(uuid))
            views = {one.hostname: one for one in store.views(conn)}
            controllers = [one for one in views.values() if one.personality == Personality.CONTROLLER]
            rules.check_resize(views[row["hostname"]], controllers, gib)
            for one in rows:
                if one["hostname"] in {each.hostname for each in controllers} and one["ceph_mon_gib"] != gib:
                    store.write(conn, one, {"ceph_mon_gib": gib})
            return dict(conn.execute(store.QUERY.where(CEPH_MON.c.id == row["id"])).mappings().one())

    def delete(self, host: str) -> None:
        """Delete the monitor of a host; MonitorRefused, ItemNotFound, HostNotFound."""
        with self._db.writer() as conn:
            serialise(conn)
            row = store.of_host(conn, host_row(conn, host, lock=True)["id"])
            if row is None:
                raise ItemNotFound(resource="ceph_mon of host", id=shown(host))
            rules.check_delete(next(one for one in store.views(conn) if one.hostname == row["hostname"]))
            store.delete(conn, row["id"])

    def addresses(self) -> dict[str, str]:
        """Return the management addresses of the hosts with monitors, by hostname."""
        with self._db.reader() as conn:
            return store.addresses(conn)


SERVICE = MonitorService
