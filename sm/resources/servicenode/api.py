# SPDX-License-Identifier: Apache-2.0
"""Routes of ``servicenode``: what host maintenance and the inventory ask about a controller and tell of it."""
from __future__ import annotations

from typing import Any

from flock.api.call import Call
from flock.api.describe import describes
from flock.api.reply import Reply
from flock.auth.policy import READER, SERVICE, Rule
from flock.core.errors import InvalidInput, Refused
from flock.wire.errors import shown as printable
from sm.api.daemon import Daemon
from sm.contract.control import Request
from sm.contract.nodecommand import TELLS, ErrorCode, NodeAction, ServiceNode, Verdict
from sm.resources.servicenode import fields

NAME_MAX = 64
FAILED = Verdict(ErrorCode.ACTION_FAILED, "action failed")


class ServiceNodeController:
    """``/v1/servicenode/<hostname>``."""

    @describes(answers={200: fields.SHOWN}, errors=(503,))
    def get(self, call: Call) -> dict[str, Any]:
        """The states of one host; unknown ones of a host that service management does not know."""
        return fields.shown(call.deps(Daemon).service_node(_name(call)))

    @describes(body=fields.COMMAND, answers={200: fields.RESULT, 400: fields.RESULT, 500: fields.RESULT},
               errors=(503,))
    def patch(self, call: Call) -> Reply:
        """Check a command about a host and carry it out."""
        request = fields.command(_name(call), call.json())
        assert request.action is not None  # noqa: S101 - the body is checked
        asked = {"admin": request.administrative.value, "oper": request.operational.value,
                 "avail": request.availability.value}
        try:
            answer = call.deps(Daemon).ask(request)
        except InvalidInput:
            raise
        except Refused as refusal:
            verdict = Verdict(ErrorCode.ACTION_FAILED, str(refusal))
            return Reply(fields.result(request, verdict, asked), _status(request.action, verdict))
        verdict = answer.verdict or FAILED
        states = asked
        if verdict.allowed and request.action in TELLS:
            states, verdict = _acknowledged(request, answer.service_node)
        return Reply(fields.result(request, verdict, states), _status(request.action, verdict))


def _acknowledged(request: Request, node: ServiceNode | None) -> tuple[dict[str, str], Verdict]:
    """The states that the daemon has now. It has taken what it was told when the first two are as told."""
    node = node or ServiceNode(request.node)
    states = {"admin": node.admin.value, "oper": node.oper.value, "avail": node.avail.value}
    taken = (node.admin, node.oper) == (request.administrative, request.operational)
    return states, Verdict() if taken else FAILED


def _status(action: NodeAction, verdict: Verdict) -> int:
    if verdict.allowed:
        return 200
    return 500 if verdict is FAILED else action.refused_status


def _name(call: Call) -> str:
    name = call.args["hostname"]
    if len(name) > NAME_MAX or not name.isprintable():
        rule = f"must be at most {NAME_MAX} printable characters, not {printable(name)}"
        raise InvalidInput(field="hostname", rule=rule)
    return name


ROUTES = {"/v1/servicenode/{hostname}": ServiceNodeController}
POLICY = (
    Rule("sm_api:servicenode:get", READER, "GET", "/v1/servicenode/{hostname}"),
    # Swacts and locks that an operator asks for go through sysinv, which checks more than this service knows.
    Rule("sm_api:servicenode:command", SERVICE, "PATCH", "/v1/servicenode/{hostname}"),
)
