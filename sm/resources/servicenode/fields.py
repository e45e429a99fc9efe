# SPDX-License-Identifier: Apache-2.0
"""``servicenode``: the states of a host in service management, commands about it, and the replies to them."""
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flock.core.errors import InvalidInput
from sm.contract.control import Request, Verb
from sm.contract.nodecommand import CHECKS, ErrorCode, Fencing, NodeAction, ServiceNode, Verdict
from sm.contract.states import Administrative, Availability, Operational

ORIGIN = "sm"
TEXT_MAX = 255
_YES_NO = {"enum": ["yes", "no", "unknown"]}
_STATES = {"admin": {"enum": list(Administrative)}, "oper": {"enum": list(Operational)}, "avail": {"type": "string"}}
SHOWN = {"type": "object", "required": ["origin", "hostname", *_STATES, "active_services", "swactable_services"],
         "properties": {"origin": {"const": ORIGIN}, "hostname": {"type": "string"}, **_STATES,
                        "active_services": _YES_NO, "swactable_services": _YES_NO,
                        "fencing": {"enum": list(Fencing)}}}
COMMAND = {"type": "object", "required": ["action"], "properties": {
    "origin": {"type": "string", "maxLength": TEXT_MAX}, "action": {"enum": list(NodeAction)}, **_STATES,
    "avail": {"type": "string", "maxLength": TEXT_MAX}}}
RESULT = {"type": "object", "required": ["origin", "hostname", "action", *_STATES, "error_code"], "properties": {
    "origin": {"const": ORIGIN}, "hostname": {"type": "string"}, "action": {"enum": list(NodeAction)}, **_STATES,
    "error_code": {"enum": list(ErrorCode)}, "error_details": {"type": ["string", "null"]},
    "impact_service_list": {"type": "array", "items": {"type": "string"}}}}


def shown(node: ServiceNode) -> dict[str, Any]:
    """The body of ``GET /v1/servicenode/<hostname>``."""
    return {"origin": ORIGIN, "hostname": node.hostname, "admin": node.admin.value, "oper": node.oper.value,
            "avail": node.avail.value, "active_services": node.active_services,
            "swactable_services": node.swactable_services, "fencing": node.fencing.value}


def command(hostname: str, body: Any) -> Request:
    """The request of a body; InvalidInput names the field and the rule. Availabilities that only host maintenance
    knows, such as ``online``, are none here."""
    if not isinstance(body, Mapping):
        raise InvalidInput(field="body", rule="must be a JSON object")
    origin, avail = _text(body, "origin"), _text(body, "avail")
    known = avail in set(Availability)
    return Request("", Verb.COMMAND, node=hostname, action=_word(NodeAction, body, "action", None),
                   administrative=_word(Administrative, body, "admin", Administrative.UNKNOWN),
                   operational=_word(Operational, body, "oper", Operational.UNKNOWN),
                   availability=Availability(avail) if known else Availability.NONE, origin=origin)


def result(request: Request, verdict: Verdict, states: Mapping[str, str]) -> dict[str, Any]:
    """The body of the reply; what is not set is omitted, but a check always says its details."""
    body: dict[str, Any] = {"origin": ORIGIN, "hostname": request.node, "action": request.action, **states,
                            "error_code": verdict.code.value}
    if verdict.details is not None or request.action in CHECKS:
        body["error_details"] = verdict.details
    if verdict.impact:
        body["impact_service_list"] = list(verdict.impact)
    return body


def _text(body: Mapping[str, Any], field: str) -> str:
    value = body.get(field) or ""
    if not isinstance(value, str) or len(value) > TEXT_MAX or not value.isprintable():
        raise InvalidInput(field=field, rule=f"must be a text of at most {TEXT_MAX} printable characters")
    return value


def _word(kind: Any, body: Mapping[str, Any], field: str, default: Any) -> Any:
    value = body.get(field)
    if value in (None, "") and default is not None:
        return default
    if not isinstance(value, str) or value not in set(kind):
        raise InvalidInput(field=field, rule=f"must be one of {', '.join(word for word in kind)}")
    return kind(value)
