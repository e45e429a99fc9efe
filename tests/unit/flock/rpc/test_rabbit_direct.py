# SPDX-License-Identifier: Apache-2.0
"""Shortcuts through the RabbitMQ driver: the healthy case without detours, trouble in the driver's hands as before."""
from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from amqp.transport import TCPTransport

from flock.rpc.messaging import POLL_S, driver_common, exceptions, impl_rabbit, oslo_messaging
from flock.rpc.rabbit import DirectConnection, straighten
from flock.testing.fixtures import private_conf


class Library:
    """What ``DirectConnection`` asks of the driver's own class."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.attempts: list[str] = []
        self.waits: list[float | None] = []
        monkeypatch.setattr(impl_rabbit.Connection, "ensure", self.ensure)
        monkeypatch.setattr(impl_rabbit.Connection, "consume", lambda _self, timeout: self.waits.append(timeout))
        monkeypatch.setattr(impl_rabbit.Connection, "_set_current_channel", lambda _self, channel: None)

    def ensure(self, method: Any, retry: int | None = None) -> Any:
        """Two attempts, as with ``retry=1``."""
        for _ in range(2):
            try:
                return method()
            except OSError as exc:
                self.attempts.append(str(exc))
        raise exceptions.MessageDeliveryFailure("no more retries")


@pytest.fixture
def library(monkeypatch: pytest.MonkeyPatch) -> Library:
    return Library(monkeypatch)


@pytest.fixture
def connection() -> DirectConnection:
    found: DirectConnection = DirectConnection.__new__(DirectConnection)
    found.channel, found._initial_pid = SimpleNamespace(), os.getpid()
    return found


@pytest.fixture
def wire() -> Iterator[tuple[TCPTransport, socket.socket]]:
    here, there = socket.socketpair()
    transport = TCPTransport("nowhere:5672")
    transport.sock = here
    transport._setup_transport()
    yield transport, there
    here.close()
    there.close()


class TestEnsure:
    def test_a_healthy_connection_needs_no_retries(self, library: Library, connection: DirectConnection) -> None:
        assert connection.ensure(lambda: "sent", retry=1) == "sent"
        assert library.attempts == []

    def test_a_failure_counts_as_the_first_attempt_of_the_driver(self, library: Library,
                                                                 connection: DirectConnection) -> None:
        done: list[str] = []

        def fail() -> None:
            done.append("try")
            raise OSError(f"attempt {len(done)}")

        with pytest.raises(exceptions.MessageDeliveryFailure):
            connection.ensure(fail, retry=1)
        assert library.attempts == ["attempt 1", "attempt 2"]
        assert len(done) == 2

    def test_a_second_attempt_may_succeed(self, library: Library, connection: DirectConnection) -> None:
        done: list[str] = []

        def once() -> str:
            done.append("try")
            if len(done) == 1:
                raise OSError("broken")
            return "sent"

        assert connection.ensure(once) == "sent"

    @pytest.mark.parametrize("answer", [driver_common.Timeout("x"), exceptions.MessageUndeliverable(
        Exception("x"), "exchange", "key", "message")])
    def test_answers_are_not_tried_again(self, library: Library, connection: DirectConnection,
                                         answer: Exception) -> None:
        def refuse() -> None:
            raise answer

        with pytest.raises(type(answer)):
            connection.ensure(refuse)
        assert library.attempts == []

    @pytest.mark.parametrize("state", ["no channel", "forked"])
    def test_what_is_not_healthy_goes_to_the_driver(self, library: Library, connection: DirectConnection,
                                                    state: str) -> None:
        if state == "forked":
            connection._initial_pid = -1
        else:
            connection.channel = None

        def fail() -> None:
            raise OSError("broken")

        with pytest.raises(exceptions.MessageDeliveryFailure):
            connection.ensure(fail)
        assert library.attempts == ["broken", "broken"]


def test_listeners_do_not_poll_in_milliseconds(library: Library, connection: DirectConnection) -> None:
    for timeout in (0.001, POLL_S, 2.0, None):
        connection.consume(timeout=timeout)
    assert library.waits == [POLL_S, POLL_S, 2.0, None]


class TestReading:
    def attach(self, connection: DirectConnection, transport: TCPTransport) -> None:
        connection._set_current_channel(SimpleNamespace(connection=SimpleNamespace(transport=transport)))

    def test_frames_that_arrived_together_are_read_in_one_go(
            self, library: Library, connection: DirectConnection, wire: tuple[TCPTransport, socket.socket],
            monkeypatch: pytest.MonkeyPatch) -> None:
        transport, there = wire
        self.attach(connection, transport)
        asked: list[int] = []
        reader = transport._quick_recv
        transport._quick_recv = lambda count: asked.append(count) or reader(count)  # type: ignore[func-returns-value]
        frames = [b"\x01\x00\x01\x00\x00\x00\x03abc\xce", b"\x08\x00\x00\x00\x00\x00\x00\xce"]
        there.sendall(b"".join(frames))
        assert bytes(transport.read_frame()[2]) == b"abc"
        assert transport.read_frame()[0] == 8
        assert asked == [7]

    def test_waiting_is_bounded_and_leaves_the_socket_as_it_is(
            self, library: Library, connection: DirectConnection, wire: tuple[TCPTransport, socket.socket]) -> None:
        transport, there = wire
        transport.sock.settimeout(7)
        self.attach(connection, transport)
        with pytest.raises(TimeoutError), transport.having_timeout(0.01):
            transport.read_frame()
        assert transport.sock.gettimeout() == 7
        there.sendall(b"\x01\x00\x01\x00\x00")
        with pytest.raises(TimeoutError), transport.having_timeout(0.01):
            transport.read_frame()
        there.sendall(b"\x00\x03abc\xce")
        with transport.having_timeout(0.5):
            assert bytes(transport.read_frame()[2]) == b"abc"

    def test_the_end_of_the_connection_is_seen(self, library: Library, connection: DirectConnection,
                                               wire: tuple[TCPTransport, socket.socket]) -> None:
        transport, there = wire
        self.attach(connection, transport)
        there.close()
        with pytest.raises(OSError, match="closed connection"), transport.having_timeout(1):
            transport.read_frame()

    def test_one_reader_per_socket(self, library: Library, connection: DirectConnection,
                                   wire: tuple[TCPTransport, socket.socket]) -> None:
        self.attach(connection, wire[0])
        reader = wire[0]._quick_recv
        self.attach(connection, wire[0])
        assert wire[0]._quick_recv is reader


def test_only_the_rabbit_driver_is_touched() -> None:
    conf = private_conf()
    with_rabbit = oslo_messaging.get_rpc_transport(conf, url="rabbit://guest:guest@127.0.0.1:1/")
    straighten(with_rabbit)
    assert with_rabbit._driver._connection_pool.connection_cls is DirectConnection
    other = SimpleNamespace(_driver=SimpleNamespace(_connection_pool=SimpleNamespace(connection_cls=object)))
    straighten(other)
    assert other._driver._connection_pool.connection_cls is object
    straighten(SimpleNamespace(_driver=SimpleNamespace()))
