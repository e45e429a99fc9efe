# SPDX-License-Identifier: Apache-2.0
"""Attacks of root on worker-0 on memory: of the daemons that read its messages, and of the broker."""
from __future__ import annotations

import bz2
import json
import struct
import time
import uuid
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import amqp
import pytest
from kombu import compression

from flock.rpc import Server, Transport, client
from flock.rpc.accounts import host_account, requests_exchange
from flock.testing.services.process import wait_for
from flock.testing.services.rabbitmq import SERVES_S
from fm.contract.rpc import FmManager
from tests.security.conftest import SecuredBus, connect

MIB = 1024 * 1024


class NoFaults(FmManager):
    """Replies that there are no alarms."""

    def get_faults(self, **_arguments: Any) -> list[Any]:
        return []


@pytest.fixture
def served(secured: SecuredBus, transports: Any) -> Iterator[Transport]:
    """The connection of a server of FmManager."""
    transport: Transport = transports(secured.service("fm-manager"))
    server = Server(transport, "controller-0", {FmManager: NoFaults()})
    assert server.start(SERVES_S)
    yield transport
    server.stop(5)


@pytest.fixture
def faults(secured: SecuredBus, transports: Any) -> FmManager:
    """The client of another service. The queue keeps the order: what was sent before its request has been taken."""
    return client(FmManager, transports(secured.service("mtce-conductor")), deadline_s=SERVES_S)


def answered(faults: FmManager) -> None:
    """Ask; an error without an answer."""
    faults.get_faults(alarm_id=None, entity_instance_id=None, below=True)


def peak_mib() -> int:
    """The largest resident size of this process since ``forget_peak``."""
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(status["VmHWM"].split()[0]) // 1024


def forget_peak() -> None:
    Path("/proc/self/clear_refs").write_text("5")


# Python decodes it as "punycode" within half a minute; the time grows with the square of the size.
SLOW = b"a" * 200_000 + b"-" + b"a" * 200_000


# Twenty times as large in memory, until the message is dropped.
NESTED = b'{"args": [' + b"[]," * (2 * MIB) + b"[]]}"


def bomb(mib: int) -> bytes:
    """``mib`` MiB of blanks, compressed."""
    packer, blanks = zlib.compressobj(9), b" " * MIB
    return b"".join([packer.compress(blanks) for _ in range(mib)]) + packer.flush()


@pytest.mark.usefixtures("served")
def test_a_compressed_message_is_not_unpacked(secured: SecuredBus, faults: FmManager) -> None:
    body = bomb(1024)
    forget_peak()
    before = peak_mib()
    connect(secured.host("worker-0")).channel().basic_publish(
        amqp.Message(body, content_type="application/json", content_encoding="utf-8",
                     user_id=host_account("worker-0"), application_headers={"compression": "application/x-gzip"}),
        requests_exchange(host_account("worker-0")), "fm.manager")
    answered(faults)
    assert peak_mib() - before < 200


@pytest.mark.parametrize(("content_type", "encoding", "body"), [
    ("text/plain", "punycode", SLOW), ("application/data", "zlib", bomb(1024)),
    ("application/text", "bz2", bz2.compress(b" " * 512 * MIB)), ("", "utf-7", b"+" * 1_000_000),
    ("application/json", "punycode", SLOW), ("application/json", "utf-8", b"1" * 1_000_000),
    ("application/json", "utf-8", b"[1, 2]"), ("application/json", "utf-8", b"\xff{"),
    ("application/json", "utf-8", NESTED),
    ("application/json", "utf-8", json.dumps({"oslo.version": "2.0", "oslo.message": NESTED.decode()}).encode())])
def test_content_is_read_by_no_codec_that_a_sender_names(
        secured: SecuredBus, served: Transport, faults: FmManager, content_type: str, encoding: str, body: bytes
) -> None:
    """Each message held the only thread that reads the topic, 100 kB of one codec for half a minute, or memory."""
    forget_peak()
    before = peak_mib()
    channel = connect(secured.host("worker-0")).channel()
    for _ in range(3):
        channel.basic_publish(
            amqp.Message(body, content_type=content_type, content_encoding=encoding,
                         user_id=host_account("worker-0")),
            requests_exchange(host_account("worker-0")), "fm.manager")
    begun_s = time.process_time()
    answered(faults)
    assert peak_mib() - before < 100 and time.process_time() - begun_s < 3
    assert list(served.gate.refusals.take()) == ["worker-0"]


@pytest.mark.parametrize("kind", compression.encoders())
def test_no_kind_of_compression_is_known(kind: str) -> None:
    with pytest.raises(ValueError, match="not compressed"):
        compression.decompress(b"", kind)


def shortstr(text: bytes) -> bytes:
    return bytes([len(text)]) + text


def longstr(text: bytes) -> bytes:
    return struct.pack(">I", len(text)) + text


def nested(depth: int) -> bytes:
    value = b"V"
    for _ in range(depth):
        value = b"A" + longstr(value)
    return value


