# SPDX-License-Identifier: Apache-2.0
"""The witness: the third voter on any machine. It votes, and does nothing else."""
from __future__ import annotations

import asyncio
import logging
import signal
import sqlite3
import uuid
from pathlib import Path

from flock.core.errors import FlockError
from flock.service.notify import notify
from sm.contract.messages import Beat
from sm.core.domain.events import BeatHeard, Event, Journal, Send, Store, Tick
from sm.core.domain.step import step
from sm.core.domain.view import Config, Durable
from sm.core.wireform import domain_beat, with_domain
from sm.daemon.beginning import domain_view
from sm.daemon.links import witness_links
from sm.daemon.memory import host_boot
from sm.daemon.messaging import Messaging
from sm.daemon.node import now_ms
from sm.daemon.settings import WitnessSettings
from sm.store import agreement
from sm.store.errors import StoreCorrupt
from sm.store.file import connect, set_aside
from sm.store.kept import Kept
from sm.transport.keyring import KeyFile, Keyring

LOG = logging.getLogger(__name__)


def opened(path: Path) -> sqlite3.Connection:
    """The database of the witness; a damaged one is set aside, and its votes are forgotten. A witness promises nothing
    for the length of a lease after its start, so that does no harm."""
    try:
        return connect(path)
    except StoreCorrupt as error:
        LOG.error("%s It is now %s.", error, set_aside(path))
        return connect(path)


class WitnessDaemon:
    """One start of a witness, for one ``run``."""

    def __init__(self, settings: WitnessSettings, kept: Kept) -> None:
        self._kept = kept
        boot, config = uuid.uuid4().hex, Config(settings.nodes, settings.name, settings.policy, settings.timing)
        durable = agreement.get(kept) or Durable(forgot=True)
        self._view = domain_view(settings.name, boot, host_boot(), config, durable, frozenset(),
                                 now_ms())
        self._messaging = Messaging(settings.name, boot, witness_links(settings),
                                    Keyring(KeyFile(Path(settings.key)), settings.name), now_ms,
                                    lambda beat: self._feed(BeatHeard(domain_beat(beat))))
        self._beat_ms, self._due_ms = settings.timing.beat_ms, 0
        self._pending: Durable | None = None
        self._ended = asyncio.Event()

    async def run(self) -> int:
        """Run until a signal ends it; returns 0."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT):
            loop.add_signal_handler(number, self._ended.set)
        self._messaging.start()
        self._due_ms = now_ms()
        self._tick()
        notify("READY=1")
        await self._ended.wait()
        notify("STOPPING=1")
        self._messaging.stop()
        return 0

    def _tick(self) -> None:
        if self._ended.is_set():
            return
        self._due_ms = max(self._due_ms + self._beat_ms, now_ms() + 1)
        asyncio.get_running_loop().call_at(self._due_ms / 1_000, self._tick)
        self._feed(Tick())

    def _feed(self, event: Event) -> None:
        try:
            self._view, actions = step(self._view, event, now_ms())
        except Exception:
            LOG.exception("A step has failed, and %s is dropped", str(event)[:2_000])
            return
        for action in actions:
            if isinstance(action, Store):
                self._pending = action.durable
                self._store()
            elif isinstance(action, Journal):
                LOG.info(action.text)
            elif isinstance(action, Send) and self._stored():
                self._messaging.send(with_domain(Beat(self._view.me, self._view.boot, 0, 0), action.beat))

    def _stored(self) -> bool:
        """Whether what a beat tells is on the disk; tries again when it was not."""
        if self._pending is not None:
            self._store()
        return self._pending is None

    def _store(self) -> None:
        assert self._pending is not None  # noqa: S101 - the callers have looked
        try:
            agreement.put(self._kept, self._pending)
            self._pending = None
        except FlockError as error:
            LOG.error("Nothing is sent until the vote is stored: %s", error)
