# SPDX-License-Identifier: Apache-2.0
"""``/v1/event_suppression``: which alarm ids the operator suppresses."""
from __future__ import annotations

from typing import Any

from flock.api.call import Call
from flock.api.describe import Patch, View, ViewPage, describes
from flock.auth.policy import CONFIGURATOR, READER, Rule
from flock.core.ids import is_uuid
from flock.db import Database
from flock.wire.render import renderer
from flock.wire.types import Choice
from fm.api import listing
from fm.contract.enums import SuppressionStatus
from fm.contract.errors import SuppressionNotFound
from fm.contract.rpc import FmManager
from fm.resources.event_suppression import rules, store
from fm.resources.event_suppression.fields import LISTED, EventSuppression

PAGE = ViewPage((View(EventSuppression, LISTED, "EventSuppressionListed"),))


class SuppressionsController:
    """The collection."""

    @describes(query=listing.arguments(store.FILTER_FIELDS, store.SORT_KEYS), answers={200: PAGE})
    def get(self, call: Call) -> dict[str, Any]:
        """Entries in order of alarm id."""
        asked = listing.read(call, known=store.FILTER_FIELDS, sort_keys=store.SORT_KEYS, sort_key="alarm_id")
        with call.deps(Database).reader() as conn:
            rows = store.listing(conn, filters=asked.filters, sort=asked.page.sort, marker=asked.page.marker,
                                 limit=asked.page.fetch)
        render = renderer(EventSuppression, LISTED)
        return listing.answer(call, asked, "event_suppression", [render(row, call.base_url) for row in rows])


class SuppressionController:
    """One entry."""

    @describes(answers={200: EventSuppression})
    def get(self, call: Call) -> dict[str, Any]:
        """The entry; 400 for an unknown uuid."""
        uuid = call.args["uuid"]
        with call.deps(Database).reader() as conn:
            row = store.show(conn, uuid) if is_uuid(uuid) else None
        if row is None:
            raise SuppressionNotFound(field="uuid", rule="names no entry", id=uuid)
        return renderer(EventSuppression)(row, call.base_url)

    @describes(body=Patch({"suppression_status": Choice(SuppressionStatus)}, operations=("add", "replace")),
               answers={200: EventSuppression}, errors=(504,))
    def patch(self, call: Call) -> dict[str, Any]:
        """Suppress or unsuppress the alarm id."""
        status = rules.wanted_status(call.json())
        call.deps(FmManager).update_suppression(uuid=call.args["uuid"], status=status)
        return self.get(call)


ROUTES = {"/v1/event_suppression": SuppressionsController, "/v1/event_suppression/{uuid}": SuppressionController}
POLICY = (
    Rule("fm_api:event_suppression:get", READER, "GET", "/v1/event_suppression"),
    Rule("fm_api:event_suppression:get", READER, "GET", "/v1/event_suppression/{uuid}"),
    Rule("fm_api:event_suppression:modify", CONFIGURATOR, "PATCH", "/v1/event_suppression/{uuid}"),
)
