# SPDX-License-Identifier: Apache-2.0
"""Sends the heartbeats of services and reads the replies."""
from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import logging
import os
import socket
import time
from collections.abc import Callable

from sm.contract.states import Status
from sm.core.events import AuditNow, ProcessDied
from sm.core.model import Heartbeat
from sm.monitors import beats

LOG = logging.getLogger(__name__)

REPLY_MAX_BYTES = 2048
Address = str | tuple[str, int]


class HeartbeatMonitor:
    """One service. ``report`` gets ``AuditNow`` at each change to warn or degraded, and ``ProcessDied`` at failed.

    Missing replies are no proof that a service is unwell in the way that its audit would find, so the audit has the
    word about the status until replies are missed for so long that the row calls it a failure.
    """

    def __init__(self, row: Heartbeat, report: Callable[[AuditNow | ProcessDied], None]) -> None:
        wrong = beats.problem(row)
        if wrong is not None:
            raise ValueError(f"heartbeat of {row.service}: {wrong}")
        self._row, self._report = row, report
        self._source, self._destination = address(row.family, row.source), address(row.family, row.destination)
        self._socket: socket.socket | None = None
        self._task: asyncio.Task[None] | None = None
        self._beat = beats.Beat(0)

    def start(self) -> None:
        """Begin to send; the first message goes out now."""
        self.stop()
        self._beat = beats.Beat(_now_ms())
        self._task = asyncio.get_running_loop().create_task(self._run())

    def stop(self) -> None:
        """Send nothing more and report nothing more."""
        if self._task is not None:
            self._task.cancel()
            self._task = None
        self._close()

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(max(self._beat.due_ms - _now_ms(), 0) / 1000)
            before = self._beat.status
            self._send()
            self._beat = beats.sent(self._beat, self._row, _now_ms())
            if self._beat.status is not before:
                self._changed(self._beat.status)

    def _changed(self, status: Status) -> None:
        text = f"{self._row.service} has not replied to {self._beat.missed} heartbeats"
        LOG.warning(text)
        if status is Status.FAILED:
            self._report(ProcessDied(self._row.service, text))
        else:
            self._report(AuditNow(self._row.service))

    def _send(self) -> None:
        try:
            if self._socket is None:
                self._open()
            if self._socket is not None:
                self._socket.sendto(self._row.message.encode(), self._destination)
        except OSError as exc:  # nobody is there: no reply will come, which is counted
            LOG.debug("Heartbeat of %s: %s", self._row.service, exc)
            if not isinstance(exc, BlockingIOError):
                self._close()

    def _open(self) -> None:
        families = {"unix": socket.AF_UNIX, "udp": socket.AF_INET6 if ":" in str(self._source[0]) else socket.AF_INET}
        made = socket.socket(families[self._row.family], socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        try:
            if isinstance(self._source, str):
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(self._source)
            made.bind(self._source)
        except OSError:
            made.close()
            raise
        self._socket = made
        asyncio.get_running_loop().add_reader(made.fileno(), self._receive)

    def _close(self) -> None:
        if self._socket is not None:
            asyncio.get_running_loop().remove_reader(self._socket.fileno())
            self._socket.close()
            self._socket = None

    def _receive(self) -> None:
        if self._socket is None:
            return
        try:
            _, sender = self._socket.recvfrom(REPLY_MAX_BYTES)
        except OSError:
            return
        if (sender if isinstance(sender, str) else sender[:2]) == self._destination:
            self._beat = beats.replied(self._beat)


def address(family: str, text: str) -> Address:
    """``/run/one.sock`` or ``192.0.2.1 5000`` as an address of a socket. Raises ValueError."""
    if family == "unix":
        if not text.startswith("/") or len(text.encode()) > 107 or "\0" in text:
            raise ValueError("a unix address must be an absolute path of at most 107 bytes")
        return text
    host, _, port = text.partition(" ")
    ipaddress.ip_address(host)
    if not (port.isascii() and port.isdecimal() and 0 <= int(port) < 65536):
        raise ValueError("a UDP address must be an address, a space and a port")
    return host, int(port)


def _now_ms() -> int:
    return time.monotonic_ns() // 1_000_000
