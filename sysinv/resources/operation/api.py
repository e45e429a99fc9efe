# SPDX-License-Identifier: Apache-2.0
"""Routes of ``operations``: read only."""
from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from flock.api.call import Call
from flock.api.describe import View, ViewPage, describes, paging
from flock.auth.policy import READER, Rule
from flock.db import Database
from flock.wire.paging import envelope
from flock.wire.render import render_many
from sysinv.api.inventory import Inventory, OneItem
from sysinv.db.lookup import Row, host_row, paged
from sysinv.resources.host.table import I_HOST
from sysinv.resources.operation.fields import Operation
from sysinv.resources.operation.table import OPERATIONS

QUERY = (
    sa.select(OPERATIONS, I_HOST.c.hostname, OPERATIONS.c.subject.label("host_uuid"))
    .outerjoin(I_HOST, I_HOST.c.uuid == OPERATIONS.c.subject))
_SORT_KEYS = frozenset({"id", "created_at", "kind", "state"})


class OperationsController:
    """``/v1/operations`` and ``/v1/ihosts/<host>/operations``, newest first."""

    @describes(query=paging(tuple(_SORT_KEYS)), answers={200: ViewPage((View(Operation),))})
    def get(self, call: Call) -> dict[str, Any]:
        """One page of operations."""
        page = call.query.page(sort_keys=_SORT_KEYS, sort_dir="desc")
        query, path = QUERY, "operations"
        with call.deps(Database).reader() as conn:
            if "host" in call.args:
                host = host_row(conn, call.args["host"])
                query, path = QUERY.where(OPERATIONS.c.subject == host["uuid"]), f"ihosts/{host['uuid']}/operations"
            rows = [_shown(call, row) for row in paged(conn, query, OPERATIONS, page)]
        return envelope("operations", render_many(Operation, rows, call.base_url), page=page, base_url=call.base_url,
                        path=path)


def _shown(_call: Call, row: Row) -> Row:
    error = row["error"] or {}
    return {**row, "error": error.get("text"), "action": (row["params"] or {}).get("action"),
            "state": str(row["state"])}


ROUTES = {
    "/v1/operations": OperationsController,
    "/v1/operations/{uuid}": OneItem(Inventory("Operation", Operation, QUERY, OPERATIONS, complete=_shown)),
    "/v1/ihosts/{host}/operations": OperationsController,
}
POLICY = (
    Rule("sysinv_api:operation:get", READER, "GET", "/v1/operations"),
    Rule("sysinv_api:operation:get", READER, "GET", "/v1/operations/{uuid}"),
    Rule("sysinv_api:operation:get", READER, "GET", "/v1/ihosts/{host}/operations"),
)
