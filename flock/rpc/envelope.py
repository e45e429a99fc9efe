# SPDX-License-Identifier: Apache-2.0
"""The JSON around a reply: ``{"ok": result}`` or ``{"error": {"code", "params", "text"}}``."""
from __future__ import annotations

from typing import Any

from flock.core.codec import codec_for
from flock.core.errors import FlockError, InvalidInput, RemoteError

ERROR = codec_for(dict[str, Any])
_OK, _ERROR, _END = b'{"ok":', b'{"error":', b"}"


def good(result: bytes) -> bytes:
    """The reply of a method that returned; ``result`` is JSON."""
    return b"".join((_OK, result, _END))


def bad(error: FlockError) -> bytes:
    """The reply of a method that refused or failed."""
    try:
        encoded = ERROR.encode(error.to_wire(), "error")
    except InvalidInput:
        # A parameter is no JSON, such as text that is not Unicode; the caller must still get the error.
        encoded = ERROR.encode(RemoteError(detail=ascii(str(error)), remote_code=error.code).to_wire(), "error")
    return b"".join((_ERROR, encoded, _END))


def open_reply(data: bytes, field: str) -> tuple[bool, bytes]:
    """``(True, JSON of the result)`` or ``(False, JSON of the error)``; InvalidInput when ``data`` holds neither."""
    for is_good, begin in ((True, _OK), (False, _ERROR)):
        if data.startswith(begin) and data.endswith(_END):
            return is_good, data[len(begin):-len(_END)]
    raise InvalidInput(field=field, rule="must hold ok or error")
