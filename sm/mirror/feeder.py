# SPDX-License-Identifier: Apache-2.0
"""Feeds one other node on one connection: the whole list, then what changes, and the content that it asks for."""
from __future__ import annotations

import contextlib
import os
import select
import threading
import time
from collections.abc import Callable

from sm.mirror.frames import (
    CHUNK,
    Again,
    Channel,
    Content,
    Frame,
    Full,
    Hello,
    Nothing,
    PeerFailed,
    Stored,
    Update,
    Want,
)
from sm.mirror.manifest import Entry, Kind, difference
from sm.mirror.publisher import Published, Publisher
from sm.mirror.records import Records

QUIET_S = 1.0
ANSWER_S = 5.0
STORE_S = 60.0
"""For a large generation: the other node has all content then, and writes it to its disk."""
SEND_S = 10.0
"""For one frame to leave; a node that takes less than CHUNK in this time is too slow."""
AGAIN_S = 0.2
Acknowledged = Callable[[Stored, Published, int], None]
"""What the node says that it has stored, what was sent, and when (ms). PeerFailed: that is not the same."""


def now_ms() -> int:
    """The monotonic clock."""
    return time.monotonic_ns() // 1_000_000


class Feeder:
    """One connection. ``wake`` and ``stop`` are readable when there is something new, and at the end."""

    def __init__(self, channel: Channel, publisher: Publisher, records: Records, acknowledged: Acknowledged, wake: int,
                 stop: int, stopped: threading.Event) -> None:
        self._channel, self._publisher, self._records = channel, publisher, records
        self._acknowledged, self._wake, self._stop, self._stopped = acknowledged, wake, stop, stopped

    def run(self, peer: str, hello: Hello) -> None:
        """Feed until this node is active no more. PeerFailed: the connection has ended."""
        has: Published | None = None
        self._await_first()
        while not self._stopped.is_set():
            now, sent_ms = self._publisher.now, now_ms()
            if has is None:
                base = self._records.base(peer) if hello.was_active else None
                self._channel.send(Frame.FULL, Full(now.generation.term, now.generation.number, now.digest,
                                              tuple(now.entries.values()), base), STORE_S)
            else:
                changed, removed = difference(has.entries, now.entries)
                self._channel.send(Frame.UPDATE, Update(now.generation.term, now.generation.number, now.digest, changed,
                                                  removed), STORE_S)
            if not self._supply(now, sent_ms):
                self._stopped.wait(AGAIN_S)
                self._publisher.refresh()
                continue
            has = now
            self._idle(now)

    def _await_first(self) -> None:
        """Return when there is a list to give; the other node asks anew when it has waited long."""
        while not self._stopped.is_set() and not self._publisher.now.digest:
            ready, _, _ = select.select([self._channel.fileno(), self._wake, self._stop], [], [])
            if self._channel.fileno() in ready:
                raise PeerFailed("it has ended the connection before there was a list of the whole directory")
            with contextlib.suppress(BlockingIOError):
                os.eventfd_read(self._wake)

    def _supply(self, now: Published, sent_ms: int) -> bool:
        """Send what is asked for, until the generation is stored; False when a file has changed meanwhile."""
        while True:
            frame, said = self._channel.receive(STORE_S, Frame.WANT, Frame.STORED, Frame.AGAIN)
            if frame is Frame.WANT and isinstance(said, Want):
                for name in said.names:
                    self._send_content(name, now.entries.get(name))
            elif isinstance(said, Stored):
                self._acknowledged(said, now, sent_ms)
                return True
            elif isinstance(said, Again):
                if said.name in now.entries:
                    self._publisher.tree.keep(said.name)
                    self._publisher.distrust(said.name)
                return False

    def _idle(self, now: Published) -> None:
        """Return when there is a newer generation."""
        while not self._stopped.is_set():
            with contextlib.suppress(BlockingIOError):
                os.eventfd_read(self._wake)
            if self._publisher.now.generation > now.generation:
                return
            ready, _, _ = select.select([self._channel.fileno(), self._wake, self._stop], [], [], QUIET_S)
            if self._channel.fileno() in ready:
                raise PeerFailed("it has ended the connection or speaks out of turn")
            if not ready:
                sent_ms = now_ms()
                self._channel.send(Frame.QUIET, Nothing(), SEND_S)
                self._acknowledged(self._channel.one(ANSWER_S, Stored), now, sent_ms)

    def _send_content(self, name: str, entry: Entry | None) -> None:
        if entry is None or entry.kind is not Kind.FILE:
            raise PeerFailed(f"it asks for {name[:200]}, which is no file of the list")
        kept = self._publisher.tree.kept(entry.digest)
        if kept is not None and len(kept) == entry.size:
            self._channel.send(Frame.CONTENT, Content(name, entry.size), SEND_S)
            for at in range(0, len(kept), CHUNK):
                self._channel.send_data(kept[at:at + CHUNK], SEND_S)
            return
        try:
            with self._publisher.tree.opened(name) as descriptor:
                # What was only appended does not matter.
                if os.fstat(descriptor).st_size < entry.size:
                    raise FileNotFoundError(name)
                self._channel.send(Frame.CONTENT, Content(name, entry.size), SEND_S)
                left = entry.size
                while left:
                    # A file that shrinks meanwhile is filled up; its digest is wrong then.
                    chunk = os.read(descriptor, min(left, CHUNK)) or bytes(min(left, CHUNK))
                    self._channel.send_data(chunk, SEND_S)
                    left -= len(chunk)
        except OSError:
            self._channel.send(Frame.CONTENT, Content(name, -1), SEND_S)
