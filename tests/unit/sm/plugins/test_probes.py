# SPDX-License-Identifier: Apache-2.0
"""Probes by TCP and HTTP against servers that answer well, wrongly, endlessly, or under another name."""
from __future__ import annotations

import asyncio
import datetime
import socket
import ssl
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from flock.tls.authority import Authority, Usage
from sm.contract.states import PluginKind
from sm.plugins.http import HttpPlugin
from sm.plugins.plugin import Outcome, PluginFailed, Tools
from sm.plugins.tcp import TcpPlugin
from tests.unit.sm.plugins.rows import job, spec

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def answers(data: bytes, then: bytes = b"") -> Serve:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            if then or data.startswith(b"HTTP"):
                await reader.readuntil(b"\r\n\r\n")
            writer.write(data)
            while then:
                writer.write(then)
                await writer.drain()
            await writer.drain()
            writer.close()
        except (OSError, asyncio.IncompleteReadError):
            pass
    return serve


async def attempted(tools: Tools, kind: PluginKind, serve: Serve, place: str, parameters: dict[str, str],
                    tls: ssl.SSLContext | None = None) -> Outcome:
    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    port = server.sockets[0].getsockname()[1]
    plugin = (TcpPlugin if kind is PluginKind.TCP else HttpPlugin)(tools)
    async with server, asyncio.timeout(10):
        return await plugin.attempt(job(spec(kind, place.format(port), "monitor", parameters=parameters)))


def tcp(tools: Tools, serve: Serve, expect: str = "") -> Outcome:
    return asyncio.run(attempted(tools, PluginKind.TCP, serve, "127.0.0.1:{}", {"expect": expect} if expect else {}))


def http(tools: Tools, answer: bytes, then: bytes = b"", **parameters: str) -> Outcome:
    return asyncio.run(attempted(
        tools, PluginKind.HTTP, answers(answer, then), "http://127.0.0.1:{}/v1?x=1", parameters))


def unused() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def test_a_listener_is_reached_and_its_words_are_read(tools: Tools) -> None:
    assert tcp(tools, answers(b"")) == Outcome(0)
    assert tcp(tools, answers(b"220 mail ready\r\n"), "mail") == Outcome(0)
    assert tcp(tools, answers(b"500 no\r\n"), "mail").code == 1
    assert tcp(tools, answers(b"y" * 100_000 + b"mail"), "mail").code == 1


@pytest.mark.parametrize(("kind", "place"), [
    (PluginKind.TCP, "127.0.0.1:{}"), (PluginKind.HTTP, "http://127.0.0.1:{}/")])
def test_nobody_listens(kind: PluginKind, place: str, tools: Tools) -> None:
    plugin = (TcpPlugin if kind is PluginKind.TCP else HttpPlugin)(tools)
    outcome = asyncio.run(plugin.attempt(job(spec(kind, place.format(unused()), "monitor"))))
    assert outcome.code == 7 and "refuses connections" in outcome.text
    unroutable = place.format(80).replace("127.0.0.1", "255.255.255.255")
    assert asyncio.run(plugin.attempt(job(spec(kind, unroutable, "monitor")))).code == 1
    asyncio.run(plugin.close())


@pytest.mark.parametrize("place", ["localhost:80", "127.0.0.1", "127.0.0.1:0", "127.0.0.1:99999", "::1:x", ":80"])
def test_places_are_addresses(place: str, tools: Tools) -> None:
    with pytest.raises(PluginFailed, match="address:port"):
        asyncio.run(TcpPlugin(tools).attempt(job(spec(PluginKind.TCP, place, "monitor"))))