HEADERS, CONTENT_TYPE, CORRELATION, TIMESTAMP, USER = 0x2000, 0x8000, 0x0400, 0x0040, 0x0010
WHO = shortstr(host_account("worker-0").encode())
COPY = shortstr(b"CC") + b"A" + longstr(b"S" + longstr(b"fm.manager"))
UNREADABLE = {
    "a time that no calendar has": (HEADERS, longstr(shortstr(b"h") + b"T" + b"\x7f" + b"\xff" * 7)),
    "the last time": (HEADERS, longstr(shortstr(b"h") + b"T" + b"\xff" * 8)),
    "a property's time": (TIMESTAMP, b"\xff" * 8),
    "a type that is no text": (CONTENT_TYPE, shortstr(b"\xff\xfe")),
    "an id that is no text": (CORRELATION, shortstr(b"\xff\xfe")),
    "a header's name that is no text": (HEADERS, longstr(shortstr(b"\xff") + b"t\x01")),
    "lists in lists": (HEADERS, longstr(shortstr(b"h") + nested(1500))),
    "a number of many digits": (HEADERS, longstr(shortstr(b"h") + b"D\xff\x7f\xff\xff\xff")),
}


def unreadable(channel: amqp.Channel, key: bytes, flags: int, properties: bytes, who: bytes = WHO) -> bytes:
    """The frames of a message to the host's exchange; fields stand in the order of their flags, and the user last."""
    exchange = requests_exchange(host_account("worker-0")).encode()
    parts = (struct.pack(">HHH", 60, 40, 0) + shortstr(exchange) + shortstr(key) + b"\0",
             struct.pack(">HHQH", 60, 0, 2, flags | (USER if who else 0)) + properties + who, b"{}")
    return b"".join(struct.pack(">BHL", kind, channel.channel_id, len(part)) + part + b"\xce"
                    for kind, part in enumerate(parts, 1))


def test_a_message_that_cannot_be_read_and_names_nobody_counts_for_its_host(
        secured: SecuredBus, served: Transport) -> None:
    channel = connect(secured.host("worker-0")).channel()
    flags, properties = UNREADABLE["the last time"]
    channel.connection.transport.sock.sendall(unreadable(channel, b"fm.manager", flags, properties, who=b""))
    wait_for(lambda: list(served.gate.refusals.take()) == ["worker-0"], 20, "the sender to be known")


@pytest.mark.parametrize("what", [*UNREADABLE, "a key that is no text"])
def test_a_message_that_cannot_be_read_stops_nobody(
        secured: SecuredBus, served: Transport, faults: FmManager, what: str) -> None:
    """Reading it ended the connection of the server, to which the broker then delivered it again, without end."""
    channel = connect(secured.host("worker-0")).channel()
    flags, properties = UNREADABLE.get(what, (HEADERS, longstr(COPY)))
    key = b"fm.manager" if what in UNREADABLE else b"\xff\xfe\xff"
    channel.connection.transport.sock.sendall(3 * unreadable(channel, key, flags, properties))
    for _ in range(3):
        answered(faults)
    wait_for(lambda: list(served.gate.refusals.take()) == ["worker-0"], 20, "the sender to be known")
    assert dict(queue_lengths(secured))["fm.manager"] == 0, "it was taken from the queue"


def queue_lengths(secured: SecuredBus) -> list[tuple[str, int]]:
    """Name and number of messages, delivered ones that are not acknowledged too, of each queue."""
    told = secured.node.control("--quiet", "list_queues", "name", "messages")
    return [(words[0], int(words[1])) for line in told.splitlines() if (words := line.split("\t"))[-1].isdigit()]


ODD_FIELDS: dict[str, dict[str, Any]] = {
    "a context of the driver's own": {"_context_self": 1, "_msg_id": 7},
    "a list as id": {"_unique_id": ["x"]}, "a number as queue": {"_reply_q": 5}, "a table as method": {"method": {}},
    "a number as version": {"version": 1.0}, "no version": {"version": "1.x"}, "a text as arguments": {"args": "body"},
    "a list as timeout": {"_timeout": []}, "a long id": {"_unique_id": "x" * 100_000},
    "a list as name space": {"namespace": [1]}, "a list as request id": {"_context_request_id": [1]},
}


@pytest.mark.parametrize("what", ODD_FIELDS)
def test_a_field_of_a_wrong_type_ends_no_consumer(
        secured: SecuredBus, served: Transport, faults: FmManager, what: str) -> None:
    """The driver had acknowledged the message, then refused it again, and lost its connection."""
    channel = connect(secured.host("worker-0")).channel()
    for _ in range(20):
        sent_by_oslo(channel, {"method": "get_faults", "namespace": "FmManager", "version": "1.0", "args": {},
                               "_unique_id": uuid.uuid4().hex, **ODD_FIELDS[what]})
    for _ in range(3):
        answered(faults)
    wait_for(lambda: list(served.gate.refusals.take()) == ["worker-0"], 20, "the sender to be known")
    assert dict(queue_lengths(secured))["fm.manager"] == 0


def sent_by_oslo(channel: amqp.Channel, fields: dict[str, Any]) -> None:
    """Publish a message of worker-0 to fm-manager in oslo.messaging's envelope."""
    channel.basic_publish(
        amqp.Message(json.dumps({"oslo.version": "2.0", "oslo.message": json.dumps(fields)}),
                     content_type="application/json", content_encoding="utf-8", user_id=host_account("worker-0")),
        requests_exchange(host_account("worker-0")), "fm.manager")


@pytest.mark.usefixtures("served")
def test_a_context_that_a_sender_writes_is_not_passed_on(secured: SecuredBus, faults: FmManager) -> None:
    channel = connect(secured.host("worker-0")).channel()
    for name in ("self", "cls", "values", "msg_id", "request_id ", "flock_sender"):
        sent_by_oslo(channel, {"method": "nothing", "namespace": "Nobody", "version": "1.0", "args": {},
                               f"_context_{name}": "x"})
    answered(faults)
    assert dict(queue_lengths(secured))["fm.manager"] == 0
