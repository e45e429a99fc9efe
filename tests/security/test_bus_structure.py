# SPDX-License-Identifier: Apache-2.0
"""Root on worker-0 sends requests that are large once they are read: real RabbitMQ, a real server."""
from __future__ import annotations

import re
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from flock.rpc import Server, client, proxy, text
from flock.rpc.errors import Undecodable
from flock.testing.services.rabbitmq import SERVES_S
from sysinv.contract.rpc import InventoryReports
from tests.security.conftest import SecuredBus

UUID = "bae48a14-e69b-4ba2-9384-ce9171d3e414"
# Eight megabytes, which a message may have. Four of them took 3 GiB.
BRACKETS = b"[" + b",".join([b"[]"] * 2_700_000) + b"]"
AT_ONCE, GROWTH_MAX_MIB = 4, 600


class Reports(InventoryReports):
    """Knows worker-0 and counts what arrives."""

    def __init__(self) -> None:
        self.arrived: list[int] = []

    def report(self, *, items: list[Any], **_arguments: Any) -> None:
        self.arrived.append(len(items))


def memory_mib(name: str) -> int:
    [found] = re.findall(rf"^{name}:\s+(\d+) kB", Path("/proc/self/status").read_text(), re.MULTILINE)
    return int(found) // 1024


def outcome(work: Callable[[], None]) -> str:
    try:
        work()
    except Undecodable as error:
        return str(error)
    return "served"


def test_a_request_with_millions_of_values_is_refused_before_they_are_made(
        secured: SecuredBus, transports: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    reports = Reports()
    transport = transports(secured.service("sysinv-conductor"))
    server = Server(transport, "controller-0", {InventoryReports: reports}, threads_max=16,
                    hostname_of=lambda _uuid: "worker-0")
    assert server.start(SERVES_S)
    honest = client(InventoryReports, transports(secured.host("worker-0")))
    try:
        honest.report(host_uuid=UUID, kind="port", items=[1] * 200_000)
        packed = text.pack(b'{"host_uuid":"%s","kind":"port","items":%s}' % (UUID.encode(), BRACKETS), 2**23, "")
        monkeypatch.setattr(proxy._Sender, "_dump", lambda *_arguments: packed)
        Path("/proc/self/clear_refs").write_text("5")
        before, ends = memory_mib("VmHWM"), list[str]()
        threads = [threading.Thread(target=lambda: ends.append(outcome(
            lambda: honest.report(host_uuid=UUID, kind="port", items=[])))) for _ in range(AT_ONCE)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert len(ends) == AT_ONCE and all(f"at most {text.VALUES_MAX} values" in end for end in ends), ends
        assert memory_mib("VmHWM") - before < GROWTH_MAX_MIB
        assert reports.arrived == [200_000]
    finally:
        server.stop(10)


def test_a_sender_is_told_what_is_too_much(secured: SecuredBus, transports: Any) -> None:
    honest = client(InventoryReports, transports(secured.host("worker-0")))
    with pytest.raises(Exception, match=f"arguments of report: at most {text.VALUES_MAX} values"):
        honest.report(host_uuid=UUID, kind="port", items=[0] * (text.VALUES_MAX + 1))
