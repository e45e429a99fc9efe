# SPDX-License-Identifier: Apache-2.0
"""The JSON around an answer: ``{"ok": result}`` or ``{"error": {"code", "params", "text"}}``."""
from __future__ import annotations

from typing import Any

from flock.core.codec import codec_for
from flock.core.errors import FlockError, InvalidInput, RemoteError

ERROR = codec_for(dict[str, Any])
_OK, _ERROR, _END = b'{"ok":', b'{"error":', b"}"


def good(result: bytes) -> bytes:
    """The answer of a method that returned; ``result`` is JSON."""
    return b"".join((_OK, result, _END))


def bad(error: FlockError) -> bytes:
    """The answer of a method that refused or failed."""
    try:
        said = ERROR.encode(error.to_wire(), "error")
    except InvalidInput:
        # A parameter is no JSON, such as text that is not Unicode; the error must arrive all the same.
        said = ERROR.encode(RemoteError(detail=ascii(str(error)), remote_code=error.code).to_wire(), "error")
    return b"".join((_ERROR, said, _END))


def opened(data: bytes, field: str) -> tuple[bool, bytes]:
    """``(True, JSON of the result)`` or ``(False, JSON of the error)``; InvalidInput when it is neither."""
    for is_good, begin in ((True, _OK), (False, _ERROR)):
        if data.startswith(begin) and data.endswith(_END):
            return is_good, data[len(begin):-len(_END)]
    raise InvalidInput(field=field, rule="must hold ok or error")
