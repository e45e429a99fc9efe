# SPDX-License-Identifier: Apache-2.0
"""Calls over a real RabbitMQ: answers, errors, deadlines with a broker that is absent, killed, frozen or restarted."""
from __future__ import annotations

import datetime
import enum
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from oslo_context import context as oslo_context

from flock.core.errors import DeadlineExceeded, NotFound, Refused, RemoteError, Unavailable
from flock.foreign.messaging import POLL_S
from flock.rpc import Server, Transport, VersionMismatch, call, cast, client, rpc_interface, transport
from flock.testing.fixtures import private_conf
from flock.testing.services.process import wait_for
from flock.testing.services.rabbitmq import SERVES_S, RabbitNode
from tests.compared import differences

TOPIC = "test.hosts"


class HostMustBeLocked(Refused):
    code, http = "test.host_must_be_locked", 409
    text = "Host {hostname} must be locked."


class Kind(enum.StrEnum):
    WORKER = "worker"
    STORAGE = "storage"


@dataclass(frozen=True)
class Port:
    name: str
    speed_mbps: int | None = None


@dataclass(frozen=True)
class Host:
    uuid: str
    kind: Kind
    ports: tuple[Port, ...]
    seen: datetime.datetime
    labels: dict[str, str]


@rpc_interface(topic=TOPIC, version="1.2", speaks_for="system", callers=("tests",), namespace="hosts")
class Hosts:
    @call(timeout_s=5)
    def echo(self, *, host: Host, note: str | None = None) -> list[Host]:
        raise TypeError("interface")

    @call(timeout_s=5)
    def fail(self, *, how: str) -> None:
        raise TypeError("interface")

    @call(timeout_s=5)
    def sleep(self, *, seconds: float) -> str:
        raise TypeError("interface")

    @call(timeout_s=5)
    def request_id(self) -> str:
        raise TypeError("interface")

    @cast
    def tell(self, *, word: str) -> None:
        raise TypeError("interface")


class Implementation:
    def __init__(self) -> None:
        self.words: list[str] = []
        self.entered = threading.Event()

    def echo(self, *, host: Host, note: str | None = None) -> list[Host]:
        return [host, host]

    def fail(self, *, how: str) -> None:
        if how == "refuse":
            raise HostMustBeLocked(hostname="worker-0")
        if how == "missing":
            raise NotFound(resource="host", id="x")
        raise ValueError("secret detail")

    def sleep(self, *, seconds: float) -> str:
        self.entered.set()
        time.sleep(seconds)
        return "awake"

    def request_id(self) -> str:
        return str(oslo_context.get_current().request_id)

    def tell(self, *, word: str) -> None:
        self.words.append(word)


HOST = Host("u", Kind.WORKER, (Port("eth0", 1000), Port("eth1")),
            datetime.datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=datetime.UTC), {"a": "ü"})


@pytest.fixture
def implementation() -> Implementation:
    return Implementation()


@pytest.fixture
def served(rabbit_transport: Transport, implementation: Implementation) -> Iterator[Transport]:
    server = Server(rabbit_transport, "server-1", {Hosts: implementation})
    assert server.start(SERVES_S)
    yield rabbit_transport
    assert server.stop(10)


def test_consumers_look_often_whether_they_shall_end(rabbit_transport: Transport) -> None:
    server = Server(rabbit_transport, "host-1", {Hosts: Implementation()})
    assert server.start(SERVES_S)
    assert client(Hosts, rabbit_transport).echo(host=HOST) == [HOST, HOST]
    # Only after ten idle seconds would a stop show by its length that they do not.
    listening = [listener._server.listener._poll_style_listener.conn for listener in server._listeners]
    answers = rabbit_transport.messaging._driver._reply_q_conn
    assert {context.connection._poll_timeout for context in [*listening, answers]} == {POLL_S}
    started = time.monotonic()
    assert server.stop(5)
    rabbit_transport.close()
    assert time.monotonic() - started < 3


def test_typed_round_trip(served: Transport) -> None:
    assert client(Hosts, served).echo(host=HOST, note="x") == [HOST, HOST]
    assert client(Hosts, served, server="server-1").echo(host=HOST) == [HOST, HOST]


