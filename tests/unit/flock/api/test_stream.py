# SPDX-License-Identifier: Apache-2.0
"""Long answers: they pass the layers unread, are accounted at their end, and notice a client that has gone."""
from __future__ import annotations

import contextlib
import os
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
import webob

from flock.api import audit, build_app
from flock.api.build import slice_of
from flock.api.call import Call
from flock.api.reply import Reply
from flock.api.stream import Peer
from flock.auth.policy import ANYONE, Rule
from flock.testing.fixtures import private_conf
from flock.testing.identity import trusting


class Body:
    content_type = "text/event-stream"

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.closed = 0

    def __iter__(self) -> Iterator[bytes]:
        for piece in (b"one\n", b"two\n"):
            self.sent.append(piece)
            yield piece

    def close(self) -> None:
        self.closed += 1


class Controller:
    body: Body

    def get(self, call: Call) -> Reply:
        Controller.body = Body()
        return Reply(Controller.body, headers={"Cache-Control": "no-store"})

    post = get


@pytest.fixture
def app() -> Any:
    rules = [Rule("t:x", ANYONE, method, "/v1/x") for method in ("GET", "POST")]
    return build_app(private_conf(), "sample", slices=[slice_of({"/v1/x": Controller}, rules)], authenticate=trusting)


def test_pieces_are_sent_as_they_come(app: Any) -> None:
    reply = webob.Request.blank("/v1/x").get_response(app)
    assert reply.status_int == 200 and reply.headers["Content-Type"] == "text/event-stream"
    assert reply.headers["X-Openstack-Request-Id"].startswith("req-") and "Content-Length" not in reply.headers
    assert Controller.body.sent == []
    pieces = iter(reply.app_iter)
    assert next(pieces) == b"one\n" and Controller.body.sent == [b"one\n"]
    assert list(pieces) == [b"two\n"]
    reply.app_iter.close()
    reply.app_iter.close()
    assert Controller.body.closed == 1


def test_head_sends_nothing_and_frees_the_body(app: Any) -> None:
    reply = webob.Request.blank("/v1/x", method="HEAD").get_response(app)
    assert reply.status_int == 200 and b"".join(reply.app_iter) == b""
    reply.app_iter.close()
    assert Controller.body.sent == [] and Controller.body.closed >= 1


def test_the_audit_line_is_written_at_the_end_with_what_was_sent(app: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[tuple[str, int, int]] = []
    monkeypatch.setattr(audit, "record", lambda exchange, environ: written.append(
        (exchange.method, exchange.status, exchange.length)))
    reply = webob.Request.blank("/v1/x", method="POST").get_response(app)
    iter(reply.app_iter)
    assert written == []
    assert b"".join(reply.app_iter) == b"one\ntwo\n"
    reply.app_iter.close()
    assert written == [("POST", 200, 8)]


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    listener = socket.create_server(("127.0.0.1", 0))
    client = socket.create_connection(listener.getsockname())
    server, _ = listener.accept()
    yield server, client
    for item in (server, client, listener):
        item.close()


@pytest.fixture
def wake() -> Iterator[int]:
    handle = os.eventfd(0, os.EFD_NONBLOCK)
    yield handle
    with contextlib.suppress(OSError):
        os.close(handle)


def waited(peer: Peer, wake: int, timeout_s: float) -> float:
    before = time.monotonic()
    peer.wait(wake, timeout_s)
    return time.monotonic() - before


def test_a_client_that_closes_is_noticed_at_once(ends: tuple[socket.socket, socket.socket], wake: int) -> None:
    peer = Peer({"gunicorn.socket": ends[0]}, 5)
    assert waited(peer, wake, 0.05) >= 0.04 and not peer.gone
    threading.Timer(0.1, ends[1].close).start()
    assert waited(peer, wake, 10) < 5 and peer.gone


def test_a_wake_ends_the_wait_and_is_used_up(ends: tuple[socket.socket, socket.socket], wake: int) -> None:
    peer = Peer({"gunicorn.socket": ends[0]}, 5)
    os.eventfd_write(wake, 1)
    assert waited(peer, wake, 10) < 5
    assert waited(peer, wake, 0.05) >= 0.04 and not peer.gone


def test_what_a_client_sends_on_is_ignored_up_to_a_limit(ends: tuple[socket.socket, socket.socket], wake: int) -> None:
    peer = Peer({"gunicorn.socket": ends[0]}, 5)
    ends[1].sendall(b"x" * 100)
    peer.wait(wake, 5)
    assert not peer.gone
    ends[1].sendall(b"x" * 100_000)
    for _ in range(100):
        if peer.gone:
            break
        peer.wait(wake, 1)
    assert peer.gone


def test_a_client_that_takes_nothing_is_too_slow(ends: tuple[socket.socket, socket.socket]) -> None:
    peer = Peer({"gunicorn.socket": ends[0]}, 0.1)
    assert peer.takes_more()
    with contextlib.suppress(TimeoutError):
        while True:
            ends[0].sendall(b"x" * 65536)
    assert not peer.takes_more()


def test_the_connection_serves_no_further_request(ends: tuple[socket.socket, socket.socket]) -> None:
    peer = Peer({"gunicorn.socket": ends[0]}, 5)
    peer.end()
    assert ends[0].recv(1) == b""


def test_without_a_connection_the_client_is_there(wake: int) -> None:
    peer = Peer({}, 5)
    assert peer.takes_more() and waited(peer, wake, 0.05) >= 0.04 and not peer.gone
