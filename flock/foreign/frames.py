# SPDX-License-Identifier: Apache-2.0
"""Uses of py-amqp's private members: a message whose properties cannot be read is a damaged message, and no more.

py-amqp reads properties and arguments while it reads from the socket, before anybody can look at the sender. An error
there counts as a lost connection: the broker then delivers the message again, and so on without end. The broker checks
neither the times in headers nor that names and keys are UTF-8. py-amqp also decodes a body by whatever codec of Python
the sender names: 400 kB of one of them take half a minute.
"""
from __future__ import annotations

import struct
from typing import Any

from flock.foreign import load, require

PACKAGE = "amqp"
_NEEDED_FOR = "a message that cannot be read stops no server"
DAMAGED = "damaged"
"""The content type of a message whose properties could not be read, or that is no UTF-8."""
ENCODING = "utf-8"
_content = load(PACKAGE, "amqp.basic_message", _NEEDED_FOR)
_channel = load(PACKAGE, "amqp.abstract_channel", _NEEDED_FOR)
for _owner, _name in ((_content.Message, "_load_properties"), (_channel, "loads"),
                      (_channel.AbstractChannel, "dispatch_method")):
    require(PACKAGE, _owner, _name, _NEEDED_FOR)
# AMQP 0-9-1, section 4.2.6.1 and class basic: what the flags say is there, from the highest bit on.
_FIELDS = ("s", "s", "F", "o", "o", "s", "s", "s", "s", "T", "s", "user_id", "s", "s")
_OCTETS = {"o": 1, "T": 8}

_load_properties, _loads = _content.Message._load_properties, _channel.loads


class _Lenient(bytes):
    """Text in it is read whatever it holds."""

    def __getitem__(self, key: Any) -> Any:
        found = super().__getitem__(key)
        return _Lenient(found) if isinstance(key, slice) else found

    def decode(self, *_: Any) -> str:
        return super().decode("utf-8", "replace")


def user_id_of(properties: bytes) -> str | None:
    """The sender's name in the properties of a message, of which nothing else is read; None without one."""
    flags, = struct.unpack_from(">H", properties)
    place = 2
    for number, kind in enumerate(_FIELDS):
        if not flags & 0x8000 >> number:
            continue
        if kind in _OCTETS:
            place += _OCTETS[kind]
        elif kind == "F":
            place += 4 + struct.unpack_from(">I", properties, place)[0]
        else:
            size = properties[place]
            if kind == "user_id":
                return properties[place + 1:place + 1 + size].decode("utf-8", "replace")
            place += 1 + size
    return None


def _read(message: Any, class_id: int, buf: bytes, offset: int) -> int:
    try:
        end = int(_load_properties(message, class_id, buf, offset))
        if str(message.properties.get("content_encoding", ENCODING)).lower() != ENCODING:
            message.properties |= {"content_encoding": ENCODING, "content_type": DAMAGED}
        return end
    except Exception:  # noqa: BLE001 - whatever a sender wrote, it damages its own message
        message.properties = {"content_type": DAMAGED}
        try:
            found = user_id_of(bytes(buf[offset:]))
        except (struct.error, IndexError):
            found = None
        if found is not None:
            message.properties["user_id"] = found
        return len(buf)


def _arguments(form: Any, buf: bytes, offset: int) -> Any:
    try:
        return _loads(form, buf, offset)
    except UnicodeDecodeError:
        return _loads(form, _Lenient(buf), offset)


_content.Message._load_properties = _read
_channel.loads = _arguments
