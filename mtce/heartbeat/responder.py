# SPDX-License-Identifier: Apache-2.0
"""The answering side, on every host: joins the pulse group on a network and answers each pulse with a signature."""
from __future__ import annotations

import logging
import socket

from mtce.heartbeat import codec, sockets
from mtce.heartbeat.alive import AliveNote
from mtce.heartbeat.settings import Link

LOG = logging.getLogger(__name__)


class Responder:
    """Answers the pulses of one network. Joins the group again when a missing or replaced interface appears.

    With ``note`` also sends the agent's latest mtcAlive once to each sender.
    """

    def __init__(self, link: Link, group: str, host_id: bytes, key: bytes, note: AliveNote | None = None) -> None:
        self.link = link
        self._note = note
        self.answered = 0
        self._group = group
        self._host_id = host_id
        self._key = key
        self._joined: int | None = None
        self.sock: socket.socket = sockets.bound(link.request_port)

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

    def on_readable(self, now_ms: int) -> None:
        """Answer all waiting pulses, at ``now_ms`` (monotonic)."""
        for data, (address, _) in sockets.drain(self.sock):
            request = codec.decode_request(data)
            if request is not None and request.network == self.link.network:
                answer = codec.encode_answer(request, self._host_id, self._key)
                if sockets.send(self.sock, answer, (address, self.link.answer_port)):
                    self.answered += 1
                payload = None if self._note is None else self._note.due(address, now_ms)
                if payload is not None:
                    alive = codec.encode_alive(request, self._host_id, self._key, payload)
                    sockets.send(self.sock, alive, (address, self.link.answer_port))

    def close(self) -> None:
        """Leave the group."""
        self.sock.close()
