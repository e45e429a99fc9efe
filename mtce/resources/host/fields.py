# SPDX-License-Identifier: Apache-2.0
"""Converts StarlingX's request bodies to records of the contract, and mtce's replies to response bodies."""
from __future__ import annotations

import ipaddress
import re
import uuid
from collections.abc import Mapping
from typing import Any

from flock.core import ids
from flock.core.errors import InvalidInput
from mtce.contract.records import ActionReply, HostStatus, MtceHost
from mtce.contract.states import OPERATOR_ACTIONS

TEXT_MAX = 255
SECRET_MAX = 4096
PERSONALITIES = ("controller", "worker", "storage", "edgeworker")
BM_TYPES = ("none", "dynamic", "ipmi", "redfish")
STATES = {
    "administrative": ("locked", "unlocked"),
    "operational": ("enabled", "disabled"),
    "availability": ("available", "intest", "degraded", "failed", "power-off", "offline", "offduty", "online",
                     "dependency", "not-installed"),
}
_TEXT = {"type": "string", "maxLength": TEXT_MAX}
_OPTIONAL = {"type": ["string", "null"], "maxLength": TEXT_MAX}
_WANTED = {"enum": [*sorted(OPERATOR_ACTIONS), "none", "", None]}
ACTION = {"type": "object", "required": ["action"], "properties": {"action": _WANTED}}
RECORD = {
    "type": "object", "required": ["uuid", "hostname", "personality", "mgmt_mac", "mgmt_ip"], "properties": {
        **{name: {**_TEXT, "minLength": 1} for name in ("uuid", "hostname", "mgmt_mac", "mgmt_ip")},
        **{name: _OPTIONAL for name in ("subfunctions", "cluster_host_ip", "bm_ip", "bm_username")},
        **{name: {"enum": [*known, "", None]} for name, known in STATES.items()},
        "personality": {"enum": list(PERSONALITIES)}, "bm_type": {"enum": [*BM_TYPES, "", None]},
        "bm_secret": {"type": ["string", "null"], "maxLength": SECRET_MAX, "writeOnly": True}, "action": _WANTED}}
PASSED = {"type": "object", "required": ["status"], "properties": {"status": {"const": "pass"}}}
FAILED = {"type": "object", "required": ["status", "reason", "action"], "properties": {
    "status": {"const": "fail"}, "reason": {"type": "string"}, "action": {"type": "string"}}}
_NAMES = ("uuid", "hostname", "personality", "subfunctions", "action", "stage", "task")
_STATE_NAMES = (*STATES, "subfunction_oper", "subfunction_avail")
VIM_VIEW = {"type": "object", "required": [*_NAMES, "state", "uptime"], "properties": {
    **{name: {"type": "string"} for name in _NAMES}, "uptime": {"type": "integer"},
    "state": {"type": "object", "required": list(_STATE_NAMES), "properties": {
        name: {"type": "string"} for name in _STATE_NAMES}}}}
SYSTEMS_VIEW = {"type": "object", "required": ["hosts"], "properties": {"hosts": {"type": "array", "items": {
    "type": "object", "required": ["uuid", "hostname", "uptime"], "properties": {
        name: {"type": "string"} for name in ("uuid", "hostname", "uptime")}}}}}


def host_uuid(text: str) -> str:
    """Return a UUID in its canonical form; raises InvalidInput for anything else."""
    try:
        return str(uuid.UUID(text))
    except ValueError:
        raise InvalidInput(field="uuid", rule="must be a UUID") from None


def requested_action(body: Mapping[str, Any]) -> str | None:
    """Return the action that a body names; None when it only updates the record (absent, empty or ``none``)."""
    action = body.get("action")
    if action in (None, "", "none"):
        return None
    if not isinstance(action, str) or action not in OPERATOR_ACTIONS:
        raise InvalidInput(field="action", rule="Unknown admin action; known are "
                           + ", ".join(sorted(member.value for member in OPERATOR_ACTIONS)))
    return action


