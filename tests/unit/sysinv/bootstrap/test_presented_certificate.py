# SPDX-License-Identifier: Apache-2.0
"""Which certificate a server shows: of valid servers only, also behind PostgreSQL's greeting; and the wait for it."""
from __future__ import annotations

import contextlib
import datetime
import queue
import socket
import socketserver
import ssl
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from flock import tls
from flock.core.errors import DeadlineExceeded
from sysinv.bootstrap.presented import admits, presented, shown_by, wait_admits, wait_presented

NOW = datetime.datetime.now(datetime.UTC)
SSL_REQUEST = bytes.fromhex("0000000804d2162f")


class Files:
    """An authority and pairs that it has issued."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        self.authority = tls.Authority.create("flock", NOW)
        self.authorities = folder / "ca.crt"
        self.authorities.write_bytes(self.authority.certificate_pem)
        self.host = self.issue("host", tls.Usage.CLIENT, "controller-0")

    def issue(self, name: str, usage: tls.Usage = tls.Usage.SERVER, alternative: str = "localhost") -> tls.Pair:
        pair, key = tls.Pair(self.folder, name), tls.new_key()
        pair.key.write_bytes(key)
        pair.certificate.write_bytes(
            self.authority.issue(tls.new_request(key, name), usage, name, [alternative], NOW))
        return pair

    def arguments(self) -> tuple[str, str, str]:
        return str(self.authorities), str(self.host.certificate), str(self.host.key)


class Shown(socketserver.TCPServer):
    """Shows the certificate of ``context``; without one it says ``greeting`` and hangs up."""

    def __init__(self, context: ssl.SSLContext | None, greeting: bytes | None = None) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.context, self.greeting = context, greeting
        self.heard: queue.Queue[bytes] = queue.Queue()
        self.clients: queue.Queue[bytes | None] = queue.Queue()

    @property
    def port(self) -> int:
        return int(self.server_address[1])


class Answer(socketserver.BaseRequestHandler):
    server: Shown

    def handle(self) -> None:
        self.request.settimeout(5)
        with contextlib.suppress(OSError):
            if self.server.greeting is not None:
                self.server.heard.put(self.request.recv(len(SSL_REQUEST)))
                self.request.sendall(self.server.greeting)
            if self.server.context is not None:
                with self.server.context.wrap_socket(self.request, server_side=True) as secure:
                    self.server.clients.put(secure.getpeercert(binary_form=True))


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path / "own")


@pytest.fixture
def serve() -> Iterator[Callable[..., Shown]]:
    with contextlib.ExitStack() as stack:
        def start(*arguments: Any) -> Shown:
            server = stack.enter_context(Shown(*arguments))
            thread = threading.Thread(target=server.serve_forever, args=(0.01,))
            thread.start()
            stack.callback(thread.join)
            stack.callback(server.shutdown)
            return server
        yield start


def context(pair: tls.Pair, clients_of: Path | None = None) -> ssl.SSLContext:
    return tls.server_context(pair.certificate, pair.key, clients_of)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as freed:
        return int(freed.getsockname()[1])


def test_the_certificate_of_the_server_is_told_and_that_of_the_client_is_shown(files: Files, serve: Any) -> None:
    front = files.issue("front")
    server = serve(context(front, files.authorities))
    assert presented(server.port, *files.arguments()) == front.certificate.read_bytes()
    own = x509.load_pem_x509_certificate(files.host.certificate.read_bytes())
    assert server.clients.get(timeout=5) == own.public_bytes(Encoding.DER)


def test_a_certificate_of_another_authority_name_or_purpose_is_none(files: Files, serve: Any, tmp_path: Path) -> None:
    foreign = Files(tmp_path / "foreign").issue("front")
    elsewhere = files.issue("elsewhere", alternative="controller-1")
    client = files.issue("client", tls.Usage.CLIENT)
    for pair, reason in ((foreign, "issuer|self.signed"), (elsewhere, "[Hh]ostname"), (client, "purpose")):
        with pytest.raises(ssl.SSLCertVerificationError, match=reason):
            presented(serve(context(pair)).port, *files.arguments())


def test_a_server_that_is_away_or_speaks_no_tls_is_an_oserror(files: Files, serve: Any) -> None:
    with pytest.raises(ConnectionRefusedError):
        presented(free_port(), *files.arguments())
    with pytest.raises(ssl.SSLError):
        presented(serve(None, b"HTTP/1.1 400 Bad Request\r\n\r\n").port, *files.arguments())


@pytest.mark.parametrize("greeting", [None, b"HTTP/1.1 400 Bad Request\r\n\r\n", b""])
def test_a_message_bus_that_gives_no_clear_reply_neither_takes_nor_refuses_a_client(
        files: Files, serve: Any, greeting: bytes | None) -> None:
    """Also one that only ends the connection: a broker that restarts does that too."""
    port = free_port() if greeting is None else serve(None, greeting).port
    assert admits(port, *files.arguments()) is None
    silent = serve(context(files.issue("rabbitmq"))).port
    assert admits(silent, *files.arguments()) is None
    for wanted, what in ((True, "acceptance"), (False, "refusal")):
        with pytest.raises(DeadlineExceeded, match=what):
            wait_admits(wanted, port, *files.arguments(), timeout_s=0.3)


def test_a_bus_that_this_side_does_not_trust_has_not_refused_anybody(files: Files, serve: Any, tmp_path: Path) -> None:
    foreign = Files(tmp_path / "foreign").issue("rabbitmq")
    assert admits(serve(context(foreign)).port, *files.arguments()) is None


def test_a_client_of_another_authority_is_refused(files: Files, serve: Any, tmp_path: Path) -> None:
    other = Files(tmp_path / "foreign").host
    server = serve(context(files.issue("rabbitmq"), files.authorities))
    assert admits(server.port, str(files.authorities), str(other.certificate), str(other.key)) is False
    wait_admits(False, server.port, str(files.authorities), str(other.certificate), str(other.key), timeout_s=5)


def test_postgresql_is_asked_for_tls_first(files: Files, serve: Any) -> None:
    pair = files.issue("postgresql")
    server = serve(context(pair), b"S")
    assert presented(server.port, *files.arguments(), postgresql=True) == pair.certificate.read_bytes()
    assert server.heard.get(timeout=5) == SSL_REQUEST


@pytest.mark.parametrize("greeting", [b"N", b"E", b""])
def test_postgresql_without_tls_is_refused_before_a_handshake(files: Files, serve: Any, greeting: bytes) -> None:
    server = serve(None, greeting)
    with pytest.raises(ConnectionError, match="PostgreSQL refuses TLS"):
        presented(server.port, *files.arguments(), postgresql=True)


def test_the_wait_goes_on_while_the_server_reloads_and_shows_the_old_one(
        files: Files, serve: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    old, new = files.issue("old"), files.issue("new")
    server = serve(None)
    shown = [context(old), context(new)]
    naps: list[float] = []

    def nap(seconds: float) -> None:
        naps.append(seconds)
        server.context = shown.pop(0)

    monkeypatch.setattr("sysinv.bootstrap.presented.time.sleep", nap)
    wait_presented("front", new.certificate.read_bytes(), server.port, *files.arguments())
    assert len(naps) == 2 and min(naps) > 0 and shown == []


def test_the_wait_for_postgresql_asks_for_tls(files: Files, serve: Any) -> None:
    pair = files.issue("postgresql")
    server = serve(context(pair), b"S")
    wait_presented("postgresql", pair.certificate.read_bytes(), server.port, *files.arguments(), postgresql=True,
                   timeout_s=0)
    assert server.heard.get(timeout=5) == SSL_REQUEST


def test_the_wait_ends_with_the_name_of_the_server(files: Files, serve: Any) -> None:
    old, new = files.issue("old"), files.issue("new").certificate.read_bytes()
    for port in (serve(context(old)).port, free_port()):
        with pytest.raises(DeadlineExceeded, match=f"certificate of rabbitmq on port {port} did not .* 0 s"):
            wait_presented("rabbitmq", new, port, *files.arguments(), timeout_s=0)


def test_the_database_of_another_controller_is_known_by_its_name_and_by_nothing_else(files: Files, serve: Any,
                                                                                    tmp_path: Path) -> None:
    theirs = files.issue("postgresql", alternative="controller-1")
    server = serve(context(theirs, files.authorities), b"S")

    def shown(name: str, port: int) -> str:
        return shown_by("127.0.0.1", name, port, *files.arguments())

    assert shown("controller-1", server.port) == tls.fingerprint(theirs.certificate.read_bytes())
    assert server.heard.get(timeout=5) == SSL_REQUEST
    assert shown("controller-2", server.port) == "", "it has the name of another controller"
    foreign = Files(tmp_path / "foreign").issue("postgresql", alternative="controller-1")
    assert shown("controller-1", serve(context(foreign), b"S").port) == ""
    assert shown("controller-1", serve(None, b"N").port) == ""
    assert shown("controller-1", free_port()) == ""
