# SPDX-License-Identifier: Apache-2.0
"""Loaded by schemathesis in its own process: gives valid requests what a schema cannot say, so that they get through.

Ids of the catalogue, uuids of alarms (FUZZ_ALARMS), filters given equally often, timestamps that are dates. Requests
made to be refused stay as they are.
"""
from __future__ import annotations

import os
from typing import Any

import schemathesis
from schemathesis import GenerationMode

ALARM_IDS = ("100.101", "200.001", "200.004", "300.001")
ALARMS = os.environ.get("FUZZ_ALARMS", "").split(",")


@schemathesis.hook
def before_call(context: Any, case: Any, kwargs: dict[str, Any]) -> None:
    """Change a request before it is sent."""
    if case.meta is None or case.meta.generation.mode is not GenerationMode.POSITIVE:
        return
    if case.operation.label == "POST /v1/alarms" and isinstance(case.body, dict):
        case.body["alarm_id"] = ALARM_IDS[len(str(case.body)) % len(ALARM_IDS)]
        case.body.pop("timestamp", None)
    # Stateful tests know uuids from the answers before.
    if case.operation.path.startswith("/v1/alarms/{uuid}") and "STATEFUL" not in str(case.meta.phase.name).upper():
        deletes = case.operation.label == "DELETE /v1/alarms/{uuid}"
        case.path_parameters["uuid"] = ALARMS.pop() if deletes and len(ALARMS) > 1 else ALARMS[0]
    fields = case.query.get("q.field") if case.query else None
    if isinstance(fields, list):
        values = case.query.get("q.value")
        case.query["q.value"] = ["2026-02-01" if field in ("start", "end") else value for field, value in zip(
            fields, [*(values if isinstance(values, list) else []), *["a"] * len(fields)], strict=False)]
        case.query["q.op"] = ["eq"] * len(fields)


@schemathesis.deserializer("text/csv")
def comma_separated(context: Any, response: Any) -> str:
    """A CSV answer as the text it is."""
    text: str = response.content.decode("utf-8")
    return text
