# SPDX-License-Identifier: Apache-2.0
"""What the operator reads when a server accepts the connection and TLS does not come about."""
from __future__ import annotations

import datetime
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from flock import tls
from flock.cli.client import client_for
from flock.cli.credentials import Credentials
from flock.cli.errors import ApiUnreachable

Behaviour = Callable[[socket.socket], None]
HELLO_MAX = 4096
SERVER_HELLO_BEGINS = bytes([22, 3, 3, 0, 122, 2, 0, 0, 118])
ALERT_HANDSHAKE_FAILURE = bytes([21, 3, 3, 0, 2, 2, 40])


@pytest.fixture
def serve() -> Iterator[Callable[[Behaviour], str]]:
    """Starts a server that treats each connection so; returns its URL. Connections stay open until the test ends."""
    servers: list[socket.socket] = []
    held: list[socket.socket] = []

    def start(behaviour: Behaviour) -> str:
        server = socket.create_server(("127.0.0.1", 0))
        servers.append(server)

        def loop() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                held.append(connection)
                behaviour(connection)

        threading.Thread(target=loop, daemon=True).start()
        return f"https://127.0.0.1:{server.getsockname()[1]}"

    yield start
    for server in servers:
        server.shutdown(socket.SHUT_RDWR)
        server.close()
    for connection in held:
        connection.close()


def silent(connection: socket.socket) -> None:
    """Keeps the connection and never sends a byte."""


def half_an_answer(connection: socket.socket) -> None:
    connection.recv(HELLO_MAX)
    connection.sendall(SERVER_HELLO_BEGINS)


def closes(connection: socket.socket) -> None:
    connection.recv(HELLO_MAX)
    connection.close()


def resets(connection: socket.socket) -> None:
    connection.recv(HELLO_MAX)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def speaks_plainly(connection: socket.socket) -> None:
    connection.recv(HELLO_MAX)
    connection.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")


def refuses(connection: socket.socket) -> None:
    connection.recv(HELLO_MAX)
    connection.sendall(ALERT_HANDSHAKE_FAILURE)


def said(url: str, through_keystone: bool) -> str:
    given = Credentials(f"{url}/v3", "u", "p", project_name="admin", region_name="R", timeout_s=1)
    if not through_keystone:
        given = Credentials(token="t", endpoint=url, timeout_s=1)
    with pytest.raises(ApiUnreachable) as caught:
        client_for(given, "fruit", "--fruit-url").get("/v1/fruit")
    return str(caught.value)


@pytest.mark.parametrize("through_keystone", [False, True])
@pytest.mark.parametrize(("behaviour", "begin", "why"), [
    (silent, "No response from", "in time. Check"), (half_an_answer, "No response from", "in time. Check"),
    (closes, "Cannot connect to", ": connection closed by the server before TLS was agreed. Check"),
    (resets, "Cannot connect to", ": connection closed by the server. Check"),
    (speaks_plainly, "Cannot connect to", ": it does not speak TLS. Check"),
    (refuses, "Cannot connect to", ": it refuses the TLS handshake. Check")])
def test_only_a_certificate_is_a_question_of_trust(serve: Callable[[Behaviour], str], behaviour: Behaviour, begin: str,
                                                   why: str, through_keystone: bool) -> None:
    text = said(serve(behaviour), through_keystone)
    assert text.startswith(begin) and why in text
    assert "trust" not in text and "cacert" not in text


@pytest.mark.parametrize("through_keystone", [False, True])
def test_a_certificate_that_cannot_be_verified_is(serve: Callable[[Behaviour], str], tmp_path: Path,
                                                  through_keystone: bool) -> None:
    now = datetime.datetime.now(datetime.UTC)
    key = tls.new_key()
    certificate = tls.Authority.create("unknown", now).issue(
        tls.new_request(key, "front"), tls.Usage.SERVER, "front", ["127.0.0.1"], now)
    (tmp_path / "server.pem").write_bytes(key + certificate)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "server.pem")

    def presents(connection: socket.socket) -> None:
        try:
            context.wrap_socket(connection, server_side=True).close()
        except (ssl.SSLError, OSError):
            connection.close()

    text = said(serve(presents), through_keystone)
    assert text.startswith("Cannot trust") and "its certificate cannot be verified" in text
    assert text.endswith("Give its CA with --os-cacert (OS_CACERT).")
