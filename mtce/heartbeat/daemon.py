# SPDX-License-Identifier: Apache-2.0
"""The loop of mtce-heartbeat: one thread, one selector, one deadline. Needs no bus, database or identity service."""
from __future__ import annotations

import logging
import selectors
import signal
import socket
import time
import uuid as uuid_module

from flock.service import realtime
from flock.service.notify import notify, watchdog_interval_s
from mtce.contract import pulsekey
from mtce.heartbeat.alive import AliveNote
from mtce.heartbeat.intake import Intake
from mtce.heartbeat.responder import REPLIES_PER_WINDOW, REQUESTS_PER_WINDOW, Identity, Responder
from mtce.heartbeat.settings import ConfigurationError, HeartbeatSettings
from mtce.heartbeat.station import Station

LOG = logging.getLogger(__name__)
CHORES_MS = 2_000
CLUSTER_HOST = "cluster-host"
"""The network that carries mtcAlives besides the message bus."""


def monotonic_ms() -> int:
    """Milliseconds of a clock that stops while the machine is suspended, as a suspended sender awaits no answers."""
    return time.monotonic_ns() // 1_000_000


class HeartbeatDaemon:
    """Runs a responder on each network and, on controllers, the station that sends pulses and reports levels."""

    def __init__(self, settings: HeartbeatSettings) -> None:
        self._settings = settings
        key = _key(settings)
        host = Identity(uuid_module.UUID(settings.host_uuid).bytes, settings.hostname,
                        pulsekey.derive(key, settings.hostname) if settings.sender else key)
        self._selector = selectors.DefaultSelector()
        self._note = AliveNote(settings.alive_path)
        self._selector.register(self._note.sock, selectors.EVENT_READ, lambda _: self._note.on_readable(monotonic_ms()))
        self._responders = [Responder(link, settings.group, host, self._note if link.network == CLUSTER_HOST else None)
                            for link in settings.links]
        self._intake = Intake(self._selector, monotonic_ms)
        for responder in self._responders:
            self._intake.add(responder.sock, responder.on_readable, REQUESTS_PER_WINDOW)
            self._intake.add(responder.asking, responder.on_reply, REPLIES_PER_WINDOW)
        self._station = Station(settings, key, self._selector, self._intake) if settings.sender else None
        self._stopping = False
        self._wake_read, self._wake_write = socket.socketpair()
        self._wake_write.setblocking(False)
        self._selector.register(self._wake_read, selectors.EVENT_READ, lambda _: self._wake_read.recv(64))

    def run(self) -> None:
        """Run until ``stop``; notifies systemd when every socket is open."""
        now = monotonic_ms()
        next_tick, next_chores = now, now
        notify("READY=1", "STATUS=running")
        LOG.info("heartbeat runs: period %d ms, sender %s", self._settings.period_ms, self._settings.sender)
        while not self._stopping:
            wake_ms = next_chores if self._station is None else min(next_tick, next_chores)
            rested_ms = self._intake.wake_ms()
            wake_ms = wake_ms if rested_ms is None else min(wake_ms, rested_ms)
            for key, events in self._selector.select(max(0, wake_ms - monotonic_ms()) / 1000):
                key.data(events)
            now = monotonic_ms()
            self._intake.wake(now)
            if self._station is not None and now >= next_tick:
                self._station.tick(now)
                next_tick += self._settings.period_ms
                if next_tick <= now:
                    next_tick = now + self._settings.period_ms
            if now >= next_chores:
                self._chores()
                next_chores = now + CHORES_MS
        notify("STOPPING=1")
        self._close()

    def stop(self) -> None:
        """End ``run``; callable from a signal handler or another thread."""
        self._stopping = True
        try:
            self._wake_write.send(b"x")
        except BlockingIOError:
            return

    def _chores(self) -> None:
        for responder in self._responders:
            responder.check_membership()
        if self._station is not None:
            self._station.chores()
        if watchdog_interval_s() is not None:
            notify("WATCHDOG=1")

    def _close(self) -> None:
        self._selector.close()
        for responder in self._responders:
            responder.close()
        self._note.close()
        if self._station is not None:
            self._station.close()
        self._wake_read.close()
        self._wake_write.close()


def run(settings: HeartbeatSettings) -> None:
    """Run in this thread with signals and, where permitted, real-time priority."""
    daemon = HeartbeatDaemon(settings)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: daemon.stop())
    realtime.prefer(settings.realtime_priority)
    daemon.run()


def _key(settings: HeartbeatSettings) -> bytes:
    """Return the key in the key file: the cluster key on a sender, else the host's key."""
    try:
        return pulsekey.parse(settings.key_file.read_text(encoding="ascii"))
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"[heartbeat] key_file: {error}") from error
