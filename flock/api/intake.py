# SPDX-License-Identifier: Apache-2.0
"""Reads a request body from the connection, bounded in bytes and time, and leaves it ready for the next request."""
from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator
from typing import Any

from flock.api.exchange import WebError

CHUNK_BYTES = 65536
DRAIN_BYTES_MAX = 8 * 1024 * 1024


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


def body_pieces(environ: dict[str, Any], max_bytes: int, timeout_s: float) -> Iterator[bytes]:
    """Yield the body in pieces of at most ``CHUNK_BYTES`` as they arrive.

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
    while received < wanted:
        part = _read(environ, min(CHUNK_BYTES, wanted - received), timeout_s)
        if not part:
            break
        received += len(part)
        if received > max_bytes:
            raise _too_long(max_bytes)
        yield part
    if announced is not None and received < announced:
        raise WebError(400, "Bad Request", "The body is shorter than its Content-Length.")


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
