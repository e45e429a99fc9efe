# SPDX-License-Identifier: Apache-2.0
"""Routes of mtce-api on port 2112. Callers authenticate with a token; their User-Agent gives no rights."""
from __future__ import annotations

import uuid
from typing import Any

from flock.api.call import Call
from flock.api.describe import AnyOf, describes
from flock.api.reply import Reply
from flock.auth.policy import READER, SERVICE, Rule
from flock.core.errors import InvalidInput, NotFound
from mtce.contract.records import ActionReply
from mtce.contract.rpc import MtceHosts
from mtce.resources.host import fields

REFUSED = 409


REPLIES = {200: fields.PASSED, REFUSED: fields.FAILED}


def _conductor(call: Call) -> MtceHosts:
    return call.deps(MtceHosts)


def _reply(reply: ActionReply) -> Reply:
    return Reply(fields.reply_body(reply), 200 if reply.status == "pass" else REFUSED)


def _body(call: Call) -> dict[str, Any]:
    body = call.json()
    if not isinstance(body, dict):
        raise InvalidInput(field="body", rule="must be a JSON object")
    return body


class HostsController:
    """``/v1/hosts``."""

    @describes(answers={200: {"type": "object", "required": ["hosts"], "properties": {
        "hosts": {"type": "array", "items": fields.VIM_VIEW}}}}, errors=(504,))
    def get(self, call: Call) -> dict[str, Any]:
        """Return mtce's states of all hosts."""
        return {"hosts": [fields.vim_view(status) for status in _conductor(call).list_hosts()]}

    @describes(body=fields.RECORD, answers=REPLIES, errors=(504,))
    def post(self, call: Call) -> Reply:
        """Add a host, or update the record of a known one."""
        return _reply(_conductor(call).put_host(host=fields.host_record(_body(call))))


class HostController:
    """``/v1/hosts/{uuid}``."""

    @describes(answers={200: fields.VIM_VIEW}, errors=(504,))
    def get(self, call: Call) -> dict[str, Any]:
        """Return mtce's states of one host."""
        host_uuid = fields.host_uuid(call.args["uuid"])
        status = _conductor(call).get_host(host_uuid=host_uuid)
        if status is None:
            raise NotFound(resource="Host", id=host_uuid)
        return fields.vim_view(status)

    @describes(body=AnyOf((fields.RECORD, fields.ACTION)), answers=REPLIES, errors=(504,))
    def patch(self, call: Call) -> Reply:
        """Update the record if the body carries one, then start the action it names."""
        host_uuid, body = fields.host_uuid(call.args["uuid"]), _body(call)
        action = fields.requested_action(body)
        if fields.is_record(body):
            record = fields.host_record(body)
            if record.uuid != host_uuid:
                raise InvalidInput(field="uuid", rule="must be the UUID in the path")
            reply = _conductor(call).put_host(host=record)
            if reply.status != "pass" or action is None:
                return _reply(reply)
        if action is None:
            raise InvalidInput(field="action", rule="must be given when the body carries no host record")
        # The caller's request id identifies a repeated request.
        request_id = call.ctx.request_id or str(uuid.uuid4())
        return _reply(_conductor(call).host_action(host_uuid=host_uuid, action=action, request_id=request_id))

    @describes(answers=REPLIES, errors=(504,))
    def delete(self, call: Call) -> Reply:
        """Delete a locked host."""
        return _reply(_conductor(call).delete_host(host_uuid=fields.host_uuid(call.args["uuid"])))


class SystemsController:
    """``/v1/systems``."""

    @describes(answers={200: fields.SYSTEMS_VIEW}, errors=(504,))
    def get(self, call: Call) -> dict[str, Any]:
        """Return all hosts with their uptime."""
        return fields.systems_view(_conductor(call).list_hosts())


ROUTES = {"/v1/hosts": HostsController, "/v1/hosts/{uuid}": HostController, "/v1/systems": SystemsController}
POLICY = (
    Rule("mtce_api:host:get", READER, "GET", "/v1/hosts"),
    Rule("mtce_api:host:get", READER, "GET", "/v1/hosts/{uuid}"),
    Rule("mtce_api:host:get", READER, "GET", "/v1/systems"),
    Rule("mtce_api:host:add", SERVICE, "POST", "/v1/hosts"),
    Rule("mtce_api:host:act", SERVICE, "PATCH", "/v1/hosts/{uuid}"),
    Rule("mtce_api:host:delete", SERVICE, "DELETE", "/v1/hosts/{uuid}"),
)