def test_errors_arrive_as_their_class(served: Transport) -> None:
    hosts = client(Hosts, served)
    with pytest.raises(HostMustBeLocked) as refused:
        hosts.fail(how="refuse")
    assert str(refused.value) == "Host worker-0 must be locked."
    assert refused.value.params == {"hostname": "worker-0"}
    with pytest.raises(NotFound):
        hosts.fail(how="missing")
    with pytest.raises(RemoteError) as broken:
        hosts.fail(how="break")
    assert "ValueError" in str(broken.value)
    assert "secret detail" not in str(broken.value)


def test_request_id_goes_along(served: Transport) -> None:
    context = oslo_context.RequestContext(request_id="req-the-one")
    try:
        assert client(Hosts, served).request_id() == "req-the-one"
    finally:
        del context
        oslo_context._request_store.context = None


def test_a_cast_arrives_at_the_server_that_it_names(served: Transport, implementation: Implementation) -> None:
    second = Implementation()
    other = Server(served, "server-2", {Hosts: second})
    assert other.start(SERVES_S)
    try:
        client(Hosts, served, server="server-2").tell(word="two")
        client(Hosts, served, server="server-1").tell(word="one")
        wait_for(lambda: implementation.words == ["one"] and second.words == ["two"], 10, "casts to arrive")
    finally:
        assert other.stop(10)


def test_deadline_with_a_slow_server(served: Transport) -> None:
    started = time.monotonic()
    with pytest.raises(DeadlineExceeded):
        client(Hosts, served, deadline_s=0.5).sleep(seconds=2)
    assert 0.45 < time.monotonic() - started < 1.0


def test_nobody_listens(rabbit_transport: Transport) -> None:
    started = time.monotonic()
    with pytest.raises((DeadlineExceeded, Unavailable)):
        client(Hosts, rabbit_transport, deadline_s=1.0).echo(host=HOST)
    assert time.monotonic() - started < 2.0


def test_stop_lets_the_running_call_answer(rabbit_transport: Transport) -> None:
    implementation = Implementation()
    server = Server(rabbit_transport, "graceful", {Hosts: implementation})
    assert server.start(SERVES_S)
    answers: list[str] = []
    asking = threading.Thread(target=lambda: answers.append(client(Hosts, rabbit_transport).sleep(seconds=1.5)))
    asking.start()
    assert implementation.entered.wait(10)
    assert server.stop(10)
    asking.join(10)
    assert answers == ["awake"]
    assert server.wait(0)


def test_stop_is_bounded(rabbit_transport: Transport) -> None:
    implementation = Implementation()
    server = Server(rabbit_transport, "slow-to-stop", {Hosts: implementation})
    assert server.start(SERVES_S)
    hosts = client(Hosts, rabbit_transport)
    asking = threading.Thread(target=lambda: hosts.sleep(seconds=3))
    asking.start()
    assert implementation.entered.wait(10)
    started = time.monotonic()
    assert not server.stop(0.5)
    assert time.monotonic() - started < 1.5
    asking.join(10)


def test_requests_taken_ahead_are_not_lost_by_a_stop(rabbit_transport: Transport) -> None:
    class Slow(Implementation):
        def tell(self, *, word: str) -> None:
            self.entered.set()
            time.sleep(0.3)
            super().tell(word=word)

    first, second = Slow(), Implementation()
    server = Server(rabbit_transport, "first", {Hosts: first}, threads_max=1)
    assert server.start(SERVES_S)
    hosts = client(Hosts, rabbit_transport)
    words = [str(number) for number in range(8)]
    for word in words:
        hosts.tell(word=word)
    assert first.entered.wait(10)
    assert server.stop(10)
    assert 1 <= len(first.words) < 8
    heir = Server(rabbit_transport, "heir", {Hosts: second})
    assert heir.start(SERVES_S)
    wait_for(lambda: len(first.words) + len(second.words) >= 8, 10, "the heir to take the rest")
    assert heir.stop(10)
    assert sorted(first.words + second.words) == words


