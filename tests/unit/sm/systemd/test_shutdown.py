# SPDX-License-Identifier: Apache-2.0
"""The lock that delays a shutdown, the news of one, and hosts without logind."""
from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from dbus_fast import MessageType, Variant

from sm.systemd import shutdown as module
from sm.systemd.shutdown import Shutdown
from tests.unit.sm.warp import run


class Logind:
    """Takes the place of the bus; ``state``: that of systemd. ``refuses``: calls that it refuses."""

    def __init__(self) -> None:
        self.state, self.refuses, self.reachable, self.asked = "running", set[str](), True, list[tuple[Any, ...]]()
        self.told: Callable[[Any], None] = lambda _: None
        self.connected, self.locks = False, list[int]()

    def __call__(self, bus_address: str, negotiate_unix_fd: bool) -> Logind:
        assert negotiate_unix_fd
        return self

    async def connect(self) -> None:
        if not self.reachable:
            raise ConnectionRefusedError(111, "refused")
        self.connected = True

    def disconnect(self) -> None:
        self.connected = False

    def add_message_handler(self, handler: Callable[[Any], None]) -> None:
        self.told = handler

    async def call(self, message: Any) -> Any:
        self.asked.append((message.member, *message.body))
        if message.member in self.refuses:
            return SimpleNamespace(message_type=MessageType.ERROR, error_name="no.such", body=["it is so"])
        fds = []
        if message.member == "Inhibit":
            ours, theirs = os.pipe()
            self.locks.append(ours)
            fds = [theirs]
        return SimpleNamespace(message_type=MessageType.METHOD_RETURN, body=[Variant("s", self.state)], unix_fds=fds)

    def says(self, begins: bool) -> None:
        self.told(SimpleNamespace(message_type=MessageType.SIGNAL, member="PrepareForShutdown", body=[begins]))

    def waits(self) -> bool:
        """Whether somebody holds the newest lock."""
        os.set_blocking(self.locks[-1], False)
        try:
            return os.read(self.locks[-1], 1) != b""
        except BlockingIOError:
            return True


@pytest.fixture
def logind(monkeypatch: pytest.MonkeyPatch) -> Logind:
    made = Logind()
    monkeypatch.setattr(module, "MessageBus", made)
    return made


def test_a_shutdown_is_told_and_waits_until_the_lock_is_released(logind: Logind) -> None:
    async def body() -> None:
        heard: list[bool] = []
        shutdown = Shutdown(heard.append)
        await shutdown.open()
        assert ("Inhibit", "shutdown", "sm-daemon", "Services move to the other controller", "delay") in logind.asked
        assert shutdown.held and logind.waits()
        logind.says(True)
        assert heard == [True] and logind.waits()
        shutdown.release()
        assert not shutdown.held and not logind.waits()
        logind.says(False)
        while not shutdown.held:
            await asyncio.sleep(0)
        assert heard == [True, False] and logind.waits(), "it was called off: the next one waits again"
        shutdown.close()
        assert not logind.waits() and not logind.connected
    run(body())


@pytest.mark.parametrize(("state", "stops"), [("running", False), ("degraded", False), ("stopping", True)])
def test_systemd_says_whether_the_host_stops(logind: Logind, state: str, stops: bool) -> None:
    async def body() -> None:
        shutdown = Shutdown(lambda _: None)
        logind.state = state
        await shutdown.open()
        assert await shutdown.is_under_way() is stops
        shutdown.close()
    run(body())


def test_a_host_without_logind_still_knows_that_it_stops(logind: Logind) -> None:
    async def body() -> None:
        logind.refuses, logind.state = {"Inhibit"}, "stopping"
        shutdown = Shutdown(lambda _: None)
        await shutdown.open()
        assert not shutdown.held
        assert await shutdown.is_under_way()
        logind.refuses = {"Get"}
        assert not await shutdown.is_under_way()
        shutdown.close()
    run(body())


def test_a_host_without_a_bus(logind: Logind) -> None:
    async def body() -> None:
        logind.reachable = False
        shutdown = Shutdown(lambda _: None)
        await shutdown.open()
        assert not shutdown.held and not await shutdown.is_under_way()
        shutdown.close()
    run(body())
