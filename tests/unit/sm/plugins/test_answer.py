# SPDX-License-Identifier: Apache-2.0
"""Programs that answer, that hang, and that answer in another language."""
from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from sm.plugins import answer
from sm.plugins.plugin import PluginFailed

LIMIT_S = 0.3


async def fault(place: str) -> str:
    """Without a program on D-Bus."""
    async def ping(name: str) -> str:
        return f"nobody has the name {name}"
    return await answer.fault(place, LIMIT_S, ping)


async def served(path: Path, said: bytes) -> str:
    """The fault of a program that answers each request with ``said``, and with nothing at all if it is empty."""
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        if said:
            writer.write(said)
            writer.close()

    server = await asyncio.start_unix_server(serve, path)
    async with server:
        return await fault(f"http+unix:{path}")


@pytest.mark.parametrize("said", [b"HTTP/1.1 200 OK\r\n\r\n", b"HTTP/1.0 503 Busy\r\n\r\n", b"HTTP/1.1 401 \r\n\r\n"])
def test_any_answer_of_http_counts(said: bytes, tmp_path: Path) -> None:
    assert asyncio.run(served(tmp_path / "api.sock", said)) == ""


@pytest.mark.parametrize(("said", "words"), [
    (b"", "nothing answers at http+unix:"), (b"HTTP/1.1 20", "no HTTP"), (b"hello\r\n", "no HTTP"),
    (b"x" * 9000, "longer than 4096 bytes"),
])
def test_what_is_no_answer_is_named(said: bytes, words: str, tmp_path: Path) -> None:
    assert words in asyncio.run(served(tmp_path / "api.sock", said))


def test_a_socket_that_nobody_serves_is_named(tmp_path: Path) -> None:
    wrong = asyncio.run(fault(f"http+unix:{tmp_path}/none.sock"))
    assert "none.sock cannot be reached: No such file" in wrong


def test_a_listener_that_accepts_only_by_the_kernel_does_not_answer() -> None:
    async def body() -> tuple[str, float]:
        server = await asyncio.start_server(lambda reader, writer: asyncio.sleep(0), "127.0.0.1", 0)
        begun = time.monotonic()
        async with server:
            return await fault(f"tls:127.0.0.1:{server.sockets[0].getsockname()[1]}"), begun

    wrong, begun = asyncio.run(body())
    assert "nothing answers at tls:127.0.0.1:" in wrong and time.monotonic() - begun < 10


def test_a_server_without_tls_is_named() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"SSH-2.0-x\r\n")

    async def body() -> str:
        async with (server := await asyncio.start_server(serve, "127.0.0.1", 0)):
            return await fault(f"tls:127.0.0.1:{server.sockets[0].getsockname()[1]}")
    assert "no TLS" in asyncio.run(body())


def test_a_program_on_dbus_answers_a_ping_in_time() -> None:
    async def silent(_name: str) -> str:
        await asyncio.Event().wait()
        return ""

    async def well(name: str) -> str:
        return "" if name == "uk.org.thekelleys.dnsmasq" else "another"

    place = "dbus:uk.org.thekelleys.dnsmasq"
    assert asyncio.run(answer.fault(place, LIMIT_S, well)) == ""
    assert asyncio.run(answer.fault(place, LIMIT_S, silent)) == f"nothing answers at {place} within {LIMIT_S:g} s"
    assert asyncio.run(fault(place)) == "nobody has the name uk.org.thekelleys.dnsmasq"


@pytest.mark.parametrize("place", ["", "ftp:1", "http+unix:relative", "http+unix:/with space", "tls:name:1",
                                   "tls:127.0.0.1:0", f"http+unix:/{'x' * 108}", "dbus:", "dbus:name", "dbus:a..b",
                                   "dbus:a.1b", "dbus:a.b/c", f"dbus:a.{'b' * 254}"])
def test_wrong_places_are_refused(place: str) -> None:
    with pytest.raises(PluginFailed):
        asyncio.run(fault(place))