def test_versions_are_compared_with_the_running_server(served: Transport) -> None:
    assert differences(served, Hosts) == []

    @rpc_interface(topic=TOPIC, version="2.0", speaks_for="system", callers=("tests",), namespace="hosts")
    class Newer:
        @call(timeout_s=5)
        def echo(self, *, host: str) -> str:
            raise TypeError("interface")

    with pytest.raises(VersionMismatch, match=r"serves hosts 1\.2, 2\.0 is needed"):
        differences(served, Newer)
    with pytest.raises(VersionMismatch):
        client(Newer, served).echo(host="x")

    @rpc_interface(topic=TOPIC, version="1.2", speaks_for="system", callers=("tests",), namespace="hosts")
    class Different:
        @call(timeout_s=5)
        def echo(self, *, host: str) -> str:
            raise TypeError("interface")

    assert "other signatures" in differences(served, Different)[0]

    @rpc_interface(topic="nobody-there", version="1.0", speaks_for="system", callers=("tests",))
    class Absent:
        @call(timeout_s=5)
        def echo(self) -> None:
            raise TypeError("interface")

    with pytest.raises(Unavailable, match="no reply"):
        differences(served, Absent, deadline_s=1)


class TestBrokerTrouble:
    """Each test has a broker of its own."""

    def bus(self, node: RabbitNode) -> Transport:
        return transport(private_conf(), node.url)

    def test_broker_never_up(self, own_rabbit: RabbitNode) -> None:
        bus = self.bus(own_rabbit)
        hosts = client(Hosts, bus, deadline_s=1.5)
        for _ in range(3):
            started = time.monotonic()
            with pytest.raises(Unavailable):
                hosts.request_id()
            assert time.monotonic() - started < 2.2
        assert bus.calls.stats()["threads"] == 0, "callers that wait for the broker hold no threads"
        started = time.monotonic()
        with pytest.raises(Unavailable):
            hosts.tell(word="lost")
        assert time.monotonic() - started < 7
        server = Server(bus, "s", {Hosts: Implementation()})
        started = time.monotonic()
        assert not server.start(0.5)
        assert server.stop(2)
        assert time.monotonic() - started < 3
        bus.close(1)

    def test_broker_comes_late(self, own_rabbit: RabbitNode) -> None:
        bus = self.bus(own_rabbit)
        server = Server(bus, "s", {Hosts: Implementation()})
        assert not server.start(0.2)
        with pytest.raises(Unavailable):
            client(Hosts, bus, deadline_s=0.5).request_id()
        own_rabbit.start()
        assert server.wait_ready(30)
        assert client(Hosts, bus, deadline_s=10).echo(host=HOST) == [HOST, HOST]
        assert server.stop(10)
        bus.close(2)

    def test_broker_killed_and_restarted(self, own_rabbit: RabbitNode) -> None:
        own_rabbit.start()
        bus = self.bus(own_rabbit)
        implementation = Implementation()
        server = Server(bus, "s", {Hosts: implementation})
        assert server.start(SERVES_S)
        hosts = client(Hosts, bus, deadline_s=2)
        assert hosts.echo(host=HOST) == [HOST, HOST]
        own_rabbit.kill()
        for _ in range(3):
            # Which of the two depends on whether a request still went into a dead socket; both come in time.
            started = time.monotonic()
            with pytest.raises((Unavailable, DeadlineExceeded)):
                hosts.request_id()
            assert time.monotonic() - started < 2.5
        started = time.monotonic()
        with pytest.raises(Unavailable):
            hosts.tell(word="never sent")
        assert time.monotonic() - started < 7
        own_rabbit.start()

        def works() -> bool:
            try:
                return hosts.echo(host=HOST) == [HOST, HOST]
            except (Unavailable, DeadlineExceeded):
                return False

        wait_for(works, 40, "calls to work again")
        hosts.tell(word="after")
        wait_for(lambda: "after" in implementation.words, 10, "casts to work again")
        assert "never sent" not in implementation.words
        assert server.stop(10)
        bus.close(2)

    def test_broker_frozen(self, own_rabbit: RabbitNode) -> None:
        own_rabbit.start()
        bus = self.bus(own_rabbit)
        server = Server(bus, "s", {Hosts: Implementation()})
        assert server.start(SERVES_S)
        hosts = client(Hosts, bus, deadline_s=1)
        assert hosts.echo(host=HOST) == [HOST, HOST]
        own_rabbit.freeze()
        try:
            for _ in range(3):
                started = time.monotonic()
                with pytest.raises((Unavailable, DeadlineExceeded)):
                    hosts.request_id()
                assert time.monotonic() - started < 2
        finally:
            own_rabbit.thaw()
        wait_for(lambda: _echo_works(hosts), 30, "calls to work again")
        assert server.stop(10)
        bus.close(2)


def _echo_works(hosts: Hosts) -> bool:
    try:
        return hosts.echo(host=HOST) == [HOST, HOST]
    except (Unavailable, DeadlineExceeded):
        return False
