# SPDX-License-Identifier: Apache-2.0
"""Logins to a stub of the broker that speaks only the beginning of AMQP: what is sent, and what the reply means."""
from __future__ import annotations

import contextlib
import datetime
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from amqp.serialization import dumps, loads

from flock import tls
from flock.core.errors import InvalidInput, Unavailable
from flock.rpc import login
from flock.rpc.login import accepted

START, START_OK, TUNE, OPEN, OPEN_OK, CLOSE = ((10, number) for number in (10, 11, 30, 40, 41, 50))
BOUND_S = 5
CLOSED = "closed"


class StubBroker:
    """Serves one connection. ``refusal`` is the code with which it closes instead of opening; 0 hangs up."""

    def __init__(self, context: ssl.SSLContext | None, mechanisms: str, refusal: int | None) -> None:
        self.account: dict[str, Any] = {}
        self.mechanism = self.vhost = self.end = ""
        self.shown: str | None = None
        self._context, self._mechanisms, self._refusal = context, mechanisms, refusal
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            raw, _ = self._listener.accept()
            raw.settimeout(BOUND_S)
            with raw if self._context is None else self._context.wrap_socket(raw, server_side=True) as peer:
                if isinstance(peer, ssl.SSLSocket):
                    shown = peer.getpeercert()
                    self.shown = shown and dict(pair[0] for pair in shown["subject"])["commonName"]
                self._talk(peer)

    def _talk(self, peer: socket.socket) -> None:
        assert exactly(peer, 8) == b"AMQP\x00\x00\x09\x01"
        send(peer, START, "ooFSS", [0, 9, {}, self._mechanisms, "en_US"])
        _, self.mechanism, response, _ = loads("FsSs", receive(peer, START_OK), 0)[0]
        if self.mechanism == "AMQPLAIN":
            table = response.encode()
            self.account = loads("F", struct.pack(">I", len(table)) + table, 0)[0][0]
        if self._refusal is not None:
            if self._refusal:
                send(peer, CLOSE, "BsBB", [self._refusal, "NO", 0, 0])
            return
        send(peer, TUNE, "BlB", [2047, 131072, 60])
        receive(peer, (10, 31))
        self.vhost = loads("ssb", receive(peer, OPEN), 0)[0][0]
        send(peer, OPEN_OK, "s", [""])
        self.end = "data" if peer.recv(1) else CLOSED

    def finish(self) -> None:
        """Wait for the end of the connection."""
        self._thread.join(BOUND_S)
        assert not self._thread.is_alive()

    def stop(self) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(BOUND_S)


def exactly(peer: socket.socket, size: int) -> bytes:
    found = b""
    while len(found) < size:
        more = peer.recv(size - len(found))
        if not more:
            raise OSError("the client hung up")
        found += more
    return found


def send(peer: socket.socket, method: tuple[int, int], form: str, values: list[Any]) -> None:
    payload = struct.pack(">HH", *method) + dumps(form, values)
    peer.sendall(struct.pack(">BHI", 1, 0, len(payload)) + payload + b"\xce")


def receive(peer: socket.socket, expected: tuple[int, int]) -> bytes:
    _, _, size = struct.unpack(">BHI", exactly(peer, 7))
    payload = exactly(peer, size + 1)[:-1]
    assert struct.unpack(">HH", payload[:4]) == expected
    return payload[4:]


@pytest.fixture
def serve() -> Iterator[Callable[..., StubBroker]]:
    made: list[StubBroker] = []

    def begin(context: ssl.SSLContext | None = None, mechanisms: str = "AMQPLAIN PLAIN",
              refusal: int | None = None) -> StubBroker:
        made.append(StubBroker(context, mechanisms, refusal))
        return made[-1]

    yield begin
    for one in made:
        one.stop()


def test_an_account_is_taken_and_its_connection_closed(serve: Callable[..., StubBroker]) -> None:
    broker = serve()
    assert accepted(f"rabbit://host.a:w%C3%B6rd%2F%40@127.0.0.1:{broker.port}/a%2Fb") is True
    broker.finish()
    assert broker.account == {"LOGIN": "host.a", "PASSWORD": "w\u00f6rd/@"}
    assert (broker.vhost, broker.end) == ("a/b", CLOSED)


@pytest.mark.parametrize("path", ["", "/"])
def test_without_a_name_the_virtual_host_is_the_brokers_first(serve: Callable[..., StubBroker], path: str) -> None:
    broker = serve()
    assert accepted(f"rabbit://host.a:word@127.0.0.1:{broker.port}{path}")
    assert broker.vhost == "/"


@pytest.mark.parametrize("mechanisms", ["EXTERNAL PLAIN AMQPLAIN", "ANONYMOUS AMQPLAIN", "GSSAPI AMQPLAIN"])
def test_the_password_is_what_is_tried_whatever_else_the_broker_offers(
        serve: Callable[..., StubBroker], mechanisms: str) -> None:
    broker = serve(mechanisms=mechanisms)
    assert accepted(f"rabbit://host.a:word@127.0.0.1:{broker.port}/")
    assert broker.account["PASSWORD"] == "word"


def test_only_the_brokers_refusal_is_a_no(serve: Callable[..., StubBroker]) -> None:
    assert accepted(f"rabbit://host.a:old@127.0.0.1:{serve(refusal=403).port}/") is False


@pytest.mark.parametrize(("refusal", "reason"), [
    (320, "ConnectionForced"), (402, "InvalidPath"), (404, "NotFound"), (530, "NotAllowed"), (541, "InternalError"),
    (0, "")])
