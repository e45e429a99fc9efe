# SPDX-License-Identifier: Apache-2.0
"""``GET /v1/event_stream``: server-sent events."""
from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from flock.api.call import Call
from flock.api.describe import Answer, Argument, describes
from flock.api.reply import Reply
from flock.api.stream import Peer
from flock.auth.policy import READER, Rule
from flock.auth.tokens import expires_at
from flock.db import utcnow
from flock.wire.types import Boolean, Integer
from fm.api import listing
from fm.core.filters import parse
from fm.resources.event_log import store as events
from fm.resources.event_stream import rules
from fm.resources.event_stream.sending import EventStream
from fm.resources.event_stream.service import Hub

# A stream whose token has no expiry (no authentication configured) ends after a day.
LONGEST_S = 86400.0
ARGUMENTS = (
    *listing.filters(events.FILTER_FIELDS), listing.INCLUDE_SUPPRESS,
    Argument("after", Integer(0, rules.ID_MAX), "Number of an event: sends the later stored events first."),
    Argument("alarms", Boolean(), "Events of alarms: set and clear."), Argument("logs", Boolean(), "Customer logs."))
HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}


class EventStreamController:
    """The stream."""

    @describes(query=ARGUMENTS, errors=(503,), headers={
        "Last-Event-ID": "Number of the last received event; takes precedence over after."}, answers={
        200: Answer("Server-sent events without end: id is the number of the event, event its kind, data the event.",
                    {EventStream.content_type: {"type": "string"}})})
    def get(self, call: Call) -> Reply:
        """Stored events after ``Last-Event-ID`` or ``after``, then new events as they are written."""
        query = call.query
        filters = parse(query.all("q.field"), query.all("q.op"), query.all("q.value"), events.FILTER_FIELDS)
        states = events.states(query.bool("alarms"), query.bool("logs"))
        wanted = rules.wanted(filters, states, query.bool("include_suppress"))
        # A browser reconnects with its first URL, so the header is newer than the argument.
        after = rules.parse_id("Last-Event-ID", call.environ.get("HTTP_LAST_EVENT_ID"))
        if after is None:
            after = rules.parse_id("after", query.text("after"))
        hub = call.deps(Hub)
        listener = hub.admit(call.ctx.user_id)
        try:
            with hub.db.reader() as conn:
                begin = rules.start(after, *events.bounds(conn))
            peer = Peer(call.environ, hub.settings.send_timeout_s)
            return Reply(EventStream(hub, listener, peer, begin, wanted, remaining(call.environ)), headers=HEADERS)
        except BaseException:
            hub.dismiss(listener)
            raise


def remaining(environ: dict[str, Any], clock: Callable[[], float] = time.monotonic) -> Callable[[], float]:
    """A function that returns for how many seconds the token of this request is still valid."""
    expiry = expires_at(environ)
    holds_s = LONGEST_S if expiry is None else min(LONGEST_S, (expiry - utcnow()).total_seconds())
    ends_at = clock() + holds_s
    return lambda: ends_at - clock()


ROUTES = {"/v1/event_stream": EventStreamController}
POLICY = (Rule("fm_api:event_log:get", READER, "GET", "/v1/event_stream"),)
