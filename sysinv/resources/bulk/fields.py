# SPDX-License-Identifier: Apache-2.0
"""Elements of a host in a file of hosts, and the reply to such a file."""
from __future__ import annotations

from typing import Any

from flock.wire.resource import attr, shape
from sysinv.resources.host.fields import NewHost
from sysinv.resources.profile.fields import NAME

POWER_ON, PROFILE = "power_on", "profile"
# Exported files have them; the network and the release of the system determine them.
IGNORED = frozenset({"mgmt_ip", "sw_version"})
# Fields of NewHost that only clients of ``POST /v1/ihosts`` send.
_STATES = frozenset({"administrative", "operational", "availability", "invprovision"})


class BulkHost(NewHost):
    """One host of a file."""

    apparmor = attr(("enabled", "disabled"))
    # Name of a role profile, which supplies what the file leaves out.
    profile = attr(NAME)


FIELDS = tuple(one.name for one in shape(BulkHost).attributes if one.name not in _STATES)
ELEMENTS = (*FIELDS, POWER_ON, *sorted(IGNORED))
OUTCOME: dict[str, Any] = {
    "type": "object", "required": ["index", "hostname", "uuid", "status", "message"], "properties": {
        "index": {"type": "integer"}, "hostname": {"type": ["string", "null"]}, "uuid": {"type": ["string", "null"]},
        "status": {"type": "string", "enum": ["added", "failed", "invalid"]}, "message": {"type": "string"}}}
REPLY: dict[str, Any] = {
    "type": "object", "required": ["success", "error", "hosts"], "properties": {
        "success": {"type": "string"}, "error": {"type": "string"}, "hosts": {"type": "array", "items": OUTCOME}}}
EXPORT: dict[str, Any] = {"type": "object", "required": ["content"], "properties": {"content": {"type": "string"}}}
