# SPDX-License-Identifier: Apache-2.0
"""The control socket of the mirror's daemon: programs of this node ask, wait, and the guard watches and orders."""
from __future__ import annotations

import logging
import os
import select
import socket
import threading
from pathlib import Path
from typing import Self

from flock.core.codec import codec_for
from flock.core.errors import FlockError, InvalidInput, Refused
from flock.core.records import replace
from flock.exec import localsocket
from sm.contract.mirror import REQUEST_MAX_BYTES, WAIT_MAX_S, MirrorReply, MirrorRequest, MirrorVerb
from sm.mirror.daemon import MirrorDaemon
from sm.mirror.standing import NO_ORDER

LOG = logging.getLogger(__name__)
TALKS_MAX = 64
WAITS_MAX = 48
"""Fewer than the connections: service management must get through when nothing is acknowledged."""
IDLE_S = 30.0
WRITE_S = 5.0
WATCH_S = 1.0
NEWS_S = 0.05
"""At most this often a watcher is told news."""


class Closed(Exception):
    """The connection ends."""


class ControlSocket:
    """Listens at ``path`` while the context lasts. Root may ask everything, members of ``group`` may wait and ask
    for the status; the kernel says who has connected."""

    def __init__(self, path: Path, group: str, daemon: MirrorDaemon) -> None:
        self._path, self._daemon = path, daemon
        self._group = group
        self._talks = threading.BoundedSemaphore(TALKS_MAX)
        self._waits = threading.BoundedSemaphore(WAITS_MAX)
        self._server: socket.socket

    def __enter__(self) -> Self:
        self._server = localsocket.bound(self._path, self._group)
        self._server.listen(TALKS_MAX)
        threading.Thread(target=self._accept, name="control", daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._path.unlink(missing_ok=True)
        self._server.close()

    def _accept(self) -> None:
        while not self._daemon.ended:
            try:
                talk, _ = self._server.accept()
            except OSError:
                return
            if not self._talks.acquire(blocking=False):
                talk.close()
                continue
            threading.Thread(target=self._serve, args=(talk,), name="program", daemon=True).start()

    def _serve(self, talk: socket.socket) -> None:
        try:
            with talk:
                root, member = self._rights(talk)
                pending = b""
                while True:
                    line, pending = self._line(talk, pending, IDLE_S)
                    request = self._request(talk, line)
                    if request.verb is MirrorVerb.WATCH and root:
                        self._watch(talk, pending)
                        return
                    if not root and not (member and request.verb in (MirrorVerb.STATUS, MirrorVerb.WAIT)):
                        self._say(talk, MirrorReply("only root may ask this" if member else "you may not ask"))
                        return
                    self._say(talk, self._answer(request))
        except (Closed, OSError):
            return
        finally:
            self._talks.release()

    def _answer(self, request: MirrorRequest) -> MirrorReply:
        try:
            match request.verb:
                case MirrorVerb.STATUS:
                    return MirrorReply(status=self._daemon.status())
                case MirrorVerb.WAIT:
                    if not 0 <= request.timeout_s <= WAIT_MAX_S:
                        raise InvalidInput(field="timeout_s", rule=f"must be a number from 0 to {WAIT_MAX_S}")
                    return MirrorReply(text=self._wait(request))
                case MirrorVerb.PROMOTE:
                    return MirrorReply(text=self._daemon.promote())
                case MirrorVerb.DEMOTE:
                    return MirrorReply(text=self._daemon.demote())
                case _:
                    return MirrorReply("this may be asked only after 'watch'")
        except FlockError as error:
            return MirrorReply(str(error))
        except Exception as error:
            LOG.exception("The request %s has failed", request.verb)
            return MirrorReply(f"the daemon has failed at this request: {type(error).__name__}")

    def _wait(self, request: MirrorRequest) -> str:
        if not self._waits.acquire(blocking=False):
            raise Refused(detail=f"{WAITS_MAX} others wait already")
        try:
            return self._daemon.wait(request.path, request.timeout_s)
        finally:
            self._waits.release()

    def _watch(self, talk: socket.socket, pending: bytes) -> None:
        """Push the status, and take the guard's orders in a thread of their own: they may wait for the disk."""
        over = threading.Event()
        number, session = [NO_ORDER], self._daemon.begin_session()

        def orders() -> None:
            nonlocal pending
            try:
                while not over.is_set():
                    ready, _, _ = select.select([talk], [], [], WATCH_S)
                    if not ready and b"\n" not in pending:
                        continue
                    line, pending = self._line(talk, pending, IDLE_S)
                    request = self._request(talk, line)
                    if request.verb is not MirrorVerb.REQUIRE:
                        return
                    self._daemon.require(session, frozenset(request.nodes), request.order)
                    number[0] = request.order
                    self._daemon.changed()
            except (Closed, FlockError, OSError, ValueError) as error:
                LOG.info("The guard's connection ends: %s", error)
            finally:
                over.set()
                self._daemon.changed()

        thread = threading.Thread(target=orders, name="orders", daemon=True)
        thread.start()
        seen = -1
        try:
            while not over.is_set() and not self._daemon.ended:
                seen = self._daemon.next_news(seen, WATCH_S)
                status = self._daemon.status()
                # An order of an earlier connection is none of this one.
                if status.enforced != number[0]:
                    status = replace(status, enforced=NO_ORDER)
                self._say(talk, MirrorReply(status=status))
                over.wait(NEWS_S)
        finally:
            over.set()
            thread.join()

    def _request(self, talk: socket.socket, line: bytes) -> MirrorRequest:
        try:
            request: MirrorRequest = codec_for(MirrorRequest).decode(line, "request")
        except InvalidInput as error:
            self._say(talk, MirrorReply(str(error)))
            raise Closed from None
        return request

    def _line(self, talk: socket.socket, pending: bytes, limit_s: float) -> tuple[bytes, bytes]:
        while b"\n" not in pending:
            if len(pending) > REQUEST_MAX_BYTES:
                raise Closed
            talk.settimeout(limit_s)
            chunk = talk.recv(REQUEST_MAX_BYTES)
            if not chunk:
                raise Closed
            pending += chunk
        line, _, pending = pending.partition(b"\n")
        return line, pending

    def _say(self, talk: socket.socket, reply: MirrorReply) -> None:
        talk.settimeout(WRITE_S)
        talk.sendall(codec_for(MirrorReply).encode(reply, "answer") + b"\n")

    def _rights(self, talk: socket.socket) -> tuple[bool, bool]:
        uid, _ = localsocket.peer(talk)
        root = uid in (0, os.getuid())
        return root, root or bool(self._group) and localsocket.is_member(self._group, talk)
