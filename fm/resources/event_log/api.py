# SPDX-License-Identifier: Apache-2.0
"""``/v1/event_log``: the event log, as JSON or CSV."""
from __future__ import annotations

import csv
import io
from typing import Any

from flock.api.call import Call
from flock.api.describe import JSON, Answer, Argument, View, ViewPage, describes
from flock.api.reply import Reply
from flock.auth.policy import READER, Rule
from flock.core.ids import is_uuid
from flock.core.text import spreadsheet_cell
from flock.db import Database
from flock.wire.errors import BadField, shown
from flock.wire.render import renderer
from flock.wire.resource import shape
from flock.wire.types import Boolean, Choice
from fm.api import listing
from fm.contract.errors import EventLogNotFound
from fm.resources.event_log import store
from fm.resources.event_log.fields import COLLAPSED, EventLog

LISTING = (
    *listing.arguments(store.FILTER_FIELDS, store.SORT_KEYS),
    Argument("alarms", Boolean(), "Events of alarms: set and clear."), Argument("logs", Boolean(), "Customer logs."))
FORMAT = Argument("format", Choice(("json", "csv")), "Form of the answer.")
PAGE = ViewPage((View(EventLog, COLLAPSED, "EventLogCollapsed"), View(EventLog)), extra={"count": {"type": "integer"}})


def _page(call: Call, expand: bool) -> dict[str, Any]:
    asked = listing.read(call, known=store.FILTER_FIELDS, sort_keys=store.SORT_KEYS, sort_key="timestamp",
                         sort_dir="desc")
    states = store.states(call.query.bool("alarms"), call.query.bool("logs"))
    with call.deps(Database).reader() as conn:
        rows = store.listing(conn, filters=asked.filters, states=states, include_suppress=asked.include_suppress,
                             sort=asked.page.sort, marker=asked.page.marker, limit=asked.page.fetch)
        count = store.count(conn, filters=asked.filters, states=states,
                            include_suppress=asked.include_suppress) if asked.with_count else None
    render = renderer(EventLog, None if expand or asked.expand else COLLAPSED)
    return listing.answer(call, asked, "event_log", [render(row, call.base_url) for row in rows], count=count)


def _as_csv(call: Call) -> Reply:
    """The page with every field as comma-separated values; the first line has the names."""
    items = _page(call, expand=True)["event_log"]
    text = io.StringIO()
    names = [attribute.name for attribute in shape(EventLog).attributes]
    writer = csv.DictWriter(text, names)
    writer.writeheader()
    writer.writerows({name: spreadsheet_cell(value) for name, value in item.items()} for item in items)
    return Reply(text.getvalue().encode(), headers={
        "Content-Type": "text/csv; charset=utf-8", "Content-Disposition": 'attachment; filename="events.csv"'})


class EventLogsController:
    """The collection."""

    @describes(query=(*LISTING, FORMAT), answers={
        200: Answer("The events.", {JSON: PAGE, "text/csv": {"type": "string"}})})
    def get(self, call: Call) -> Any:
        """Events, newest first; all of them unless a limit is given. ``format=csv`` exports them."""
        kind = call.query.text("format") or "json"
        if kind not in ("json", "csv"):
            raise BadField(field="format", value=shown(kind), rule="Value should be one of: json, csv")
        return _as_csv(call) if kind == "csv" else _page(call, expand=False)


class EventLogDetailController:
    """The collection with every field."""

    @describes(query=LISTING, answers={200: PAGE})
    def get(self, call: Call) -> dict[str, Any]:
        """Events with every field, newest first; all of them unless a limit is given."""
        return _page(call, expand=True)


class EventLogController:
    """One event."""

    @describes(answers={200: EventLog})
    def get(self, call: Call) -> dict[str, Any]:
        """The event with every field."""
        uuid = call.args["uuid"]
        with call.deps(Database).reader() as conn:
            row = store.show(conn, uuid) if is_uuid(uuid) else None
        if row is None:
            raise EventLogNotFound(id=uuid)
        return renderer(EventLog)(row, call.base_url)


ROUTES = {"/v1/event_log": EventLogsController, "/v1/event_log/detail": EventLogDetailController,
          "/v1/event_log/{uuid}": EventLogController}
POLICY = tuple(Rule("fm_api:event_log:get", READER, "GET", path) for path in ROUTES)
