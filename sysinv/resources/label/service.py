# SPDX-License-Identifier: Apache-2.0
"""Use cases of labels: assign several to a host, all or none; remove one."""
from __future__ import annotations

from typing import Any

from flock.core import ids
from flock.db import Database
from flock.wire.errors import shown
from sysinv.db.lookup import ItemNotFound, Row, host_row, row_of_locked_host
from sysinv.model.host import host_view
from sysinv.resources.label import store
from sysinv.resources.label.rules import check_assign, check_body, check_locked
from sysinv.resources.label.table import LABEL


class LabelService:
    """Labels of hosts."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def assign(self, ident: str, body: Any, *, overwrite: bool) -> list[Row]:
        """Give a host the labels of a request, and return them; InvalidInput, HostRefused, HostMustBeLocked."""
        labels = check_body(body)
        with self._db.writer() as conn:
            host = host_row(conn, ident, lock=True)
            known = store.of_host(conn, host["id"])
            check_assign(host_view(host), labels, known, overwrite=overwrite)
            for key, value in labels.items():
                store.write(conn, host["id"], key, value, known.get(key))
            return store.with_keys(conn, host["id"], labels)

    def remove(self, uuid: str) -> None:
        """Remove one label; ItemNotFound, HostMustBeLocked."""
        query = store.QUERY.where(LABEL.c.uuid == uuid.lower())
        with self._db.writer() as conn:
            found = row_of_locked_host(conn, query, "host_uuid") if ids.is_uuid(uuid) else None
            if found is None:
                raise ItemNotFound(resource="Label", id=shown(uuid))
            row, host = found
            check_locked(host_view(host), row["label_key"])
            store.delete(conn, row["id"])


SERVICE = LabelService
