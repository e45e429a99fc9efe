# SPDX-License-Identifier: Apache-2.0
"""Audits by a TCP connection: the name is ``address:port``, ``command`` is ``monitor``.

Parameters: ``expect``, text that the first 4 KiB sent by the server must hold. Codes: 0 reached, 1 another answer or
no way to the address, 7 refused: nobody listens.
"""
from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import ssl
from collections.abc import AsyncIterator
from typing import ClassVar

from sm.contract.states import PluginKind
from sm.plugins.plugin import Job, Outcome, PluginFailed, Tools

MONITOR = "monitor"
REACHED, WRONG, REFUSED = 0, 1, 7
ANSWER_MAX_BYTES = 4096


class TcpPlugin:
    """Connects, and reads what is expected."""

    kind: ClassVar[PluginKind] = PluginKind.TCP

    def __init__(self, tools: Tools) -> None:
        del tools

    async def attempt(self, job: Job) -> Outcome:
        """Make one connection."""
        check_command(job)
        host, port = address_and_port(job.spec.name)
        expected = job.spec.parameters.get("expect", "").encode()
        try:
            async with connection(host, port, None, "") as (reader, _):
                return Outcome(REACHED) if not expected else await _answer(reader, expected)
        except ConnectionRefusedError:
            return Outcome(REFUSED, f"{job.spec.name} refuses connections")
        except OSError as exc:
            return Outcome(WRONG, f"{job.spec.name} cannot be reached: {exc.strerror or exc}")

    async def close(self) -> None:
        """Nothing is held."""


async def _answer(reader: asyncio.StreamReader, expected: bytes) -> Outcome:
    read = bytearray()
    while expected not in read:
        chunk = await reader.read(ANSWER_MAX_BYTES - len(read))
        if not chunk:
            return Outcome(WRONG, "the answer is not the expected one")
        read += chunk
    return Outcome(REACHED)


def check_command(job: Job) -> None:
    """Probes only look. Raises PluginFailed."""
    if job.spec.command != MONITOR:
        raise PluginFailed(f"command must be {MONITOR}: this kind of plug-in only looks at a service")


def address_and_port(text: str) -> tuple[str, int]:
    """``192.0.2.1:80`` or ``[2001:db8::1]:80``. Raises PluginFailed.

    Only addresses: a name would make the audit depend on a name server, which may be a service that is managed here.
    """
    host, _, port = text.rpartition(":")
    try:
        ipaddress.ip_address(host.removeprefix("[").removesuffix("]"))
        if not (port.isascii() and port.isdecimal() and 0 < int(port) < 65536):
            raise ValueError(port)
    except ValueError as exc:
        raise PluginFailed("the place must be address:port, with brackets around an IPv6 address") from exc
    return host.removeprefix("[").removesuffix("]"), int(port)


@contextlib.asynccontextmanager
async def connection(host: str, port: int, tls: ssl.SSLContext | None, name: str,
                     ) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A connection, broken at the end of the block without waiting for the other side. Raises OSError."""
    reader, writer = await asyncio.open_connection(
        host, port, ssl=tls, server_hostname=name if tls is not None else None, limit=ANSWER_MAX_BYTES)
    try:
        yield reader, writer
    finally:
        writer.transport.abort()


PLUGIN = TcpPlugin
