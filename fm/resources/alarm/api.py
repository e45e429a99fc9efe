# SPDX-License-Identifier: Apache-2.0
"""``/v1/alarms``: active alarms."""
from __future__ import annotations

import json
from typing import Any

from flock.api.call import Call
from flock.api.describe import AnyOf, Argument, Encoded, View, ViewPage, describes
from flock.api.reply import Reply
from flock.auth.policy import CONFIGURATOR, OPERATOR, READER, Rule
from flock.core.ids import is_uuid
from flock.db import Database
from flock.wire.errors import BadBody, BadField, shown
from flock.wire.render import renderer
from flock.wire.resource import given
from flock.wire.types import Boolean, Choice
from fm.api import listing
from fm.contract.enums import CloudStatus
from fm.contract.errors import AlarmMasked, AlarmNotFound
from fm.contract.rpc import BATCH_MAX, FmManager
from fm.core.filters import BadFilter
from fm.resources.alarm import service, store
from fm.resources.alarm.fields import (
    COLLAPSED,
    IGNORED,
    Acknowledgement,
    Alarm,
    AlarmBody,
    AlarmChange,
    FullAlarm,
    wire_row,
)
from fm.resources.alarm.reading import AlarmReads

BULK_MAX = 2000
FULL = Argument("full", Boolean(), "Every field, also freshness, flapping, silence and acknowledgement.")
LISTING = (*listing.arguments(store.FILTER_FIELDS, store.SORT_KEYS), FULL)
PAGE = ViewPage((View(Alarm, COLLAPSED, "AlarmCollapsed"), View(Alarm), View(FullAlarm)),
            extra={"count": {"type": "integer"}})
_UUID = {"type": "string", "format": "uuid"}
UUID_TEXT = Encoded({"type": "object", "required": ["uuid"], "properties": {"uuid": _UUID}})
BY_ID = {"type": "object", "required": ["id"], "properties": {"id": {"type": "string", "minLength": 1}}}
DELETED = {"type": "object", "required": ["deleted"], "properties": {"deleted": {"type": "integer"}}}
PARTS = ("host", "group")
BY = Argument("by", Choice(PARTS), "Also the counts per host or per group (the first three digits of the alarm id).")
_NUMBERS: dict[str, Any] = {
    **{name: {"type": "integer", "minimum": 0} for name in ("critical", "major", "minor", "warnings")},
    "status": {"enum": list(CloudStatus)}}
_PART = {"type": "object", "required": list(_NUMBERS), "properties": {
    **_NUMBERS, **{name: {"type": ["string", "null"]} for name in PARTS}}}
COUNTS = {"type": "object", "required": list(_NUMBERS), "properties": {
    **_NUMBERS, "parts": {"type": "array", "items": _PART}}}
DONE_FULL = {"type": "object", "required": ["uuid"], "properties": {"uuid": _UUID}}
NOTE = {"type": "object", "required": ["uuid", "user", "comment", "timestamp"], "properties": {
    "uuid": {"type": "string"}, "user": {"type": ["string", "null"]}, "comment": {"type": ["string", "null"]},
    "timestamp": {"type": ["string", "null"]}}}
DEFAULT_SORT = "severity,entity_instance_id"


def _uuid_reply(uuid: str) -> Reply:
    """The reply body encoded twice as JSON, as existing clients expect."""
    return Reply(json.dumps({"uuid": uuid}))


def _page(call: Call, expand: bool) -> dict[str, Any]:
    asked = listing.read(call, known=store.FILTER_FIELDS, sort_keys=store.SORT_KEYS, sort_key=DEFAULT_SORT,
                         unlimited=False)
    full = call.query.bool("full")
    with call.deps(Database).reader() as conn:
        rows = store.listing(conn, filters=asked.filters, include_suppress=asked.include_suppress,
                             sort=asked.page.sort, marker=asked.page.marker, limit=asked.page.fetch, full=full)
        count = store.count(conn, filters=asked.filters,
                            include_suppress=asked.include_suppress) if asked.with_count else None
        rows = call.deps(AlarmReads).full(conn, rows) if full else [wire_row(row) for row in rows]
    render = renderer(FullAlarm) if full else renderer(Alarm, None if expand or asked.expand else COLLAPSED)
    return listing.answer(call, asked, "alarms", [render(row, call.base_url) for row in rows], count=count)


