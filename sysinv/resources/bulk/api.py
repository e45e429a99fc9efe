# SPDX-License-Identifier: Apache-2.0
"""Routes ``/v1/ihosts/bulk_add`` and ``/v1/ihosts/bulk_export``."""
from __future__ import annotations

from typing import Any

from flock.api.call import Call
from flock.api.describe import Argument, describes
from flock.auth.policy import CONFIGURATOR, READER, Rule
from flock.wire.errors import BadField, shown
from flock.wire.types import Boolean, Choice
from sysinv.resources.bulk import rules
from sysinv.resources.bulk.fields import EXPORT, REPLY
from sysinv.resources.bulk.form import PART, uploaded
from sysinv.resources.bulk.reading import DocumentRefused, FileFormat
from sysinv.resources.bulk.rules import Outcome
from sysinv.resources.bulk.service import BulkService, Result, unreadable

# A larger file is read so far and told so with 200, as all that is wrong with a file; this ends a body without end.
BODY_BYTES_MAX = 64 << 20
_FORM = {"type": "object", "required": [PART], "properties": {PART: {"type": "string", "format": "binary"}}}


class BulkAddController:
    """``/v1/ihosts/bulk_add``: answers 200 also when it adds nothing, as StarlingX does."""

    max_body_bytes = BODY_BYTES_MAX
    streams_body = True

    @describes(query=(Argument("dry_run", Boolean(), "Only check the file."),), body=_FORM, body_required=False,
               body_media=("multipart/form-data",), answers={200: REPLY}, errors=(413,))
    def post(self, call: Call) -> dict[str, Any]:
        """Add all hosts of a file (XML, YAML or CSV), or none when one of them is invalid."""
        return _reply(_added(call))


class BulkExportController:
    """``/v1/ihosts/bulk_export``."""

    @describes(query=(Argument("format", Choice(FileFormat), "Format of the file; XML without."),),
               answers={200: EXPORT})
    def get(self, call: Call) -> dict[str, Any]:
        """All hosts that have a personality, as a file for ``bulk_add``."""
        return {"content": call.deps(BulkService).export(_format(call.query.text("format")))}


def _added(call: Call) -> Result:
    dry_run = bool(call.query.bool("dry_run"))
    service = call.deps(BulkService)
    refusal = service.refusal()
    if refusal is not None:
        return Result(error=refusal)
    try:
        upload = uploaded(call.pieces, str(call.environ.get("CONTENT_TYPE") or ""))
    except DocumentRefused as problem:
        return unreadable(problem)
    return Result(error=rules.NO_FILE) if upload is None else service.add(upload, dry_run=dry_run)


def _format(wanted: str | None) -> FileFormat:
    try:
        return FileFormat.XML if wanted is None else FileFormat(wanted)
    except ValueError:
        rule = f"Value should be one of: {', '.join(FileFormat)}"
        raise BadField(field="format", value=shown(wanted), rule=rule) from None


def _reply(result: Result) -> dict[str, Any]:
    return {"success": result.success, "error": result.error, "hosts": [_shown(one) for one in result.hosts]}


def _shown(one: Outcome) -> dict[str, Any]:
    return {"index": one.entry.index, "hostname": one.hostname, "uuid": one.uuid, "status": str(one.status),
            "message": one.message}


ROUTES = {
    "/v1/ihosts/bulk_add": BulkAddController,
    "/v1/ihosts/bulk_export": BulkExportController,
}
POLICY = (
    Rule("sysinv_api:host:bulk_add", CONFIGURATOR, "POST", "/v1/ihosts/bulk_add"),
    Rule("sysinv_api:host:bulk_export", READER, "GET", "/v1/ihosts/bulk_export"),
)
