# SPDX-License-Identifier: Apache-2.0
"""JSON in a form that oslo.messaging and kombu copy as it is, although each wraps it into JSON of its own.

Both write a text with a backslash before each quote and each backslash, the second one also before those of the
first: three bytes more for each quote. Here quotes change places with apostrophes and backslashes with circumflexes,
which JSON hardly uses; so a message has the size of its JSON, and nobody has to escape or restore anything. Only what
is not ASCII is escaped by both, and counts against limits as it travels.
"""
from __future__ import annotations

import json
from typing import Any

from flock.core.errors import InvalidInput

_SWAP = bytes.maketrans(b"\"'\\^", b"'\"^\\")


def pack(data: bytes, size_max_bytes: int, field: str) -> str:
    """JSON in UTF-8 as the text that travels; InvalidInput when it is larger than ``size_max_bytes``."""
    text = data.translate(_SWAP).decode("utf-8")
    _check_size(size(text), size_max_bytes, field)
    return text


def size(text: str) -> int:
    """About how many bytes a text has on the wire."""
    return len(text) if text.isascii() else len(json.dumps(text))


def unpack(text: Any, size_max_bytes: int, field: str) -> bytes:
    """The JSON of a text that came; InvalidInput when it is no text or larger than ``size_max_bytes``."""
    if not isinstance(text, str):
        raise InvalidInput(field=field, rule="must be text")
    try:
        data = text.encode("utf-8")
    except UnicodeEncodeError:
        raise InvalidInput(field=field, rule="must be Unicode text") from None
    _check_size(len(data), size_max_bytes, field)
    return data.translate(_SWAP)


def _check_size(size_bytes: int, size_max_bytes: int, field: str) -> None:
    if size_bytes > size_max_bytes:
        raise InvalidInput(field=field, rule=f"at most {size_max_bytes} bytes, got {size_bytes}")