def _full_reply(call: Call, uuid: str) -> dict[str, Any]:
    """The alarm with every field; only its uuid when it is not active: a log, a cleared alarm or a held raise."""
    with call.deps(Database).reader() as conn:
        found = store.show(conn, uuid)
        rows = call.deps(AlarmReads).full(conn, [found[0]] if found is not None else [])
    return renderer(FullAlarm)(rows[0], call.base_url) if rows else {"uuid": uuid}


class AlarmsController:
    """The collection."""

    @describes(query=LISTING, answers={200: PAGE})
    def get(self, call: Call) -> dict[str, Any]:
        """One page of visible alarms."""
        return _page(call, expand=False)

    @describes(query=(FULL,), body=AlarmBody, answers={200: AnyOf((UUID_TEXT, DONE_FULL))}, errors=(404, 409, 504))
    def post(self, call: Call) -> Any:
        """Set, log or clear.

        The reply is a JSON string that contains JSON; with ``full=True`` it is the alarm itself.
        """
        fields = {name: value for name, value in given(call.body_as(AlarmBody)).items() if name not in IGNORED}
        uuid = service.create(call.deps(FmManager), fields)
        return _full_reply(call, uuid) if call.query.bool("full") else _uuid_reply(uuid)

    @describes(query=(*listing.filters(store.FILTER_FIELDS), listing.INCLUDE_SUPPRESS), body=BY_ID,
               body_required=False, answers={200: DELETED, 204: None}, errors=(404, 504))
    def delete(self, call: Call) -> Any:
        """Clear the alarm named in the body, or all alarms that match the filters of the query; replies how many.

        Refuses a body together with filters, and a filter without a value, which would match every alarm.
        """
        body = call.json(default={})
        if call.query.all("q.field"):
            if body != {}:
                raise BadBody(detail="Alarms are named by the body or by filters, not by both.")
            return {"deleted": self._delete_matching(call)}
        uuid = body.get("id") if isinstance(body, dict) else None
        if not isinstance(uuid, str) or not uuid:
            raise BadBody(detail='Missing argument: "id"')
        call.deps(FmManager).delete_alarm(uuid=uuid)
        return Reply(status=204)

    @staticmethod
    def _delete_matching(call: Call) -> int:
        asked = listing.read(call, known=store.FILTER_FIELDS, sort_keys=("id",))
        if not all(condition.value for condition in asked.filters):
            raise BadFilter(field="q.value", rule="must not be empty where alarms are cleared")
        with call.deps(Database).reader() as conn:
            rows = store.listing(conn, filters=asked.filters, include_suppress=asked.include_suppress, sort=(),
                                 marker=None, limit=BULK_MAX)
        uuids = [str(row["uuid"]) for row in rows]
        manager = call.deps(FmManager)
        return sum(manager.delete_alarms(uuids=uuids[start:start + BATCH_MAX])
                   for start in range(0, len(uuids), BATCH_MAX))


class AlarmDetailController:
    """The collection with every field."""

    @describes(query=LISTING, answers={200: PAGE})
    def get(self, call: Call) -> dict[str, Any]:
        """One page of visible alarms with every field."""
        return _page(call, expand=True)


class AlarmSummaryController:
    """Counts per severity."""

    @describes(query=(listing.INCLUDE_SUPPRESS, BY), answers={200: COUNTS})
    def get(self, call: Call) -> dict[str, Any]:
        """Counts of visible alarms and the status of the cloud."""
        by = call.query.text("by", "")
        if by and by not in PARTS:
            raise BadField(field="by", value=shown(by), rule=f"Value should be one of: {', '.join(PARTS)}")
        return call.deps(AlarmReads).summary(call.query.bool("include_suppress"), by)


