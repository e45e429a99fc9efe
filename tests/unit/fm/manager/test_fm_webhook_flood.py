# SPDX-License-Identifier: Apache-2.0
"""Receivers of webhooks that answer without end: a delivery ends in time and reads little."""
from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from flock.core.errors import Unavailable
from fm.manager.outputs import http
from fm.manager.outputs.http import Access, Poster, parse_url

PIECE = b"x" * 65536
FLOOD_BYTES = 600 * 1024 * 1024
BUFFERED_BYTES = 16 * 1024 * 1024


class Receiver:
    """Sends ``head`` and then ``piece`` again and again, with a pause; ``sent`` counts bytes."""

    def __init__(self, head: bytes, piece: bytes, pause_s: float) -> None:
        self.sent, self.stopped = 0, threading.Event()
        self._head, self._piece, self._pause_s = head, piece, pause_s
        self._server = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._server.getsockname()[1]}/hook"
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self._server.accept()
            except OSError:
                return
            threading.Thread(target=self._answer, args=(client,), daemon=True).start()

    def _answer(self, client: socket.socket) -> None:
        with client, contextlib.suppress(OSError):
            while client.recv(65536):
                client.sendall(self._head)
                while self._piece and self.sent < FLOOD_BYTES and not self.stopped.wait(self._pause_s):
                    client.sendall(self._piece)
                    self.sent += len(self._piece)

    def close(self) -> None:
        self.stopped.set()
        self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()


@pytest.fixture
def receiver() -> Iterator[Callable[[bytes, bytes, float], Receiver]]:
    made: list[Receiver] = []

    def make(head: bytes, piece: bytes, pause_s: float = 0.0) -> Receiver:
        made.append(Receiver(head, piece, pause_s))
        return made[-1]

    yield make
    for one in made:
        one.close()


def head(status: str, *fields: str) -> bytes:
    return "\r\n".join([f"HTTP/1.1 {status}", *fields, "", ""]).encode()


@pytest.mark.parametrize("answer", [
    head("302 Found", "Location: /hook", f"Content-Length: {FLOOD_BYTES}"),
    head("200 OK", f"Content-Length: {FLOOD_BYTES}"), head("500 Internal Server Error"), b"HTTP/1.1 200 OK\r\nX: "])
def test_an_answer_of_600_mb_is_not_read(receiver: Callable[..., Receiver], answer: bytes) -> None:
    peer = receiver(answer, PIECE)
    poster = Poster("webhook", parse_url(peer.url, "hook"), Access())
    try:
        poster.post({})
    except Unavailable as error:
        assert len(str(error)) < 300
    assert peer.sent < BUFFERED_BYTES


@pytest.mark.parametrize(("answer", "taken"), [
    (b"HTTP/1.1 2", False), (head("200 OK", "Content-Length: 60000"), True), (b"HTTP/1.1 200 OK\r\nX-Slow: ", True),
    (b"HTTP/1.1 500 No\r\nX-Slow: ", False)])
def test_a_trickled_answer_ends_at_the_time_limit(receiver: Callable[..., Receiver], monkeypatch: pytest.MonkeyPatch,
                                                  answer: bytes, taken: bool) -> None:
    """The status alone says whether the receiver took the message."""
    monkeypatch.setattr(http, "DELIVERY_S", 1.5)
    poster = Poster("webhook", parse_url(receiver(answer, b"0", 0.05).url, "hook"), Access())
    for _ in range(2):
        began = time.monotonic()
        with contextlib.nullcontext() if taken else pytest.raises(Unavailable):
            poster.post({})
        assert time.monotonic() - began < 15


def test_a_later_delivery_is_not_ended_by_the_limit_of_an_earlier_one(
        receiver: Callable[..., Receiver], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "DELIVERY_S", 1.0)
    poster = Poster("webhook", parse_url(receiver(head("200 OK", "Content-Length: 0"), b"").url, "hook"), Access())
    ends_at = time.monotonic() + 2.5
    while time.monotonic() < ends_at:
        poster.post({})
