# SPDX-License-Identifier: Apache-2.0
"""The form of rtnetlink's messages: what one read returned as messages, and a message's attributes."""
from __future__ import annotations

import struct
from collections.abc import Iterator

REQUEST, ACK, DUMP, CREATE, REPLACE = 0x1, 0x4, 0x300, 0x400, 0x100
ERROR, DONE = 2, 3
_HEADER, _ATTRIBUTE = struct.Struct("=IHHII"), struct.Struct("=HH")


def request(kind: int, flags: int, body: bytes) -> bytes:
    """A message to the kernel."""
    return _HEADER.pack(_HEADER.size + len(body), kind, flags, 1, 0) + body


def messages(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Type and body of each message; stops at one that is cut off."""
    start = 0
    while start + _HEADER.size <= len(data):
        length, kind, *_ = _HEADER.unpack_from(data, start)
        if length < _HEADER.size or start + length > len(data):
            return
        yield kind, data[start + _HEADER.size:start + length]
        start += length + -length % 4


def attribute(kind: int, value: bytes) -> bytes:
    """An attribute for the body of a request."""
    return _ATTRIBUTE.pack(_ATTRIBUTE.size + len(value), kind) + value + bytes(-len(value) % 4)


def attributes(data: bytes) -> dict[int, bytes]:
    """The attributes at the end of a body, by type; none from one on that is cut off."""
    found, start = {}, 0
    while start + _ATTRIBUTE.size <= len(data):
        length, kind = _ATTRIBUTE.unpack_from(data, start)
        if length < _ATTRIBUTE.size or start + length > len(data):
            break
        found[kind] = data[start + _ATTRIBUTE.size:start + length]
        start += length + -length % 4
    return found
