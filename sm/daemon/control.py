# SPDX-License-Identifier: Apache-2.0
"""The control socket: one JSON request per line from root and one group, one JSON answer per line."""
from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
from collections.abc import Callable
from pathlib import Path

from flock.core.codec import codec_for
from flock.core.errors import FlockError, InvalidInput
from flock.core.records import replace
from flock.exec import localsocket
from sm.contract.control import ANSWER_MAX_BYTES, REQUEST_MAX_BYTES, Reply, Request

LOG = logging.getLogger(__name__)
TALKS_MAX = 16
IDLE_S = 30.0
WRITE_S = 5.0

Answer = Callable[[Request], Reply]
"""Carries out a request at once. FlockError: it is refused, with the reason."""


class ControlSocket:
    """Listens at ``path``. The kernel says who has connected (SO_PEERCRED): root and the members of ``group`` are
    answered. A connection ends after the first line that is no request, and after 30 idle seconds."""

    def __init__(self, path: Path, group: str, answer: Answer) -> None:
        self._path, self._group, self._answer = path, group, answer
        self._server: asyncio.Server | None = None
        self._talks: set[asyncio.Task[None]] = set()

    async def open(self) -> None:
        """Bind the socket. OSError: it cannot be bound; InvalidInput: the group does not exist."""
        made = localsocket.bound(self._path, self._group, socket.SOCK_NONBLOCK)
        try:
            self._server = await asyncio.start_unix_server(self._begin, sock=made, limit=REQUEST_MAX_BYTES)
        except OSError:
            made.close()
            raise

    async def close(self) -> None:
        """Listen no more and end all connections."""
        if self._server is not None:
            self._server.close()
            self._path.unlink(missing_ok=True)
        for task in list(self._talks):
            task.cancel()
        await asyncio.gather(*self._talks, return_exceptions=True)

    def _begin(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(self._talks) >= TALKS_MAX:
            writer.transport.abort()
            return
        task = asyncio.get_running_loop().create_task(self._serve(reader, writer))
        self._talks.add(task)
        task.add_done_callback(self._talks.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with contextlib.suppress(OSError, TimeoutError, ValueError, asyncio.IncompleteReadError):
                allowed = self._allowed(writer.get_extra_info("socket"))
                goes_on = True
                while goes_on:
                    async with asyncio.timeout(IDLE_S):
                        line = await reader.readline()
                    if not line:
                        return
                    reply, goes_on = self._replied(line, allowed)
                    writer.write(_encoded(reply))
                    async with asyncio.timeout(WRITE_S):
                        await writer.drain()
        finally:
            writer.close()

    def _replied(self, line: bytes, allowed: bool) -> tuple[Reply, bool]:
        """The answer, and whether the connection goes on."""
        if not allowed:
            members = f" and members of the group {self._group}" if self._group else ""
            return Reply("", f"only root{members} may ask"), False
        try:
            request: Request = codec_for(Request).decode(line, "request")
        except InvalidInput as error:
            return Reply("", str(error)), False
        try:
            return replace(self._answer(request), id=request.id), True
        except FlockError as error:
            return Reply(request.id, str(error)), True
        except Exception as error:
            LOG.exception("The request %s has failed", request.verb)
            return Reply(request.id, f"the daemon has failed at this request: {type(error).__name__}"), True

    def _allowed(self, talk: socket.socket) -> bool:
        uid, _ = localsocket.peer(talk)
        return uid in (0, os.getuid()) or bool(self._group) and localsocket.is_member(self._group, talk)


def _encoded(reply: Reply) -> bytes:
    data = codec_for(Reply).encode(reply, "answer") + b"\n"
    if len(data) <= ANSWER_MAX_BYTES:
        return data
    return codec_for(Reply).encode(Reply(reply.id, f"the answer has {len(data)} bytes, which is too much"),
                                   "answer") + b"\n"
