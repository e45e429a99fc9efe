# SPDX-License-Identifier: Apache-2.0
"""The controller's part of the loop: sender, control socket, and the conductors connected to it."""
from __future__ import annotations

import logging
import selectors
from contextlib import suppress
from functools import partial

from mtce.core.heartbeat import Change, Detector
from mtce.heartbeat.control import BadRequest, Client, ControlServer, alive_line, level_line, obey
from mtce.heartbeat.intake import Intake
from mtce.heartbeat.sender import ANSWERS_PER_WINDOW, Sender
from mtce.heartbeat.settings import HeartbeatSettings

LOG = logging.getLogger(__name__)
SYNCED = b'{"event": "synced"}\n'


class Station:
    """Registers its sockets with ``intake`` and ``selector``; the data of a key is a function of the event mask."""

    def __init__(self, settings: HeartbeatSettings, key: bytes, selector: selectors.BaseSelector,
                 intake: Intake) -> None:
        self._selector = selector
        self.sender = Sender(settings.links, settings.group, key, Detector(settings.period_ms, settings.thresholds))
        for beam in self.sender.beams:
            intake.add(beam.sock, beam.on_readable, ANSWERS_PER_WINDOW)
        self._control = ControlServer(settings.socket_path)
        selector.register(self._control.sock, selectors.EVENT_READ, lambda _: self._accept())

    def tick(self, now_ms: int) -> None:
        """Evaluate the period that ends now, report changes to the conductors, and send the next pulse."""
        changes = self.sender.tick(now_ms)
        _log(changes)
        lines = b"".join([*map(level_line, changes),
                          *(alive_line(alive.uuid, alive.payload) for alive in self.sender.take_alives())])
        if lines:
            self._unregister(self._control.broadcast(lines))

    def chores(self) -> None:
        """Send the lines still queued for slow conductors; call every few seconds."""
        for client in list(self._control.clients):
            if client.outgoing:
                self.serve(client, 0)

    def close(self) -> None:
        """Stop sending and listening."""
        self.sender.close()
        self._control.close()

    def _accept(self) -> None:
        known = set(map(id, self._control.clients))
        self._unregister(self._control.accept())
        for client in self._control.clients:
            if id(client) not in known:
                self._selector.register(client.sock, selectors.EVENT_READ, partial(self.serve, client))

    def serve(self, client: Client, events: int) -> None:
        """Read from and write to a conductor's socket as far as it is ready."""
        lines = client.lines() if events & selectors.EVENT_READ else []
        alive = lines is not None and client.flush()
        for line in lines or []:
            alive = alive and self._obey(client, line)
        if not alive:
            self._control.drop(client)
            self._unregister([client])
            return
        want = selectors.EVENT_READ | (selectors.EVENT_WRITE if client.outgoing else 0)
        self._selector.modify(client.sock, want, partial(self.serve, client))

    def _obey(self, client: Client, line: bytes) -> bool:
        sender = self.sender
        try:
            wants_all = obey(line, watch_all=sender.watch_all, watch=sender.watch, unwatch=sender.unwatch)
        except BadRequest as error:
            LOG.warning("control: %s", error)
            return False
        if not wants_all:
            return True
        present = sender.detector.present()
        LOG.debug("the whole list came: %d paths monitored", len(present))
        return client.send(b"".join(map(level_line, present)) + SYNCED)

    def _unregister(self, clients: list[Client]) -> None:
        for client in clients:
            with suppress(ValueError):  # closed before it was registered
                self._selector.unregister(client.sock)


def _log(changes: list[Change]) -> None:
    for change in changes:
        LOG.info("%s on %s: %s after %d misses", change.uuid, change.network, change.level, change.misses)
