# SPDX-License-Identifier: Apache-2.0
"""The sender's name in properties that cannot be read otherwise."""
from __future__ import annotations

import json
import struct

import pytest
from amqp import Message, abstract_channel
from amqp.serialization import loads

from flock.foreign.frames import DAMAGED, user_id_of
from flock.foreign.messages import LARGE_BYTES, STRUCTURE_MAX_BYTES, TEXT_MAX, CheckedMessage, is_bulky, odd_field
from flock.rpc import messaging  # noqa: F401 - the bus reads messages so


def properties(**given: object) -> bytes:
    return Message(b"x", **given)._serialize_properties()


@pytest.mark.parametrize("given", [
    {}, {"content_type": "a", "content_encoding": "b", "application_headers": {"h": [1, {"k": "v"}]},
         "delivery_mode": 2, "priority": 3, "correlation_id": "c", "reply_to": "d", "expiration": "60",
         "message_id": "m", "type": "t", "app_id": "i", "cluster_id": "u"}])
def test_the_sender_is_found_behind_everything_else(given: dict[str, object]) -> None:
    assert user_id_of(properties(user_id="host.worker-0", **given)) == "host.worker-0"
    assert user_id_of(properties(**given)) is None


def test_a_damaged_message_keeps_its_sender_and_nothing_else() -> None:
    headers = b"\x01hT" + b"\xff" * 8
    flags = struct.pack(">H", 0x2050)
    raw = flags + struct.pack(">I", len(headers)) + headers + b"\0" * 8 + b"\x06host.a"
    message = Message()
    message.inbound_header(struct.pack(">HHQ", 60, 0, 5) + raw)
    assert message.properties == {"content_type": DAMAGED, "user_id": "host.a"}
    assert message.body_size == 5
    message.inbound_header(struct.pack(">HHQ", 60, 0, 5) + flags + b"\xff\xff\xff\xff")
    assert message.properties == {"content_type": DAMAGED}


REQUEST = {"method": "m", "namespace": "n", "version": "1.0", "args": {"body": "b"}, "_msg_id": None, "_reply_q": "q",
           "_unique_id": "u", "_timeout": 1.5, "_context_request_id": "r"}


@pytest.mark.parametrize("name", [*REQUEST])
def test_a_field_of_a_wrong_type_is_odd(name: str) -> None:
    assert odd_field(REQUEST) is odd_field({}) is odd_field({"result": [1], "failure": None, "ending": True}) is None
    assert odd_field({**REQUEST, name: ["x"]}) == name
    if name not in ("args", "_timeout", "version"):
        assert odd_field({**REQUEST, name: "x" * (TEXT_MAX + 1)}) == name


class Raw:
    """A message as kombu gives it."""

    content_type = "application/json"

    def __init__(self, payload: object) -> None:
        self.payload = payload
        self.body = json.dumps(payload)


@pytest.mark.parametrize(("content", "damage"), [
    ({"method": "m", "_context_self": 1, "_context_request_id": "r"}, ""), ({"method": 5}, "with a wrong field method"),
    ([1], "with content that cannot be read (")])
def test_a_context_that_a_sender_writes_is_taken_out(content: object, damage: str) -> None:
    found = CheckedMessage(Raw(content))
    assert found.damage.startswith(damage) and (damage or found.damage == "")
    assert "_context_self" not in found and (damage or found["_context_request_id"] == "r")


@pytest.mark.parametrize(("encoding", "is_read"), [
    ("utf-8", True), ("UTF-8", True), ("punycode", False), ("zlib", False), ("utf-7", False), ("", False)])
def test_a_body_is_decoded_by_no_codec_that_a_sender_names(encoding: str, is_read: bool) -> None:
    message = Message()
    raw = properties(content_type="application/json", content_encoding=encoding, user_id="host.a")
    message.inbound_header(struct.pack(">HHQ", 60, 0, 5) + raw)
    assert message.properties["user_id"] == "host.a"
    assert (message.content_type == "application/json") is is_read
    assert message.content_encoding == (encoding if is_read else "utf-8")


def test_arguments_that_are_no_text_are_read_all_the_same() -> None:

    raw = b"\x01t" + struct.pack(">QB", 7, 1) + b"\x01e" + b"\x02\xff\xfe"
    with pytest.raises(UnicodeDecodeError):
        loads("sLbss", raw, 0)
    assert abstract_channel.loads("sLbss", raw, 0) == (["t", 7, True, "e", "\ufffd\ufffd"], len(raw))


@pytest.mark.parametrize("body", [
    b"[]," * LARGE_BYTES, b'"a",' * LARGE_BYTES, b'{"a": "' + b"x" * LARGE_BYTES + b'", "b": [' +
    b"1," * STRUCTURE_MAX_BYTES, b'"' * LARGE_BYTES * 2, b'"\\\\",' * LARGE_BYTES])
def test_large_json_that_is_more_than_text_is_not_read(body: bytes) -> None:
    assert is_bulky(body) and not is_bulky(body[:LARGE_BYTES])


@pytest.mark.parametrize("text", ["x" * LARGE_BYTES, "[]," * LARGE_BYTES, '"' * LARGE_BYTES, "\\" * LARGE_BYTES,
                                  '\\"' * LARGE_BYTES, "\u00e4[\"" * LARGE_BYTES])
def test_large_texts_are_read_whatever_they_hold(text: str) -> None:
    inner = json.dumps({"method": "m", "args": {"body": text}})
    assert not is_bulky(inner.encode())
    assert not is_bulky(json.dumps({"oslo.version": "2.0", "oslo.message": inner}).encode())