class AlarmController:
    """One alarm."""

    @describes(query=(FULL,), answers={200: AnyOf((View(Alarm), View(FullAlarm)))})
    def get(self, call: Call) -> dict[str, Any]:
        """The alarm, even if suppressed or silenced; 404 while it is masked."""
        uuid = call.args["uuid"]
        with call.deps(Database).reader() as conn:
            found = store.show(conn, uuid) if is_uuid(uuid) else None
            if found is None:
                raise AlarmNotFound(id=uuid)
            row, masked = found
            if masked:
                raise AlarmMasked(resource="Alarm", id=uuid)
            if call.query.bool("full"):
                return renderer(FullAlarm)(call.deps(AlarmReads).full(conn, [row])[0], call.base_url)
        return renderer(Alarm)(wire_row(row), call.base_url)

    @describes(body=AlarmChange, answers={200: UUID_TEXT}, errors=(504,))
    def put(self, call: Call) -> Reply:
        """Replace the given fields."""
        fields = {name: value for name, value in given(call.body_as(AlarmChange)).items() if name not in IGNORED}
        return _uuid_reply(service.modify(call.deps(FmManager), call.deps(Database), call.args["uuid"], fields))

    @describes(errors=(504,))
    def delete(self, call: Call) -> Reply:
        """Clear the alarm."""
        call.deps(FmManager).delete_alarm(uuid=call.args["uuid"])
        return Reply(status=204)


class AcknowledgementController:
    """The acknowledgement of an alarm."""

    @describes(answers={200: NOTE})
    def get(self, call: Call) -> dict[str, Any]:
        """User, comment and time; all null without an acknowledgement."""
        uuid = call.args["uuid"]
        with call.deps(Database).reader() as conn:
            found = store.show(conn, uuid) if is_uuid(uuid) else None
        if found is None:
            raise AlarmNotFound(id=uuid)
        row = found[0]
        return {"uuid": uuid, "user": row["ack_user"] or None, "comment": row["ack_comment"] or None,
                "timestamp": row["ack_at"]}

    @describes(body=Acknowledgement, answers={200: NOTE}, errors=(504,))
    def put(self, call: Call) -> dict[str, Any]:
        """Acknowledge in the caller's name."""
        comment = given(call.body_as(Acknowledgement)).get("comment") or ""
        user = call.ctx.user_name or call.ctx.user_id or "unknown"
        call.deps(FmManager).acknowledge(uuid=call.args["uuid"], user=user, comment=comment)
        return self.get(call)

    @describes(errors=(504,))
    def delete(self, call: Call) -> Reply:
        """Withdraw the acknowledgement."""
        call.deps(FmManager).acknowledge(uuid=call.args["uuid"], user="", comment="")
        return Reply(status=204)


_ONE, _ACK = "/v1/alarms/{uuid}", "/v1/alarms/{uuid}/acknowledgement"
ROUTES = {"/v1/alarms": AlarmsController, "/v1/alarms/detail": AlarmDetailController,
          "/v1/alarms/summary": AlarmSummaryController, _ONE: AlarmController, _ACK: AcknowledgementController}
POLICY = (
    Rule("fm_api:alarm:get", READER, "GET", "/v1/alarms"),
    Rule("fm_api:alarm:get", READER, "GET", "/v1/alarms/detail"),
    Rule("fm_api:alarm:get", READER, "GET", "/v1/alarms/summary"),
    Rule("fm_api:alarm:get", READER, "GET", _ONE),
    Rule("fm_api:alarm:create", CONFIGURATOR, "POST", "/v1/alarms"),
    Rule("fm_api:alarm:modify", CONFIGURATOR, "PUT", _ONE),
    Rule("fm_api:alarm:delete", CONFIGURATOR, "DELETE", "/v1/alarms"),
    Rule("fm_api:alarm:delete", CONFIGURATOR, "DELETE", _ONE),
    Rule("fm_api:alarm:get", READER, "GET", _ACK),
    Rule("fm_api:alarm:acknowledge", OPERATOR, "PUT", _ACK),
    Rule("fm_api:alarm:acknowledge", OPERATOR, "DELETE", _ACK),
)
