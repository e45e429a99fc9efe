# SPDX-License-Identifier: Apache-2.0
"""Takes notices of services on a socket of this node: only from root, and from the account of the service."""
from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import pwd
import socket
from collections.abc import Callable
from pathlib import Path

from flock.core.codec import codec_for
from flock.core.errors import InvalidInput
from flock.exec import localsocket
from sm.contract.notices import NOTICE_MAX_BYTES, Answer, Notice
from sm.core.events import AuditNow
from sm.core.model import Catalogue

LOG = logging.getLogger(__name__)

TALKS_MAX = 16
TALK_S = 5.0


class NoticeSocket:
    """Listens at ``path``; ``report`` gets ``AuditNow`` for each accepted notice.

    The directory belongs to root alone. Everybody may connect, because a service may run under any account: who it is
    is asked of the kernel (SO_PEERCRED). Each connection brings one notice, within five seconds.
    """

    def __init__(self, path: Path, catalogue: Catalogue, report: Callable[[AuditNow], None]) -> None:
        self._path, self._catalogue, self._report = path, catalogue, report
        self._socket: socket.socket | None = None
        self._talks: set[asyncio.Task[None]] = set()

    def use(self, catalogue: Catalogue) -> None:
        """Take another catalogue."""
        self._catalogue = catalogue

    def open(self) -> None:
        """Bind the socket. Raises OSError; PermissionError when others than root could put another one in its place."""
        self._path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        status = self._path.parent.stat()
        if status.st_uid != os.getuid() or status.st_mode & 0o022:
            raise PermissionError(f"{self._path.parent} must belong to this user and be writable by nobody else")
        self._path.unlink(missing_ok=True)
        made = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET | socket.SOCK_NONBLOCK)
        try:
            made.bind(str(self._path))
            self._path.chmod(0o666)
            made.listen(TALKS_MAX)
        except OSError:
            made.close()
            raise
        self._socket = made
        asyncio.get_running_loop().add_reader(made.fileno(), self._accept)

    async def close(self) -> None:
        """Listen no more."""
        if self._socket is not None:
            asyncio.get_running_loop().remove_reader(self._socket.fileno())
            self._socket.close()
            self._socket = None
            self._path.unlink(missing_ok=True)
        for task in list(self._talks):
            task.cancel()
        await asyncio.gather(*self._talks, return_exceptions=True)

    def _accept(self) -> None:
        if self._socket is None:
            return
        try:
            talk, _ = self._socket.accept()
        except OSError:
            return
        if len(self._talks) >= TALKS_MAX:
            talk.close()
            return
        talk.setblocking(False)
        task = asyncio.get_running_loop().create_task(self._serve(talk))
        self._talks.add(task)
        task.add_done_callback(self._talks.discard)

    async def _serve(self, talk: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        with talk, contextlib.suppress(OSError, TimeoutError):
            async with asyncio.timeout(TALK_S):
                data = await loop.sock_recv(talk, NOTICE_MAX_BYTES + 1)
                answer = self._answer(data, localsocket.peer(talk)[0])
                await loop.sock_sendall(talk, codec_for(Answer).encode(answer, "answer"))

    def _answer(self, data: bytes, uid: int) -> Answer:
        if len(data) > NOTICE_MAX_BYTES:
            return Answer(False, f"a notice has at most {NOTICE_MAX_BYTES} bytes")
        try:
            notice: Notice = codec_for(Notice).decode(data, "notice")
        except InvalidInput as exc:
            return Answer(False, str(exc))
        spec = self._catalogue.services.get(notice.service)
        # Who may not speak for a service does not learn which services there are.
        if uid != 0 and (spec is None or _uid(spec.user) != uid):
            LOG.warning("User %s may not send notices for %.64r", uid, notice.service)
            return Answer(False, "only root and the account of the service may send this")
        if spec is None:
            return Answer(False, "there is no such service")
        LOG.info("%s: %s", notice.service, notice.event)
        self._report(AuditNow(notice.service))
        return Answer(True)


def _uid(user: str) -> int | None:
    if not user:
        return None
    try:
        return pwd.getpwnam(user).pw_uid
    except KeyError:
        return None