@pytest.mark.parametrize(("answer", "parameters", "code"), [
    (b"HTTP/1.1 200 OK\r\n\r\n", {}, 0),
    (b"HTTP/1.0 302 Found\r\n\r\n", {}, 0),
    (b"HTTP/1.1 503 Busy\r\n\r\n", {}, 1),
    (b"HTTP/1.1 401\r\n\r\n", {"status": "200-299,401"}, 0),
    (b"HTTP/1.1 302 Found\r\n\r\n", {"status": "200-299,401"}, 1),
    (b"HTTP/1.1 200 OK\r\nA: b\r\n\r\n{\"ok\": true}", {"expect": '"ok": true'}, 0),
    (b"HTTP/1.1 200 OK\r\nA: ok\r\n\r\nno", {"expect": "ok"}, 1),
    (b"HTTP/1.1 200 OK\r\n\r\n", {"expect": "ok", "method": "HEAD"}, 0),
    (b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * (64 << 10) + b"ok", {"expect": "ok"}, 1),
    (b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 200 + b"\r\nok", {"expect": "ok"}, 1),
    (b"HTTP/1.1 200 " + b"x" * 9000 + b"\r\n\r\n", {}, 1),
    (b"HTTP/1.1 2000 OK\r\n\r\n", {}, 1),
    (b"HTTPS\r\n\r\n", {}, 1),
])
def test_answers_are_judged(answer: bytes, parameters: dict[str, str], code: int, tools: Tools) -> None:
    assert http(tools, answer, **parameters).code == code


def test_an_endless_body_is_read_only_so_far(tools: Tools) -> None:
    assert http(tools, b"HTTP/1.1 200 OK\r\n\r\n", then=b"z" * 10_000, expect="ok").code == 1


@pytest.mark.parametrize(("place", "parameters", "rule"), [
    ("http://localhost:80/", {}, "address:port"),
    ("ftp://127.0.0.1/", {}, "URL of http"),
    ("http://user@127.0.0.1/", {}, "no user"),
    ("http://127.0.0.1:99999/", {}, "must be a URL"),
    ("http://127.0.0.1/a b", {}, "printable ASCII"),
    ("http://127.0.0.1/", {"status": "ok"}, "status must be"),
    ("http://127.0.0.1/", {"method": "DELETE"}, "GET or HEAD"),
    ("https://127.0.0.1/", {"ca_file": "/nowhere"}, "ca_file: /nowhere"),
    ("https://127.0.0.1/", {"server_name": "a\r\nB: c"}, "server_name"),
])
def test_requests_are_checked(place: str, parameters: dict[str, str], rule: str, tools: Tools) -> None:
    with pytest.raises(PluginFailed, match=rule):
        asyncio.run(HttpPlugin(tools).attempt(job(spec(PluginKind.HTTP, place, "monitor", parameters=parameters))))


@pytest.mark.parametrize("plugin", [TcpPlugin, HttpPlugin])
def test_probes_do_not_start_anything(plugin: type[TcpPlugin | HttpPlugin], tools: Tools) -> None:
    with pytest.raises(PluginFailed, match="only looks"):
        asyncio.run(plugin(tools).attempt(job(spec(plugin.kind, "127.0.0.1:1", "start"))))


def served_as(folder: Path, name: str) -> ssl.SSLContext:
    """A server with a certificate for ``name``; ``folder`` gets its authority as ca.pem."""
    now = datetime.datetime.now(datetime.UTC)
    authority, key = Authority.create("one", now), ec.generate_private_key(ec.SECP256R1())
    request = x509.CertificateSigningRequestBuilder().subject_name(
        x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])).sign(key, hashes.SHA256())
    issued = authority.issue(request.public_bytes(serialization.Encoding.PEM), Usage.SERVER, name, [name], now)
    (folder / "ca.pem").write_bytes(authority.certificate_pem)
    (folder / "server.pem").write_bytes(issued + key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem")
    return context


def test_the_name_of_the_server_is_verified(tools: Tools, tmp_path: Path) -> None:
    context = served_as(tmp_path, "keystone.example")
    ca_file = str(tmp_path / "ca.pem")

    def asked(**parameters: str) -> Outcome:
        return asyncio.run(attempted(tools, PluginKind.HTTP, answers(b"HTTP/1.1 200 OK\r\n\r\n"),
                                     "https://127.0.0.1:{}/", parameters, context))

    assert asked(ca_file=ca_file, server_name="keystone.example").code == 0
    for parameters in ({"ca_file": ca_file}, {"ca_file": ca_file, "server_name": "other.example"},
                       {"server_name": "keystone.example"}):
        outcome = asked(**parameters)
        assert outcome.code == 3, outcome
