# SPDX-License-Identifier: Apache-2.0
"""Uses of oslo.messaging's private members: which content of a message is read, and what its fields may be."""
from __future__ import annotations

import re
from typing import Any

from flock.foreign import load, require
from flock.service import backend  # noqa: F401 - chooses native threads before oslo.messaging is loaded

# isort: split
from kombu import compression

PACKAGE = "oslo.messaging"
_NEEDED_FOR = "no message of a sender stops a server"
_rabbit = load(PACKAGE, "oslo_messaging._drivers.impl_rabbit", _NEEDED_FOR)
for _owner, _name in ((_rabbit, "RabbitMessage"), (_rabbit.RabbitMessage, "_raw_message")):
    require(PACKAGE, _owner, _name, _NEEDED_FOR)

CONTENT_TYPE = "application/json"
CONTEXT = "_context_"
# The driver passes every other field of the context on as an argument of a function.
REQUEST_ID = CONTEXT + "request_id"
TEXTS = ("_msg_id", "_reply_q", "_unique_id", "method", "namespace", REQUEST_ID)
TEXT_MAX = 1024
# Programs of this project put what they say into one text (``flock.rpc.text``). A megabyte of brackets becomes 25.
LARGE_BYTES, STRINGS_MAX, STRUCTURE_MAX_BYTES = 64 * 1024, 256, 16 * 1024
_VERSION = re.compile(r"\d{1,4}\.\d{1,4}", re.ASCII)


def _never(_data: bytes) -> bytes:
    raise ValueError("messages are not compressed here")


# kombu unpacks a message before anything can look at its sender, and one megabyte may become gigabytes.
for _content_type in compression.encoders():  # type: ignore[no-untyped-call]
    compression.register(_never, _never, _content_type)  # type: ignore[no-untyped-call]


def odd_field(fields: dict[str, Any]) -> str | None:
    """The name of a field of a message that no program of this project writes so; None without one."""
    for name in TEXTS:
        value = fields.get(name)
        if value is not None and not (isinstance(value, str) and len(value) <= TEXT_MAX):
            return name
    timeout, version = fields.get("_timeout"), fields.get("version")
    if timeout is not None and not isinstance(timeout, (int, float)):
        return "_timeout"
    if version is not None and not (isinstance(version, str) and _VERSION.fullmatch(version)):
        return "version"
    return None if isinstance(fields.get("args", {}), dict) else "args"


def is_bulky(body: bytes) -> bool:
    """Whether large JSON has more than a little outside of its strings."""
    if len(body) <= LARGE_BYTES:
        return False
    bare = body.replace(b"\\\\", b"").replace(b'\\"', b"")
    return bare.count(b'"') > 2 * STRINGS_MAX or sum(map(len, bare.split(b'"')[::2])) > STRUCTURE_MAX_BYTES


class CheckedMessage(_rabbit.RabbitMessage):  # type: ignore[name-defined,misc]
    """A message as the broker delivers it; ``damage`` says why its content was not read, and is empty when it was.

    kombu decodes any other content than JSON by the codec of Python that the sender names, before anything can look at
    the sender: 100 kB of one codec take half a minute, and 700 bytes of another become a gigabyte.
    """

    def __init__(self, raw_message: Any) -> None:
        self._raw_message = raw_message
        self.damage = "" if raw_message.content_type == CONTENT_TYPE else "whose content is not JSON"
        if not self.damage:
            try:
                self.damage = _bulk(raw_message)
                if not self.damage:
                    super().__init__(raw_message)
                    self.damage = self._check()
            except Exception as error:  # noqa: BLE001 - whatever a sender wrote, its message alone is refused
                # The driver would write each of them into the log.
                self.damage = f"with content that cannot be read ({type(error).__name__})"

    def _check(self) -> str:
        for name in [name for name in self if name.startswith(CONTEXT) and name != REQUEST_ID]:
            del self[name]
        odd = odd_field(self)
        return f"with a wrong field {odd}" if odd is not None else ""


def _bulk(raw_message: Any) -> str:
    """Each of the two JSON texts, one in the other, before it becomes objects."""
    body = raw_message.body
    data = body.encode() if isinstance(body, str) else bytes(body)
    if len(data) <= LARGE_BYTES:
        return ""
    bulky = is_bulky(data)
    inner = None if bulky else raw_message.payload.get("oslo.message")
    return "with more structure than text" if bulky or isinstance(inner, str) and is_bulky(inner.encode()) else ""


_rabbit.RabbitMessage = CheckedMessage
