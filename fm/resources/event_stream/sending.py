# SPDX-License-Identifier: Apache-2.0
"""One client's stream: the body that fm-api sends piece by piece on the thread of the request."""
from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator

from flock.api.stream import PIECE_BYTES_MAX, Peer
from fm.resources.event_stream import rules
from fm.resources.event_stream.rules import Start, Wanted
from fm.resources.event_stream.service import READ_MAX, Hub, Item, Listener

LOG = logging.getLogger(__name__)
TOO_SLOW = "too slow: resume with Last-Event-ID"


class EventStream:
    """Server-sent events after ``begin``, until the client goes, falls behind, its token ends, or the process does.

    Takes ``listener`` over and gives it back when it is closed. ``remaining_s()`` is how long the token holds.
    """

    content_type = "text/event-stream"

    def __init__(self, hub: Hub, listener: Listener, peer: Peer, begin: Start, wanted: Wanted,
                 remaining_s: Callable[[], float], clock: Callable[[], float] = time.monotonic) -> None:
        self._hub, self._listener, self._peer = hub, listener, peer
        self._begin, self._wanted, self._remaining_s, self._clock = begin, wanted, remaining_s, clock
        self._cursor = begin.cursor
        self._behind: int | None = None
        self._sent_at = clock()
        self._closing = threading.Lock()
        self._closed = False

    def __iter__(self) -> Iterator[bytes]:
        head = rules.retry(self._hub.settings.retry_ms)
        yield head + (rules.gap_frame(self._begin) if self._begin.gap is not None else b"")
        while not self._peer.gone:
            ending = self._ending()
            if ending is not None:
                yield rules.comment(ending)
                return
            try:
                items = self._hub.take(self._cursor) if self._listener.joined else self._catch_up()
            except Exception as error:  # noqa: BLE001 - the answer has begun, only its end can tell
                LOG.warning("an event stream ends, the event log cannot be read: %s", error)
                yield rules.comment("the event log cannot be read: resume with Last-Event-ID")
                return
            if items is None:
                yield rules.comment(TOO_SLOW)
                return
            yield from self._pieces(items)
            if not items:
                yield from self._wait()

    def close(self) -> None:
        """Give the place of this stream to others; the connection serves no further request."""
        with self._closing:
            if self._closed:
                return
            self._closed = True
        self._peer.end()
        self._hub.dismiss(self._listener)

    def __del__(self) -> None:
        self.close()

    def _ending(self) -> str | None:
        """Why the stream must end now."""
        if self._hub.closing:
            return "the service stops: resume with Last-Event-ID"
        if self._remaining_s() <= 0:
            return "the token has expired: resume with a new one and Last-Event-ID"
        return None

    def _catch_up(self) -> list[Item]:
        """Stored events that the listener missed; joins the others when it has them all."""
        items = self._hub.read(self._cursor)
        if len(items) == READ_MAX:
            return items
        if not items and self._behind is not None:
            # What lies before the first kept event was removed from the event log meanwhile.
            self._cursor = self._behind
        self._behind = self._hub.join(self._listener, items[-1].ident if items else self._cursor)
        return items

    def _pieces(self, items: list[Item]) -> Iterator[bytes]:
        frames: list[bytes] = []
        size = 0
        for item in items:
            self._cursor = item.ident
            if not self._wanted(item.row):
                continue
            if frames and size + len(item.frame) > PIECE_BYTES_MAX:
                yield from self._send(b"".join(frames))
                frames, size = [], 0
            frames.append(item.frame)
            size += len(item.frame)
        if frames:
            yield from self._send(b"".join(frames))

    def _send(self, piece: bytes) -> Iterator[bytes]:
        if not self._peer.takes_more():
            LOG.info("a listener of the event stream takes nothing and is cut off")
            self._peer.drop()
        if not self._peer.gone:
            self._sent_at = self._clock()
            yield piece

    def _wait(self) -> Iterator[bytes]:
        """Until there is something to do; a sign of life after a silence."""
        due_s = self._hub.settings.heartbeat_s - (self._clock() - self._sent_at)
        if due_s <= 0:
            yield from self._send(rules.heartbeat(self._cursor))
            return
        if not self._listener.joined:
            return
        self._peer.wait(self._listener.wake_fd, min(due_s, max(0.0, self._remaining_s())))
