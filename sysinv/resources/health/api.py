# SPDX-License-Identifier: Apache-2.0
"""Routes of ``health``: whether the system is fit for changes, as one text or as a list of checks."""
from __future__ import annotations

import re
from typing import Any

from flock.api.call import Call
from flock.api.describe import AnyOf, Argument, Description, described
from flock.auth.policy import READER, Rule
from flock.wire.errors import BadField, shown
from flock.wire.types import Boolean, Choice, Text
from sysinv.model.health import Kind, Question
from sysinv.resources.health.service import HealthService

IGNORED_MAX = 200
_IGNORED = "alarm_ignore_list"
_ID = re.compile(r"[0-9]{3}\.[0-9]{3}", re.ASCII)
CHECK = {"type": "object", "required": ["check", "ok", "detail", "advice", "skipped"], "properties": {
    "check": {"type": "string"}, "ok": {"type": "boolean"}, "detail": {"type": "string"},
    "advice": {"type": "string"}, "skipped": {"type": "boolean"}}}
FORMATS = ("text", "json")
FORMAT = Argument("format", Choice(FORMATS), "json: the checks as a list instead of one text.")
IGNORE = Argument(_IGNORED, Text(8 * IGNORED_MAX),
                  "Ids of alarms that do not count, such as 900.401,900.201.")
ROOTCA = Argument("rootca", Boolean(), "Whether certificates of Kubernetes are to be renewed.")


class HealthController:
    """``GET /v1/health[/<kind>[/relaxed]]``."""

    def __init__(self, kind: Kind, relaxed: bool = False) -> None:
        self._kind, self._relaxed = kind, relaxed
        arguments = (FORMAT,) if kind is Kind.SYSTEM else (FORMAT, IGNORE, ROOTCA)
        self.descriptions: dict[str, Description] = {"get": described(query=arguments, answers={
            200: AnyOf(({"type": "string"}, {"type": "array", "items": CHECK}))})}

    def get(self, call: Call) -> Any:
        """The health of the system: a text with a line for each check, or the checks."""
        wanted = call.query.text("format", "text")
        if wanted not in FORMATS:
            raise BadField(field="format", value=shown(wanted), rule=f"Value should be one of: {', '.join(FORMATS)}")
        call.query.bool("rootca")
        ignored = _ids(call.query.text(_IGNORED, ""))
        found = call.deps(HealthService).report(Question(self._kind, self._relaxed, ignored))
        return found.rows if wanted == "json" else found.text


def _ids(text: str) -> frozenset[str]:
    """Ids that are separated by commas; existing clients send a Python list."""
    found = [part.strip(" '\"[]") for part in text.split(",")]
    wrong = [part for part in found if part and not _ID.fullmatch(part)]
    if wrong:
        raise BadField(field=_IGNORED, value=shown(wrong[0]), rule="Value must be ids of alarms, such as 900.401.")
    return frozenset(part for part in found if part)


ROUTES = {
    "/v1/health": HealthController(Kind.SYSTEM),
    **{f"/v1/health/{kind}{'/relaxed' if relaxed else ''}": HealthController(kind, relaxed)
       for kind in (Kind.UPGRADE, Kind.KUBE_UPGRADE) for relaxed in (False, True)},
}
POLICY = tuple(Rule("sysinv_api:health:get", READER, "GET", path) for path in ROUTES)
