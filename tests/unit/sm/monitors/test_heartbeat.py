# SPDX-License-Identifier: Apache-2.0
"""Heartbeats as real datagrams: replies count, other senders' do not, and a service that comes back is well again."""
from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from sm.contract.states import Status
from sm.core.events import AuditNow, ProcessDied
from sm.core.model import Heartbeat
from sm.monitors.heartbeat import HeartbeatMonitor, address


class Service:
    """Replies to each message while ``well``."""

    def __init__(self, family: int, place: str | tuple[str, int]) -> None:
        self.socket = socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self.socket.bind(place)
        self.well, self.heard = True, 0
        asyncio.get_running_loop().add_reader(self.socket, self._reply)

    def _reply(self) -> None:
        data, sender = self.socket.recvfrom(2048)
        assert data == b"hello"
        self.heard += 1
        if self.well:
            self.socket.sendto(b"well", sender)

    def close(self) -> None:
        asyncio.get_running_loop().remove_reader(self.socket)
        self.socket.close()


async def until(holds: Callable[[], object]) -> None:
    deadline = time.monotonic() + 5
    while not holds():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.005)


@pytest.mark.parametrize("family", ["unix", "udp"])
def test_missing_replies_are_reported_and_a_failure_is_the_end(family: str, tmp_path: Path) -> None:
    async def body() -> None:
        if family == "unix":
            service = Service(socket.AF_UNIX, str(tmp_path / "service"))
            source, destination = str(tmp_path / "sm"), str(tmp_path / "service")
        else:
            service = Service(socket.AF_INET, ("127.0.0.1", 0))
            source, destination = "127.0.0.1 0", f"127.0.0.1 {service.socket.getsockname()[1]}"
        reports: list[AuditNow | ProcessDied] = []
        monitor = HeartbeatMonitor(Heartbeat("one", family, source, destination, "hello", 20, 2, 4, 6), reports.append)
        monitor.start()
        await until(lambda: service.heard > 8)
        assert reports == []
        service.well = False
        await until(lambda: len(reports) == 3)
        assert reports == [AuditNow("one"), AuditNow("one"), ProcessDied("one", "one has not replied to 7 heartbeats")]
        service.well = True
        await until(lambda: monitor._beat.status is Status.NONE)
        service.close()
        await until(lambda: len(reports) == 6)
        monitor.stop()
        count = len(reports)
        await asyncio.sleep(0.2)
        assert len(reports) == count
        monitor.stop()
    asyncio.run(body())


def test_a_reply_from_another_place_does_not_count() -> None:
    async def body() -> None:
        service = Service(socket.AF_INET, ("127.0.0.1", 0))
        service.well = False
        reports: list[AuditNow | ProcessDied] = []
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
            place = f"127.0.0.1 {service.socket.getsockname()[1]}"
            row = Heartbeat("one", "udp", "127.0.0.1 0", place, "hello", 20, 1, 2, 3)
            monitor = HeartbeatMonitor(row, reports.append)
            monitor.start()
            await until(lambda: monitor._socket is not None)
            assert monitor._socket is not None
            mine = monitor._socket.getsockname()
            while not any(isinstance(report, ProcessDied) for report in reports):
                stranger.sendto(b"well", mine)
                await asyncio.sleep(0.01)
            monitor.stop()
        service.close()
    asyncio.run(body())


@pytest.mark.parametrize(("family", "text"), [
    ("unix", "relative"), ("unix", "/" + "x" * 107), ("unix", "/a\0b"), ("udp", "localhost 5"), ("udp", "127.0.0.1"),
    ("udp", "127.0.0.1 99999"),
])
def test_addresses_are_checked(family: str, text: str) -> None:
    with pytest.raises(ValueError):
        address(family, text)


def test_a_wrong_row_is_refused() -> None:
    with pytest.raises(ValueError, match="heartbeat of one: interval_ms"):
        HeartbeatMonitor(Heartbeat("one", "udp", "127.0.0.1 0", "::1 5", "x", 1, 1, 2, 3), lambda _: None)
    assert address("udp", "::1 5") == ("::1", 5)