def is_record(body: Mapping[str, Any]) -> bool:
    """Whether a body carries a host record and not only an action."""
    return "hostname" in body


def host_record(body: Mapping[str, Any]) -> MtceHost:
    """Return the record in an add or modify body; ignores unknown keys, because clients send sysinv's whole record."""
    bm_type = _choice(body, "bm_type", BM_TYPES, "none")
    personality = _choice(body, "personality", PERSONALITIES, None)
    bm_ip = _address(body, "bm_ip", required=bm_type != "none")
    return MtceHost(
        uuid=host_uuid(_text(body, "uuid")),
        hostname=_hostname(body),
        personality=personality,
        subfunctions=_optional(body, "subfunctions") or personality,
        mgmt_mac=_mac(body),
        mgmt_ip=_address(body, "mgmt_ip", required=True) or "",
        cluster_host_ip=_address(body, "cluster_host_ip", required=False),
        administrative=_choice(body, "administrative", STATES["administrative"], "locked"),
        operational=_choice(body, "operational", STATES["operational"], "disabled"),
        availability=_choice(body, "availability", STATES["availability"], "offline"),
        bm_type=bm_type,
        bm_ip=bm_ip,
        bm_username=_optional(body, "bm_username"),
        bm_secret=_optional(body, "bm_secret", SECRET_MAX),
    )


def reply_body(reply: ActionReply) -> dict[str, str]:
    """Return ``{"status": "pass"}`` or ``{"status": "fail", "reason": …, "action": …}``."""
    if reply.status == "pass":
        return {"status": "pass"}
    return {"status": "fail", "reason": reply.reason, "action": reply.action}


def vim_view(status: HostStatus) -> dict[str, Any]:
    """Return a host as StarlingX's VIM expects it, with the present action, stage and task added."""
    subfunctions = status.subfunctions or status.personality
    return {
        "uuid": status.uuid, "hostname": status.hostname, "personality": status.personality,
        "subfunctions": subfunctions,
        "state": {
            "administrative": status.administrative, "operational": status.operational,
            "availability": status.availability, "subfunction_oper": status.subfunction_oper,
            "subfunction_avail": status.subfunction_avail,
        },
        "action": status.action, "stage": status.stage, "task": status.task, "uptime": status.uptime_s,
    }


def systems_view(statuses: list[HostStatus]) -> dict[str, Any]:
    """Return all hosts with their uptime as text."""
    return {"hosts": [{"uuid": status.uuid, "hostname": status.hostname, "uptime": str(status.uptime_s)}
                      for status in statuses]}


def _text(body: Mapping[str, Any], name: str, length_max: int = TEXT_MAX) -> str:
    value = body.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= length_max or "\0" in value:
        raise InvalidInput(field=name, rule=f"must be text of 1 to {length_max} characters")
    return value


def _optional(body: Mapping[str, Any], name: str, length_max: int = TEXT_MAX) -> str | None:
    return None if body.get(name) in (None, "") else _text(body, name, length_max)


def _choice(body: Mapping[str, Any], name: str, known: tuple[str, ...], default: str | None) -> str:
    value = body.get(name) or default
    if value not in known:
        raise InvalidInput(field=name, rule=f"must be one of {', '.join(known)}")
    return str(value)


def _address(body: Mapping[str, Any], name: str, *, required: bool) -> str | None:
    value = _optional(body, name)
    if value is None:
        if required:
            raise InvalidInput(field=name, rule="must be given")
        return None
    try:
        return str(ipaddress.ip_address(value))
    except ValueError:
        raise InvalidInput(field=name, rule="must be an IP address") from None


def _hostname(body: Mapping[str, Any]) -> str:
    try:
        return ids.hostname(_text(body, "hostname"))
    except ValueError as error:
        raise InvalidInput(field="hostname", rule=str(error)) from None


def _mac(body: Mapping[str, Any]) -> str:
    value = _text(body, "mgmt_mac").lower()
    if not re.fullmatch(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}", value):
        raise InvalidInput(field="mgmt_mac", rule="must be six pairs of hexadecimal digits separated by colons")
    return value
