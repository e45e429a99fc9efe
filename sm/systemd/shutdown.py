# SPDX-License-Identifier: Apache-2.0
"""The shutdown of this host: systemd-logind tells of it, and waits a moment; systemd says whether one is under way."""
from __future__ import annotations

import asyncio
import contextlib
import logging
import os
from collections.abc import Callable
from typing import Any

from dbus_fast import Message, MessageType
from dbus_fast.aio import MessageBus

LOG = logging.getLogger(__name__)
SYSTEM_BUS = "unix:path=/run/dbus/system_bus_socket"
CALL_S = 2.0
_LOGIN, _LOGIN_PATH = "org.freedesktop.login1", "/org/freedesktop/login1"
_LOGIN_MANAGER = f"{_LOGIN}.Manager"
_SYSTEMD, _SYSTEMD_PATH = "org.freedesktop.systemd1", "/org/freedesktop/systemd1"
_BUS = "org.freedesktop.DBus"


class Shutdown:
    """One connection to the bus. ``told``: called with True when the host is going to shut down, and with False when
    that was called off. While this holds its lock, logind waits (for InhibitDelayMaxSec) before it begins.

    A host without logind tells nothing; then only ``is_under_way`` knows.
    """

    def __init__(self, told: Callable[[bool], None], address: str = SYSTEM_BUS) -> None:
        self._told, self._address = told, address
        self._bus: MessageBus | None = None
        self._lock: int | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def open(self) -> None:
        """Connect, and take the lock. Whatever fails is logged; the host can then shut down without a delay."""
        bus = MessageBus(bus_address=self._address, negotiate_unix_fd=True)
        try:
            async with asyncio.timeout(CALL_S):
                await bus.connect()
                bus.add_message_handler(self._handle)
                await _asked(bus, Message(
                    destination=_BUS, path="/org/freedesktop/DBus", interface=_BUS, member="AddMatch", signature="s",
                    body=[f"type='signal',interface='{_LOGIN_MANAGER}',member='PrepareForShutdown'"]))
                self._bus = bus
                await self._take()
        except (OSError, EOFError, ValueError, TimeoutError, _FailedError) as error:
            LOG.warning("A shutdown of this host will not wait until services have moved: %s", error)

    async def is_under_way(self) -> bool:
        """Whether systemd stops this host now; False when that cannot be learned."""
        if self._bus is None:
            return False
        try:
            async with asyncio.timeout(CALL_S):
                reply = await _asked(self._bus, Message(
                    destination=_SYSTEMD, path=_SYSTEMD_PATH, interface="org.freedesktop.DBus.Properties", member="Get",
                    signature="ss", body=["org.freedesktop.systemd1.Manager", "SystemState"]))
        except (OSError, EOFError, TimeoutError, _FailedError) as error:
            LOG.warning("systemd does not say whether this host shuts down: %s", error)
            return False
        return str(reply.body[0].value) == "stopping"

    @property
    def held(self) -> bool:
        """Whether a shutdown waits."""
        return self._lock is not None

    def release(self) -> None:
        """Let the shutdown begin."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def close(self) -> None:
        """Release the lock and leave the bus."""
        self.release()
        for task in self._tasks:
            task.cancel()
        if self._bus is not None:
            self._bus.disconnect()
            self._bus = None

    async def _take(self) -> None:
        if self._bus is None or self._lock is not None:
            return
        reply = await _asked(self._bus, Message(
            destination=_LOGIN, path=_LOGIN_PATH, interface=_LOGIN_MANAGER, member="Inhibit", signature="ssss",
            body=["shutdown", "sm-daemon", "Services move to the other controller", "delay"]))
        if not reply.unix_fds:
            raise _FailedError("logind gives no lock")
        self._lock = reply.unix_fds[0]

    async def _retake(self) -> None:
        with contextlib.suppress(OSError, EOFError, TimeoutError, _FailedError):
            async with asyncio.timeout(CALL_S):
                await self._take()

    def _handle(self, message: Message) -> None:
        if message.message_type is not MessageType.SIGNAL or message.member != "PrepareForShutdown":
            return
        begins = bool(message.body[0])
        if not begins:
            task = asyncio.get_running_loop().create_task(self._retake())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        self._told(begins)


class _FailedError(Exception):
    """The bus, or who is behind it, gives no answer of use."""


async def _asked(bus: MessageBus, message: Message) -> Any:
    reply = await bus.call(message)
    if reply is None or reply.message_type is MessageType.ERROR:
        raise _FailedError("no answer" if reply is None else f"{reply.error_name}: {' '.join(map(str, reply.body))}")
    return reply
