# SPDX-License-Identifier: Apache-2.0
"""Routes of ``upload``: a file is sent before its release is taken in, and goes on where it broke off."""
from __future__ import annotations

from typing import Any

from flock.api.call import Call
from flock.api.describe import Argument, describes
from flock.auth.policy import CONFIGURATOR, Rule
from flock.wire.types import Integer
from patching.api.dialect import FAULT
from patching.api.parts import Have, content_range, digest
from patching.api.staging import Staging
from patching.contract.limits import REPLY_MAX_S
from patching.resources.release.api import UPLOAD_BYTES_MAX

PATH = "/v1/upload/{sha256}"
SIZE_MAX = 1 << 50
HAVE = {"type": "object", "required": ["sha256", "have", "complete"], "additionalProperties": False, "properties": {
    "sha256": {"type": "string"}, "have": {"type": "integer"}, "complete": {"type": "boolean"}}}


class UploadController:
    """``/v1/upload/<SHA-256 of the file>``."""

    max_body_bytes = UPLOAD_BYTES_MAX
    streams_body = True
    # Of a file that was sent in parts the digest is computed at its end.
    reply_max_s = REPLY_MAX_S

    @describes(query=(Argument("size", Integer(1, SIZE_MAX), "Its bytes; refused (406) when it has no place."),),
               answers={200: HAVE, 406: dict(FAULT)})
    def get(self, call: Call) -> dict[str, Any]:
        """What the controller has of a file, in bytes."""
        sha256 = digest(call.args["sha256"])
        size = call.query.int("size", 0, min=1, max=SIZE_MAX)
        parts = call.deps(Staging).parts
        if size:
            parts.admit(sha256, size)
        return _shown(sha256, parts.have(sha256))

    @describes(body={"type": "string", "format": "binary"}, body_media=("application/octet-stream",),
               headers={"Content-Range": "bytes FIRST-LAST/SIZE: from where the controller's part ends to the end."},
               answers={200: HAVE, 406: dict(FAULT)}, errors=(409, 413))
    def put(self, call: Call) -> dict[str, Any]:
        """Send a file from where the controller's part ends. What breaks off stays for a day."""
        sha256 = digest(call.args["sha256"])
        asked = content_range(str(call.environ.get("HTTP_CONTENT_RANGE") or ""))
        return _shown(sha256, call.deps(Staging).parts.store(sha256, asked, call.pieces))

    @describes(errors=(409,))
    def delete(self, call: Call) -> None:
        """Remove what there is of a file."""
        call.deps(Staging).parts.forget(digest(call.args["sha256"]))


def _shown(sha256: str, found: Have) -> dict[str, Any]:
    return {"sha256": sha256, "have": found.have, "complete": found.is_complete}


ROUTES = {PATH: UploadController}
POLICY = tuple(Rule(f"software:upload:{name}", CONFIGURATOR, method, PATH)
               for name, method in (("get", "GET"), ("put", "PUT"), ("delete", "DELETE")))
