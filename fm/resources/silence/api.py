# SPDX-License-Identifier: Apache-2.0
"""``/v1/silences``: create, list, change and end silences."""
from __future__ import annotations

from typing import Any

from flock.api.call import Call
from flock.api.describe import Patch, View, ViewPage, describes
from flock.api.reply import Reply
from flock.auth.policy import CONFIGURATOR, READER, Rule
from flock.core.ids import is_uuid
from flock.db import Database, utcnow
from flock.wire.render import renderer
from flock.wire.resource import given
from fm.api import listing
from fm.contract.errors import SilenceNotFound
from fm.contract.rpc import FmManager
from fm.contract.silence import SilenceRequest
from fm.resources.silence import patch, store
from fm.resources.silence.fields import Silence, SilenceBody

PAGE = ViewPage((View(Silence),))
ARGUMENTS = listing.arguments(store.FILTER_FIELDS, store.SORT_KEYS)
CHANGES = Patch(patch.CHANGEABLE, operations=("add", "replace", "remove"), empty_values=True)


def _shown(call: Call, uuid: str) -> dict[str, Any]:
    with call.deps(Database).reader() as conn:
        row = store.show(conn, uuid, utcnow()) if is_uuid(uuid) else None
    if row is None:
        raise SilenceNotFound(id=uuid)
    return renderer(Silence)(row, call.base_url)


class SilencesController:
    """The collection."""

    @describes(query=ARGUMENTS, answers={200: PAGE})
    def get(self, call: Call) -> dict[str, Any]:
        """Silences in force, by default in order of creation."""
        asked = listing.read(call, known=store.FILTER_FIELDS, sort_keys=store.SORT_KEYS)
        with call.deps(Database).reader() as conn:
            rows = store.listing(conn, filters=asked.filters, sort=asked.page.sort,
                                 marker=asked.page.marker, limit=asked.page.fetch, now=utcnow())
        render = renderer(Silence)
        return listing.answer(call, asked, "silences", [render(row, call.base_url) for row in rows])

    @describes(body=SilenceBody, answers={200: Silence}, errors=(409, 504))
    def post(self, call: Call) -> dict[str, Any]:
        """Create a silence that takes effect at once."""
        body = given(call.body_as(SilenceBody))
        uuid = call.deps(FmManager).create_silence(silence=SilenceRequest(
            alarm_id=body.get("alarm_id"), entity_instance_id=body.get("entity_instance_id"),
            expires_at=body.get("expires_at"), comment=body.get("comment") or "",
            created_by=call.ctx.user_name or call.ctx.user_id or "unknown"))
        return _shown(call, uuid)


class SilenceController:
    """One silence."""

    @describes(answers={200: Silence})
    def get(self, call: Call) -> dict[str, Any]:
        """The silence, 404 once it has ended."""
        return _shown(call, call.args["uuid"])

    @describes(body=CHANGES, answers={200: Silence}, errors=(504,))
    def patch(self, call: Call) -> dict[str, Any]:
        """Change expiry or comment; removing ``expires_at`` makes the silence permanent."""
        change = patch.wanted_change(call.json())
        call.deps(FmManager).change_silence(uuid=call.args["uuid"], change=change)
        return _shown(call, call.args["uuid"])

    @describes(errors=(504,))
    def delete(self, call: Call) -> Reply:
        """End the silence."""
        call.deps(FmManager).delete_silence(uuid=call.args["uuid"])
        return Reply(status=204)


ROUTES = {"/v1/silences": SilencesController, "/v1/silences/{uuid}": SilenceController}
POLICY = (
    Rule("fm_api:silence:get", READER, "GET", "/v1/silences"),
    Rule("fm_api:silence:get", READER, "GET", "/v1/silences/{uuid}"),
    Rule("fm_api:silence:modify", CONFIGURATOR, "POST", "/v1/silences"),
    Rule("fm_api:silence:modify", CONFIGURATOR, "PATCH", "/v1/silences/{uuid}"),
    Rule("fm_api:silence:modify", CONFIGURATOR, "DELETE", "/v1/silences/{uuid}"),
)
