# SPDX-License-Identifier: Apache-2.0
"""Whether a running program answers: a process that hangs is active for systemd, and accepts connections by the kernel.

A place is ``http+unix:/path/of/socket`` (any answer of HTTP counts, an error too), ``tls:address:port`` (the first
message of the server counts; nothing is trusted, and nothing is sent after it) or ``dbus:name`` (the program that has
this name on the system's D-Bus answers a ping; no stranger on a network can keep it from that).
"""
from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import Awaitable, Callable

from sm.plugins import tcp
from sm.plugins.http import STATUS_LINE
from sm.plugins.plugin import PluginFailed

PARAMETER = "answers"
"""Parameter of a service with the place where its program must answer."""
PATH = "/healthz"
_SOCKET_PATH = re.compile(r"/[A-Za-z0-9._/@-]{1,106}")
_BUS_NAME = re.compile(r"[A-Za-z_-][A-Za-z0-9_-]*(\.[A-Za-z_-][A-Za-z0-9_-]*)+")
_BUS_NAME_MAX = 255
_REQUEST = (f"GET {PATH} HTTP/1.0\r\nHost: localhost\r\nConnection: close\r\nAccept: */*\r\nUser-Agent: sm\r\n\r\n"
            ).encode("ascii")


async def fault(place: str, limit_s: float, ping: Callable[[str], Awaitable[str]]) -> str:
    """What is wrong with the answer at ``place``; empty when there is one within ``limit_s``. Raises PluginFailed.

    ``ping(name)`` is the same for a name on D-Bus, without a time limit.
    """
    scheme, _, where = place.partition(":")
    try:
        async with asyncio.timeout(limit_s):
            match scheme:
                case "http+unix":
                    return await _http_unix(_socket_path(where))
                case "tls":
                    return await _tls(*tcp.address_and_port(where))
                case "dbus":
                    return await ping(_bus_name(where))
    except TimeoutError:
        return f"nothing answers at {place} within {limit_s:g} s"
    except OSError as exc:
        return f"{place} cannot be reached: {exc.strerror or exc}"
    raise PluginFailed(f"parameter {PARAMETER} must be http+unix:/path, tls:address:port or dbus:name")


def _socket_path(text: str) -> str:
    if not _SOCKET_PATH.fullmatch(text):
        raise PluginFailed(f"parameter {PARAMETER} must name a socket by its absolute path, at most 107 characters")
    return text


def _bus_name(text: str) -> str:
    if len(text) > _BUS_NAME_MAX or not _BUS_NAME.fullmatch(text):
        raise PluginFailed(f"parameter {PARAMETER} must name a program on D-Bus, such as org.example.Program")
    return text


async def _http_unix(path: str) -> str:
    reader, writer = await asyncio.open_unix_connection(path, limit=tcp.ANSWER_MAX_BYTES)
    try:
        writer.write(_REQUEST)
        line = await reader.readline()
    except ValueError:
        return f"the answer is no HTTP: its first line is longer than {tcp.ANSWER_MAX_BYTES} bytes"
    finally:
        writer.transport.abort()
    return "" if STATUS_LINE.match(line) else "the answer is no HTTP"


async def _tls(host: str, port: int) -> str:
    """A server that wants a certificate of its clients says so only after its own first message."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        async with tcp.connection(host, port, context, host):
            return ""
    except ssl.SSLError as exc:
        return f"the answer is no TLS: {exc.reason or exc}"

