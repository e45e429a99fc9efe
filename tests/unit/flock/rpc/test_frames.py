# SPDX-License-Identifier: Apache-2.0
"""The sender's name in properties that cannot be read otherwise."""
from __future__ import annotations

import struct

import pytest
from amqp import Message, abstract_channel
from amqp.serialization import loads

from flock.foreign.frames import DAMAGED, user_id_of
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
