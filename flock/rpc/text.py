# SPDX-License-Identifier: Apache-2.0
"""JSON in a form that oslo.messaging and kombu do not have to escape, although each wraps it in JSON of its own.

Each of them puts a backslash before every quote and every backslash, and kombu escapes the backslashes of
oslo.messaging again: three more bytes for each quote. This module swaps quotes with apostrophes and backslashes with
circumflexes, which JSON rarely contains, so a message stays as large as its JSON. Both still escape characters beyond
ASCII; the sender's size limit counts these characters in escaped form.
"""
from __future__ import annotations

import json
from typing import Any

from flock.core.errors import InvalidInput

# A value takes up to 400 bytes of memory while it is read: eight megabytes of brackets would become a gigabyte. The
# largest report, 8,192 LLDP neighbours with all their texts, has 200,000.
VALUES_MAX = 2**18
_SWAP = bytes.maketrans(b"\"'\\^", b"'\"^\\")


def pack(data: bytes, size_max_bytes: int, field: str) -> str:
    """The text to send for JSON in UTF-8; InvalidInput when it is larger than ``size_max_bytes``."""
    text = data.translate(_SWAP).decode("utf-8")
    _check_size(size(text), size_max_bytes, field)
    return text


def check_values(data: bytes, field: str) -> None:
    """Raise InvalidInput for JSON with too many values, before they are made. Commas and brackets in texts count."""
    if sum(map(data.count, (b",", b"[", b"{"))) > VALUES_MAX:
        raise InvalidInput(field=field, rule=f"at most {VALUES_MAX} values")


def size(text: str) -> int:
    """The approximate number of bytes of a text on the wire."""
    return len(text) if text.isascii() else len(json.dumps(text))


def unpack(text: Any, size_max_bytes: int, field: str) -> bytes:
    """The JSON of a received text; InvalidInput when it is no text or larger than ``size_max_bytes``."""
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
