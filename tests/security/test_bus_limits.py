# SPDX-License-Identifier: Apache-2.0
"""Attacks of root on worker-0 on memory: of the daemons that read its messages, and of the broker."""
from __future__ import annotations

import bz2
import time
import zlib
from pathlib import Path
from typing import Any

import amqp
import pytest
from kombu import compression

from flock.rpc import Server, client
from flock.rpc.accounts import host_account, requests_exchange
from flock.testing.services.rabbitmq import SERVES_S
from fm.contract.rpc import FmManager
from tests.security.conftest import SecuredBus, connect

MIB = 1024 * 1024


class NoFaults(FmManager):
    """Replies that there are no alarms."""

    def get_faults(self, **_arguments: Any) -> list[Any]:
        return []


def peak_mib() -> int:
    """The largest resident size of this process since ``forget_peak``."""
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(status["VmHWM"].split()[0]) // 1024


def forget_peak() -> None:
    Path("/proc/self/clear_refs").write_text("5")


def bomb(mib: int) -> bytes:
    """``mib`` MiB of blanks, compressed."""
    packer, blanks = zlib.compressobj(9), b" " * MIB
    return b"".join([packer.compress(blanks) for _ in range(mib)]) + packer.flush()


def test_a_compressed_message_is_not_unpacked(secured: SecuredBus, transports: Any) -> None:
    server = Server(transports(secured.service("fm-manager")), "controller-0", {FmManager: NoFaults()})
    assert server.start(SERVES_S)
    try:
        body = bomb(1024)
        forget_peak()
        before = peak_mib()
        connect(secured.host("worker-0")).channel().basic_publish(
            amqp.Message(body, content_type="application/json", content_encoding="utf-8",
                         user_id=host_account("worker-0"), application_headers={"compression": "application/x-gzip"}),
            requests_exchange(host_account("worker-0")), "fm.manager")
        # The queue keeps the order: when this is answered, the bomb has been taken.
        client(FmManager, transports(secured.service("mtce-conductor")), deadline_s=SERVES_S).get_faults(
            alarm_id=None, entity_instance_id=None, below=True)
        assert peak_mib() - before < 200
    finally:
        server.stop(5)


@pytest.mark.parametrize(("content_type", "encoding", "body"), [
    ("text/plain", "punycode", b"a" * 100_000 + b"-" + b"b" * 100_000), ("application/data", "zlib", bomb(1024)),
    ("application/text", "bz2", bz2.compress(b" " * 512 * MIB)), ("", "utf-7", b"+" * 1_000_000),
    ("application/json", "punycode", b"[" * 1_000_000), ("application/json", "utf-8", b"1" * 1_000_000),
    ("application/json", "utf-8", b"[1, 2]"), ("application/json", "utf-8", b"\xff{")])
def test_content_is_read_by_no_codec_that_a_sender_names(secured: SecuredBus, transports: Any, content_type: str,
                                                         encoding: str, body: bytes) -> None:
    """Each message held the only thread that reads the topic: 100 kB of one codec for half a minute."""
    transport = transports(secured.service("fm-manager"))
    server = Server(transport, "controller-0", {FmManager: NoFaults()})
    assert server.start(SERVES_S)
    try:
        forget_peak()
        before = peak_mib()
        channel = connect(secured.host("worker-0")).channel()
        for _ in range(3):
            channel.basic_publish(
                amqp.Message(body, content_type=content_type, content_encoding=encoding,
                             user_id=host_account("worker-0")),
                requests_exchange(host_account("worker-0")), "fm.manager")
        begun_s = time.process_time()
        client(FmManager, transports(secured.service("mtce-conductor")), deadline_s=SERVES_S).get_faults(
            alarm_id=None, entity_instance_id=None, below=True)
        assert peak_mib() - before < 100 and time.process_time() - begun_s < 10
        assert list(transport.gate.refusals.take()) == ["worker-0"]
    finally:
        server.stop(5)


@pytest.mark.parametrize("kind", compression.encoders())
def test_no_kind_of_compression_is_known(kind: str) -> None:
    with pytest.raises(ValueError, match="not compressed"):
        compression.decompress(b"", kind)
