# SPDX-License-Identifier: Apache-2.0
"""``/v1/event_suppression``: which alarm ids the operator hides."""
from __future__ import annotations

from typing import Any

from flock.api.call import Call
from flock.auth.policy import CONFIGURATOR, READER, Rule
from flock.db import Database
from flock.wire.render import renderer
from fm.api import listing
from fm.contract.errors import SuppressionNotFound
from fm.contract.rpc import FmManager
from fm.contract.validation import is_uuid
from fm.resources.event_suppression import rules, store
from fm.resources.event_suppression.fields import LISTED, EventSuppression


class SuppressionsController:
    """The collection."""

    def get(self, call: Call) -> dict[str, Any]:
        """Entries in order of alarm id."""
        asked = listing.read(call, known=store.FILTER_FIELDS, sort_keys=("id", "alarm_id"), default_sort=(),
                             default_limit=None)
        with call.deps(Database).reader() as conn:
            rows = store.listing(conn, filters=asked.filters, marker=asked.marker, limit=asked.fetch)
        if rows is None:
            raise listing.lost_marker(asked.marker)
        render = renderer(EventSuppression, LISTED)
        return listing.answer(call, asked, "event_suppression", [render(row, call.base_url) for row in rows])


class SuppressionController:
    """One entry."""

    def get(self, call: Call) -> dict[str, Any]:
        """The entry; an unknown uuid is answered with 400."""
        call.query.only()
        uuid = call.args["uuid"]
        with call.deps(Database).reader() as conn:
            row = store.show(conn, uuid) if is_uuid(uuid) else None
        if row is None:
            raise SuppressionNotFound(field="uuid", rule="names no entry", id=uuid)
        return renderer(EventSuppression)(row, call.base_url)

    def patch(self, call: Call) -> dict[str, Any]:
        """Suppress or show the alarm id."""
        call.query.only()
        status = rules.wanted_status(call.json())
        call.deps(FmManager).update_suppression(uuid=call.args["uuid"], status=status)
        return self.get(call)


ROUTES = {"/v1/event_suppression": SuppressionsController, "/v1/event_suppression/{uuid}": SuppressionController}
POLICY = (
    Rule("fm_api:event_suppression:get", READER, "GET", "/v1/event_suppression"),
    Rule("fm_api:event_suppression:get", READER, "GET", "/v1/event_suppression/{uuid}"),
    Rule("fm_api:event_suppression:modify", CONFIGURATOR, "PATCH", "/v1/event_suppression/{uuid}"),
)
