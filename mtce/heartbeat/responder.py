# SPDX-License-Identifier: Apache-2.0
"""The answering side, on every host: joins the pulse group on a network and answers the pulses of known senders."""
from __future__ import annotations

import logging
import os
import socket
from dataclasses import dataclass

from mtce.core.pulse import ANSWER, ASK, Listener
from mtce.heartbeat import codec, sockets
from mtce.heartbeat.alive import AliveNote
from mtce.heartbeat.settings import Link

LOG = logging.getLogger(__name__)
REQUESTS_PER_WINDOW = 250
REPLIES_PER_WINDOW = 50
BUFFER_BYTES = 256 * 1024
"""Holds what comes in one window; a long queue would make answers late."""


@dataclass(frozen=True, slots=True)
class Identity:
    """The answering host: the 16 bytes of its UUID, its name, and its own key."""

    host_id: bytes
    hostname: str
    key: bytes


class Responder:
    """Answers the pulses of one network. Joins the group again when a missing or replaced interface appears.

    Answers go to the address that proved to be a sender's, and only pulses that came by this network's interface count.
    With ``note`` also sends the agent's latest mtcAlive once to each sender.
    """

    def __init__(self, link: Link, group: str, host: Identity, note: AliveNote | None = None) -> None:
        self.link = link
        self._note = note
        self.answered = 0
        self._group = group
        self._host = host
        self._joined: int | None = None
        self._listener = Listener(link.network, os.urandom)
        self.sock: socket.socket = sockets.bound(link.request_port, BUFFER_BYTES)
        sockets.tell_interface(self.sock)
        # Replies come to a port of its own: several hosts of a test share the request port.
        self.asking: socket.socket = sockets.unbound()
        self.asking.bind(("", 0))

    def check_membership(self) -> None:
        """Join the group when the interface has appeared or changed; call every few seconds."""
        index = sockets.interface_index(self.link.interface)
        if index is None or index == self._joined:
            if index is None:
                self._joined = None
            return
        try:
            sockets.confine(self.sock, self.link.interface)
            sockets.join(self.sock, self._group, index)
        except OSError as error:
            LOG.warning("%s: cannot join %s: %s", self.link.interface, self._group, error)
            return
        self._joined = index
        LOG.info("%s: answering pulses of %s", self.link.interface, self._group)

    def on_readable(self, now_ms: int, most: int) -> int:
        """Answer at most ``most`` waiting pulses, at ``now_ms`` (monotonic); return how many datagrams were read."""
        count = 0
        for data, address, index in sockets.drain_through(self.sock, most):
            count += 1
            if index != self._joined:
                continue
            request = codec.decode_request(data)
            if request is not None and request.network == self.link.network:
                self._hear(request, address, now_ms)
        return count

    def on_reply(self, now_ms: int, most: int) -> int:
        """Learn from at most ``most`` waiting replies of senders; return how many datagrams were read."""
        count = 0
        for data, (address, _) in sockets.drain(self.asking, most):
            count += 1
            asked = self._listener.asked(address, now_ms)
            if asked is None:
                continue
            standing = codec.genuine_reply(data, self._question(address, asked.nonce), self._host.key)
            if standing is not None:
                self._listener.learn(address, standing, now_ms)
                LOG.debug("%s: %s proved to be a sender", self.link.interface, address)
        return count

    def _hear(self, request: codec.Request, address: str, now_ms: int) -> None:
        verdict = self._listener.hear(address, request.sequence, request.nonce, now_ms)
        if verdict is ANSWER:
            self._answer(request, address, now_ms)
        elif verdict is ASK:
            question = self._question(address, self._listener.ask(address, now_ms))
            sockets.send(self.asking, codec.encode_question(question), (address, self.link.answer_port))

    def _question(self, address: str, nonce: bytes) -> codec.Question:
        return codec.Question(self.link.network, nonce, socket.inet_aton(address), self._host.hostname)

    def _answer(self, request: codec.Request, address: str, now_ms: int) -> None:
        where = (address, self.link.answer_port)
        if sockets.send(self.asking, codec.encode_answer(request, self._host.host_id, self._host.key), where):
            self.answered += 1
        payload = None if self._note is None else self._note.due(address, now_ms)
        if payload is not None:
            sockets.send(self.asking, codec.encode_alive(request, self._host.host_id, self._host.key, payload), where)

    def close(self) -> None:
        """Leave the group."""
        self.sock.close()
        self.asking.close()
