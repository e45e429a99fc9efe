# SPDX-License-Identifier: Apache-2.0
"""Reads a request body from the connection, bounded in bytes and time, and leaves it ready for the next request."""
from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

from flock.api.exchange import WebError

CHUNK_BYTES, CHUNK_BYTES_MAX = 65536, 1 << 20
FAST_S, SLOW_S = 0.05, 0.5
DRAIN_BYTES_MAX = 8 * 1024 * 1024
WATCH_SLACK_S = 0.05


def has_body(environ: dict[str, Any]) -> bool:
    """Whether the client announced a body."""
    length = str(environ.get("CONTENT_LENGTH") or "")
    return length not in ("", "0") or "chunked" in str(environ.get("HTTP_TRANSFER_ENCODING", "")).lower()


def announced_bytes(environ: dict[str, Any]) -> int | None:
    """The Content-Length in bytes; None when there is none; ``WebError`` 400 when it is no number."""
    text = str(environ.get("CONTENT_LENGTH") or "")
    if not text:
        return None
    if not (text.isascii() and text.isdigit()):
        raise WebError(400, "Bad Request", "Content-Length must be a number.")
    return int(text)


def body_pieces(environ: dict[str, Any], max_bytes: int, timeout_s: float,
                clock: Callable[[], float] = time.monotonic) -> Iterator[bytes]:
    """Yield the body in pieces as they arrive: of ``CHUNK_BYTES``, and larger ones while they come fast.

    ``WebError`` 413 when it is longer than ``max_bytes`` (before the first piece if it has a Content-Length), 408 when
    no data arrives for ``timeout_s``, 400 when it ends early.
    """
    if not has_body(environ):
        return
    announced = announced_bytes(environ)
    if announced is not None and announced > max_bytes:
        raise _too_long(max_bytes)
    received = 0
    wanted = max_bytes + 1 if announced is None else announced
    size = CHUNK_BYTES
    while received < wanted:
        began = clock()
        part = _read(environ, min(size, wanted - received), timeout_s)
        if not part:
            break
        size = next_size(size, clock() - began)
        received += len(part)
        if received > max_bytes:
            raise _too_long(max_bytes)
        yield part
    if announced is not None and received < announced:
        raise WebError(400, "Bad Request", "The body is shorter than its Content-Length.")


def next_size(size: int, took_s: float) -> int:
    """How much to read at once after ``size`` bytes took so long.

    gunicorn reads a mebibyte ahead and copies what is left of it for each piece; a slow client must not be waited for
    until it has sent as much.
    """
    if took_s > SLOW_S:
        return CHUNK_BYTES
    return min(2 * size, CHUNK_BYTES_MAX) if took_s < FAST_S else size


class Pace:
    """The lowest rate of a body. Only time spent waiting for the client counts, so a slow disk blames nobody.

    ``grace_s``: waiting that every body may cost; ``bytes_per_s``: what must arrive for each second beyond.
    """

    def __init__(self, bytes_per_s: int, grace_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._bytes_per_s, self._grace_s, self._clock = bytes_per_s, grace_s, clock
        self._received, self._waited_s = 0, 0.0
        self._since: float | None = None

    def left_s(self) -> float:
        """How much longer the client may let wait before its body is too slow."""
        since = self._since
        waited_s = self._waited_s + (0.0 if since is None else self._clock() - since)
        return self._grace_s + self._received / self._bytes_per_s - waited_s

    @contextlib.contextmanager
    def waiting(self) -> Iterator[None]:
        """What is done inside is waiting for the client."""
        self._since = began = self._clock()
        try:
            yield
        finally:
            self._since = None
            self._waited_s += self._clock() - began

    def check(self, received: int) -> None:
        """Count bytes that have arrived. ``WebError`` 408: they come too slowly."""
        self._received += received
        if self.left_s() < 0:
            raise WebError(408, "Request Timeout",
                           f"The body arrives at less than {self._bytes_per_s} bytes a second.")


def paced_pieces(environ: dict[str, Any], max_bytes: int, timeout_s: float, bytes_per_s: int) -> Iterator[bytes]:
    """``body_pieces`` of a body that may take long, but not longer than its bytes at ``bytes_per_s``, and ``timeout_s``
    beside that. ``WebError`` 408 when it is slower.

    A server's read returns only when a whole piece is there, and a client that sends a byte now and then could put that
    off for hours; so a second thread ends the reading.
    """
    pace, ended = Pace(bytes_per_s, timeout_s), threading.Event()
    connection: socket.socket | None = environ.get("gunicorn.socket")
    pieces = body_pieces(environ, max_bytes, timeout_s)
    if connection is not None and has_body(environ):
        threading.Thread(target=_watch, args=(connection, pace, ended), name="pace-of-a-body", daemon=True).start()
    try:
        while True:
            try:
                with pace.waiting():
                    piece = next(pieces, None)
            except WebError:
                pace.check(0)
                raise
            pace.check(len(piece or b""))
            if piece is None:
                return
            yield piece
    finally:
        ended.set()


def _watch(connection: socket.socket, pace: Pace, ended: threading.Event) -> None:
    """End the reading from ``connection`` once the client has let wait too long."""
    while not ended.wait(max(0.0, pace.left_s()) + WATCH_SLACK_S):
        if pace.left_s() < 0:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RD)
            return


def _read(environ: dict[str, Any], count: int, timeout_s: float) -> bytes:
    with _patience(environ, timeout_s):
        try:
            part: bytes = environ["wsgi.input"].read(count)
        except TimeoutError:
            raise WebError(408, "Request Timeout", f"The body did not arrive within {timeout_s:g} s.") from None
        except OSError:
            raise WebError(400, "Bad Request", "The body could not be read.") from None
    return part


def discard_body(environ: dict[str, Any], timeout_s: float) -> None:
    """Make the connection usable after an early response: drop a moderate rest, stop reading a huge one."""
    if not has_body(environ):
        return
    left = DRAIN_BYTES_MAX
    with contextlib.suppress(OSError, ValueError), _patience(environ, timeout_s):
        while left > 0:
            part = environ["wsgi.input"].read(min(CHUNK_BYTES, left))
            if not part:
                return
            left -= len(part)
    connection = environ.get("gunicorn.socket")
    if connection is not None:
        with contextlib.suppress(OSError):
            connection.shutdown(socket.SHUT_RD)


def _too_long(max_bytes: int) -> WebError:
    return WebError(413, "Request Entity Too Large", f"The request body must not be longer than {max_bytes} bytes.")


@contextlib.contextmanager
def _patience(environ: dict[str, Any], timeout_s: float) -> Iterator[None]:
    connection = environ.get("gunicorn.socket")
    if connection is None:
        yield
        return
    before = connection.gettimeout()
    connection.settimeout(timeout_s)
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            connection.settimeout(before)
