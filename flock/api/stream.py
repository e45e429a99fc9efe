# SPDX-License-Identifier: Apache-2.0
"""Streamed responses: the body type that a controller returns, and the connection on which it is sent."""
from __future__ import annotations

import contextlib
import os
import select
import socket
import ssl
from collections.abc import Callable, Iterator
from typing import Any, Protocol

READ_BYTES = 4096
PIECE_BYTES_MAX = 16 * 1024
# A client should send nothing while it reads a stream; more than this closes the connection.
STRAY_BYTES_MAX = 65536


class Pieces(Protocol):
    """A body of unknown length. The server calls ``close`` once: at the end, or when the client has disconnected."""

    content_type: str

    def __iter__(self) -> Iterator[bytes]:
        """The pieces in order; the server sends each one at once."""

    def close(self) -> None:
        """Release all resources; never raises."""


class Counted:
    """Yields ``pieces``, counts their bytes and calls ``finished(bytes)`` once at the end."""

    def __init__(self, pieces: Any, finished: Callable[[int], None]) -> None:
        self._pieces, self._finished = pieces, finished
        self._bytes = 0
        self._closed = False

    def __iter__(self) -> Iterator[bytes]:
        for piece in self._pieces:
            self._bytes += len(piece)
            yield piece

    def close(self) -> None:
        """Close ``pieces`` and call ``finished``."""
        if self._closed:
            return
        self._closed = True
        try:
            close = getattr(self._pieces, "close", None)
            if close is not None:
                close()
        finally:
            self._finished(self._bytes)


class Peer:
    """The client of a streamed response under gunicorn: whether it is still connected and reads what is sent.

    Without gunicorn (tests) the client counts as connected. Only the sending thread may use it.
    """

    def __init__(self, environ: dict[str, Any], send_timeout_s: float) -> None:
        found = environ.get("gunicorn.socket")
        self._socket: socket.socket | None = found if isinstance(found, socket.socket) else None
        self._send_timeout_s = send_timeout_s
        self._stray_bytes = 0
        self.gone = False
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.settimeout(send_timeout_s)

    def wait(self, wake_fd: int, timeout_s: float) -> None:
        """Wait until ``wake_fd`` is readable (and read it), the client has disconnected, or ``timeout_s`` is over."""
        poll = select.poll()
        poll.register(wake_fd, select.POLLIN)
        if self._socket is not None and self._socket.fileno() >= 0:
            poll.register(self._socket.fileno(), select.POLLIN | select.POLLRDHUP)
        for ready, events in poll.poll(max(0, int(timeout_s * 1000))):
            if ready == wake_fd:
                os.eventfd_read(wake_fd)
            elif events & (select.POLLERR | select.POLLHUP | select.POLLNVAL):
                self.gone = True
            else:
                self._look()

    def takes_more(self) -> bool:
        """Whether the connection becomes writable within the send timeout; False means that the client is too slow.

        A writable socket has at least a third of its send buffer free, far more than ``PIECE_BYTES_MAX``, so sending a
        piece does not block.
        """
        if self._socket is None:
            return True
        poll = select.poll()
        poll.register(self._socket.fileno(), select.POLLOUT)
        events = poll.poll(int(self._send_timeout_s * 1000))
        if events and events[0][1] & (select.POLLERR | select.POLLHUP | select.POLLNVAL):
            self.gone = True
        return bool(events)

    def drop(self) -> None:
        """Shut the connection down without a message, because the client does not read."""
        self.gone = True
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)

    def end(self) -> None:
        """Stop reading from the connection, so that it does not serve another request."""
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_RD)

    def _look(self) -> None:
        """Read from the readable connection: the client has closed it or sends unexpected data."""
        assert self._socket is not None  # noqa: S101 - ``wait`` polls only an existing socket
        try:
            self._socket.setblocking(False)
            data = self._socket.recv(READ_BYTES)
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return
        except OSError:
            self.gone = True
            return
        finally:
            with contextlib.suppress(OSError):
                self._socket.settimeout(self._send_timeout_s)
        self._stray_bytes += len(data)
        self.gone = not data or self._stray_bytes > STRAY_BYTES_MAX


def is_pieces(data: object) -> bool:
    """Whether a reply's data is ``Pieces``."""
    return hasattr(data, "content_type") and hasattr(data, "__iter__") and hasattr(data, "close")
