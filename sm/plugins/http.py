# SPDX-License-Identifier: Apache-2.0
"""Audits by an HTTP request: the name is a URL with an address as its host, ``command`` is ``monitor``.

Parameters: ``method`` (GET, HEAD), ``status`` (such as ``200-299,401``; default ``200-399``), ``expect`` (text that the
first 64 KiB of the body must hold), ``ca_file`` (authority of the certificate; default: the system's), ``server_name``
(the name that the certificate must have; default: the address). Redirects are not followed.
Codes: 0 as expected, 1 another answer or no way to the address, 7 refused: nobody listens, 3 no trust in the server.
"""
from __future__ import annotations

import asyncio
import os
import re
import ssl
from typing import ClassVar
from urllib.parse import SplitResult, urlsplit

from sm.contract.states import PluginKind
from sm.plugins import tcp
from sm.plugins.plugin import Job, Outcome, PluginFailed, Tools

UNTRUSTED = 3
BODY_MAX_BYTES = 64 << 10
HEADERS_MAX = 100
_RANGES = re.compile(r"[1-5]\d\d(-[1-5]\d\d)?(,[1-5]\d\d(-[1-5]\d\d)?)*")
STATUS_LINE = re.compile(rb"HTTP/1\.[01] (\d{3})( |\r?\n)")
_HOST = re.compile(r"[A-Za-z0-9.:\[\]-]{1,255}")


class HttpPlugin:
    """Sends one request and judges the answer."""

    kind: ClassVar[PluginKind] = PluginKind.HTTP

    def __init__(self, tools: Tools) -> None:
        del tools
        self._contexts: dict[str, tuple[float, ssl.SSLContext]] = {}

    async def attempt(self, job: Job) -> Outcome:
        """Make one request."""
        tcp.check_command(job)
        url, words = _url(job.spec.name), job.spec.parameters
        wanted = words.get("status", "200-399")
        if not _RANGES.fullmatch(wanted):
            raise PluginFailed("parameter status must be statuses or ranges of them, such as 200-299,401")
        method = words.get("method", "GET")
        if method not in ("GET", "HEAD"):
            raise PluginFailed("parameter method must be GET or HEAD")
        port = url.port or (443 if url.scheme == "https" else 80)
        host, port = tcp.address_and_port(f"[{url.hostname}]:{port}")
        name = words.get("server_name", host)
        if not _HOST.fullmatch(name):
            raise PluginFailed("parameter server_name must be the name of a host")
        tls = self._context(words.get("ca_file", "")) if url.scheme == "https" else None
        head = f"{method} {url.path or '/'}{f'?{url.query}' if url.query else ''} HTTP/1.0\r\n" \
            f"Host: {url.netloc if 'server_name' not in words else name}\r\nConnection: close\r\n" \
            "Accept: */*\r\nUser-Agent: sm\r\n\r\n"
        try:
            async with tcp.connection(host, port, tls, name) as (reader, writer):
                writer.write(head.encode("ascii"))
                return await _judged(reader, wanted, words.get("expect", "").encode(), method)
        except ConnectionRefusedError:
            return Outcome(tcp.REFUSED, f"{url.netloc} refuses connections")
        except ssl.SSLError as exc:
            return Outcome(UNTRUSTED, f"{url.netloc}: {getattr(exc, 'verify_message', '') or exc.reason or exc}")
        except OSError as exc:
            return Outcome(tcp.WRONG, f"{url.netloc} cannot be reached: {exc.strerror or exc}")

    def _context(self, ca_file: str) -> ssl.SSLContext:
        """Trust in ``ca_file``, read again when the file has changed. Raises PluginFailed."""
        try:
            changed = os.stat(ca_file).st_mtime if ca_file else 0.0
            kept = self._contexts.get(ca_file)
            if kept is None or kept[0] != changed:
                self._contexts[ca_file] = kept = (changed, ssl.create_default_context(cafile=ca_file or None))
        except (OSError, ssl.SSLError) as exc:
            raise PluginFailed(f"parameter ca_file: {ca_file} cannot be used: {exc}") from exc
        return kept[1]

    async def close(self) -> None:
        """Nothing is held."""


def _url(text: str) -> SplitResult:
    if not text.isascii() or not text.isprintable() or " " in text:
        raise PluginFailed("name must be a URL of printable ASCII characters")
    try:
        url = urlsplit(text)
        url.port  # noqa: B018  # raises ValueError
    except ValueError as exc:
        raise PluginFailed(f"name must be a URL: {exc}") from exc
    if url.scheme not in ("http", "https") or not url.hostname or url.username is not None:
        raise PluginFailed("name must be a URL of http or https with an address and no user")
    return url


async def _judged(reader: asyncio.StreamReader, wanted: str, expected: bytes, method: str) -> Outcome:
    try:
        found = STATUS_LINE.match(await reader.readline())
        if found is None:
            return Outcome(tcp.WRONG, "the answer is no HTTP")
        status = int(found[1])
        if not any(low <= status <= high for low, high in _ranges(wanted)):
            return Outcome(tcp.WRONG, f"the status is {status}, which is not in {wanted}")
        if not expected or method == "HEAD":
            return Outcome(tcp.REACHED, f"status {status}")
        for _ in range(HEADERS_MAX):
            if await reader.readline() in (b"\r\n", b"\n", b""):
                break
        else:
            return Outcome(tcp.WRONG, f"the answer has more than {HEADERS_MAX} headers")
    except ValueError:
        return Outcome(tcp.WRONG, "a line of the answer is longer than 4096 bytes")
    body = bytearray()
    while len(body) < BODY_MAX_BYTES and expected not in body:
        chunk = await reader.read(BODY_MAX_BYTES - len(body))
        if not chunk:
            break
        body += chunk
    if expected not in body:
        return Outcome(tcp.WRONG, "the body does not hold the expected text")
    return Outcome(tcp.REACHED, f"status {status}")


def _ranges(text: str) -> list[tuple[int, int]]:
    parts = [part.partition("-") for part in text.split(",")]
    return [(int(low), int(high or low)) for low, _, high in parts]


PLUGIN = HttpPlugin
