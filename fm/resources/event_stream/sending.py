# SPDX-License-Identifier: Apache-2.0
"""The stream of one client: the reply body that fm-api sends in pieces on the thread of the request."""
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
    """Server-sent events from ``begin`` until the client disconnects or is too slow, its token expires or fm-api stops.

    Owns ``listener`` and dismisses it in ``close``. ``remaining_s()`` returns for how many seconds the token is valid.
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
            except Exception as error:  # noqa: BLE001 - the headers are sent, so only a comment can tell
                LOG.warning("an event stream ends because the event log cannot be read: %s", error)
                yield rules.comment("the event log cannot be read: resume with Last-Event-ID")
                return
            if items is None:
                yield rules.comment(TOO_SLOW)
                return
            yield from self._pieces(items)
            if not items:
                yield from self._wait()

    def close(self) -> None:
        """Free the slot of this stream and close its connection."""
        with self._closing:
            if self._closed:
                return
            self._closed = True
        self._peer.end()
        self._hub.dismiss(self._listener)

    def __del__(self) -> None:
        self.close()

    def _ending(self) -> str | None:
        """Why the stream must end now; None when it need not."""
        if self._hub.closing:
            return "the service stops: resume with Last-Event-ID"
        if self._remaining_s() <= 0:
            return "the token has expired: resume with a new one and Last-Event-ID"
        return None

    def _catch_up(self) -> list[Item]:
        """Read stored events that the listener missed; joins the hub after the last of them."""
        items = self._hub.read(self._cursor)
        if len(items) == READ_MAX:
            return items
        if not items and self._behind is not None:
            # The events before the first one in the hub's buffer were deleted from the log meanwhile.
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
            LOG.info("a client of the event stream receives nothing and is disconnected")
            self._peer.drop()
        if not self._peer.gone:
            self._sent_at = self._clock()
            yield piece

    def _wait(self) -> Iterator[bytes]:
        """Wait for new events; sends a heartbeat when one is due."""
        due_s = self._hub.settings.heartbeat_s - (self._clock() - self._sent_at)
        if due_s <= 0:
            yield from self._send(rules.heartbeat(self._cursor))
            return
        if not self._listener.joined:
            return
        self._peer.wait(self._listener.wake_fd, min(due_s, max(0.0, self._remaining_s())))