def test_any_other_end_is_no_reply(serve: Callable[..., StubBroker], refusal: int, reason: str) -> None:
    with pytest.raises(Unavailable) as caught:
        accepted(f"rabbit://host.a:s3cret@127.0.0.1:{serve(refusal=refusal).port}/")
    assert caught.value.params["service"] == "message bus"
    assert reason in caught.value.params["reason"] and caught.value.params["reason"].endswith(" at 127.0.0.1")
    assert "s3cret" not in str(caught.value)


def test_a_broker_that_is_away_or_knows_no_passwords_gives_no_reply(serve: Callable[..., StubBroker]) -> None:
    broker = serve()
    broker.stop()
    with pytest.raises(Unavailable, match="ConnectionRefusedError at 127.0.0.1"):
        accepted(f"rabbit://a:b@127.0.0.1:{broker.port}/")
    with pytest.raises(Unavailable, match="ConnectionError at"):
        accepted(f"rabbit://a:b@127.0.0.1:{serve(mechanisms='EXTERNAL').port}/")


def test_a_silent_broker_is_not_waited_for_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(login, "CONNECT_S", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(Unavailable):
        accepted(f"rabbit://a:b@127.0.0.1:{silent.getsockname()[1]}/")


@pytest.mark.parametrize("url", ["", "rabbit://", "rabbit:///vhost", "rabbit://user:word@/", "127.0.0.1:5671",
                                 "rabbit://a:b@127.0.0.1:65536/", "rabbit://a:b@127.0.0.1:x/", "rabbit://a:b@[::1/"])
def test_text_that_names_no_server_is_refused(url: str) -> None:
    with pytest.raises(InvalidInput, match="transport_url"):
        accepted(url)


def test_without_a_port_it_is_that_of_amqp_with_tls(
        serve: Callable[..., StubBroker], monkeypatch: pytest.MonkeyPatch) -> None:
    assert login.DEFAULT_PORT == 5671
    monkeypatch.setattr(login, "DEFAULT_PORT", serve().port)
    assert accepted("rabbit://a:b@127.0.0.1/")


class Keys:
    """An authority, a context of a server with its certificate for ``names``, and a host's certificate."""

    def __init__(self, folder: Path) -> None:
        self.now, self.folder = datetime.datetime.now(datetime.UTC), folder
        self.authority = tls.Authority.create("flock test", self.now)
        self.ca, self.certificate, self.key = folder / "ca.crt", folder / "host.crt", folder / "host.key"
        self.ca.write_bytes(self.authority.certificate_pem)
        self._write("host", tls.Usage.CLIENT, ("worker-0",))

    def _write(self, name: str, usage: tls.Usage, names: tuple[str, ...]) -> None:
        key = tls.new_key()
        (self.folder / f"{name}.key").write_bytes(key)
        (self.folder / f"{name}.crt").write_bytes(
            self.authority.issue(tls.new_request(key, name), usage, name, names, self.now))

    def server(self, *names: str, needs_certificate: bool = True) -> ssl.SSLContext:
        self._write("server", tls.Usage.SERVER, names)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.folder / "server.crt", self.folder / "server.key")
        context.load_verify_locations(self.ca)
        context.verify_mode = ssl.CERT_REQUIRED if needs_certificate else ssl.CERT_NONE
        return context


@pytest.fixture
def keys(tmp_path: Path) -> Keys:
    return Keys(tmp_path)


def test_with_authorities_it_speaks_tls_and_shows_the_certificate(
        serve: Callable[..., StubBroker], keys: Keys) -> None:
    broker = serve(keys.server("127.0.0.1"))
    assert accepted(f"rabbit://host.a:word@127.0.0.1:{broker.port}/", keys.ca, keys.certificate, str(keys.key))
    assert broker.shown == "host" and broker.account["PASSWORD"] == "word"
    broker = serve(keys.server("127.0.0.1"), refusal=403)
    assert not accepted(f"rabbit://host.a:old@127.0.0.1:{broker.port}/", keys.ca, keys.certificate, keys.key)


def test_a_certificate_is_shown_only_if_there_is_one(serve: Callable[..., StubBroker], keys: Keys) -> None:
    broker = serve(keys.server("127.0.0.1", needs_certificate=False))
    assert accepted(f"rabbit://host.a:word@127.0.0.1:{broker.port}/", keys.ca)
    broker = serve(keys.server("127.0.0.1"))
    with pytest.raises(Unavailable):
        accepted(f"rabbit://host.a:word@127.0.0.1:{broker.port}/", keys.ca)


def test_another_name_or_authority_gets_no_password(
        serve: Callable[..., StubBroker], keys: Keys, tmp_path: Path) -> None:
    broker = serve(keys.server("127.0.0.2"))
    with pytest.raises(Unavailable, match="SSLCertVerificationError at 127.0.0.1"):
        accepted(f"rabbit://host.a:word@127.0.0.1:{broker.port}/", keys.ca, keys.certificate, keys.key)
    assert broker.account == {}
    other = tmp_path / "other.crt"
    other.write_bytes(tls.Authority.create("flock test", keys.now).certificate_pem)
    broker = serve(keys.server("127.0.0.1"))
    with pytest.raises(Unavailable, match="SSLCertVerificationError"):
        accepted(f"rabbit://host.a:word@127.0.0.1:{broker.port}/", other, keys.certificate, keys.key)
    assert broker.account == {}


def test_files_that_are_missing_are_no_reply_of_the_broker(
        serve: Callable[..., StubBroker], keys: Keys, tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="FileNotFoundError"):
        accepted(f"rabbit://a:b@127.0.0.1:{serve(keys.server('127.0.0.1')).port}/", tmp_path / "gone", None, None)
