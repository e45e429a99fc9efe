# SPDX-License-Identifier: Apache-2.0
"""The sending side, on controllers: sends one multicast pulse per period and network; verifies and counts answers.

Replies to hosts that do not know its chain yet. Hosts that multicast does not reach get the pulse also by unicast.
"""
from __future__ import annotations

import logging
import os
import socket
import uuid as uuid_module
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from mtce.contract import pulsekey
from mtce.core.fallback import Fallback
from mtce.core.heartbeat import Change, Detector, Watch
from mtce.core.heartbeat import Path as PulsePath
from mtce.core.pulse import Pulser
from mtce.heartbeat import codec, sockets
from mtce.heartbeat.settings import Link

LOG = logging.getLogger(__name__)
ALIVE_TRIES_MAX = 3
ANSWERS_PER_WINDOW = 500
REPLIES_PER_ADDRESS = 16
REPLIED_ADDRESSES_MAX = 1_000
"""Limits of the replies to questions between two pulses."""


@dataclass(frozen=True, slots=True)
class Alive:
    """A genuine mtcAlive of a monitored host: its agent's JSON, not parsed here."""

    uuid: str
    payload: bytes


class Beam:
    """One network of the sender: its socket and the pulse that awaits answers."""

    def __init__(self, link: Link, group: str, cluster_key: bytes) -> None:
        self.link = link
        self._cluster_key = cluster_key
        self._pulser = Pulser(link.network, os.urandom)
        self._address: str | None = None
        self._replies: Counter[str] = Counter()
        self.sock: socket.socket = sockets.bound(link.answer_port)
        self.request = codec.Request(link.network, 0, b"\0" * codec.NONCE_BYTES)
        self.paths: dict[bytes, tuple[PulsePath, bytes]] = {}
        self.addresses: dict[bytes, str] = {}
        self._fallback = Fallback()
        self.alives: list[Alive] = []
        self._spoken: dict[bytes, int] = {}
        self._group = group
        self._index: int | None = None
        self._sent: bool | None = None
        self._was_pulsed = True

    def pulse(self, now_ms: int) -> None:
        """Send the next request; answers to earlier ones no longer count."""
        self.request = codec.Request(self.link.network, *self._pulser.pulse(now_ms))
        self._spoken.clear()
        self._replies.clear()
        self._address = None
        self._sent = self._send()
        self._send_to_silent(now_ms)

    def _send_to_silent(self, now_ms: int) -> None:
        """Send the request by unicast to the hosts that do not answer multicast; one that got both answers once."""
        data = b""
        for host_id in self._fallback.due([(host_id, path) for host_id, (path, _) in self.paths.items()], now_ms):
            address = self.addresses.get(host_id)
            if address is not None and self._sent:
                data = data or codec.encode_request(self.request)
                sockets.send(self.sock, data, (address, self.link.request_port))

    def _send(self) -> bool:
        """Hand the request to the network; returns False without an interface, a route, or room in the buffer."""
        index = sockets.interface_index(self.link.interface)
        if index is None:
            self._index = None
            return False
        try:
            if index != self._index:
                sockets.confine(self.sock, self.link.interface)
                sockets.send_through(self.sock, index)
                self._index = index
        except OSError:
            # The interface went between the two calls.
            return False
        return sockets.send(self.sock, codec.encode_request(self.request), (self._group, self.link.request_port))

    def is_pulsed(self, sys_class_net: Path) -> bool:
        """Whether the present request went out: it was sent, and the link is up. Logs each change."""
        if self._sent is None:
            return False
        pulsed = self._sent and sockets.link_is_up(self.link.interface, sys_class_net)
        if pulsed != self._was_pulsed:
            self._was_pulsed = pulsed
            text = "pulses leave again" if pulsed else "no pulse leaves, so nothing is known of any host there"
            LOG.log(logging.INFO if pulsed else logging.WARNING, "%s (%s): %s", self.link.network, self.link.interface,
                    text)
        return pulsed

    def on_readable(self, now_ms: int, most: int = sockets.DRAIN_MAX) -> int:
        """Note the genuine answers to the present pulse and the mtcAlives received with them; reply to questions.

        Reads at most ``most`` datagrams and returns how many.
        """
        sequence, paths, request, count = self.request.sequence, self.paths, self.request, 0
        for data, asker in sockets.drain(self.sock, most):
            count += 1
            host_id = codec.answering_host(data, sequence)
            if host_id is None:
                question = codec.decode_question(data)
                if question is None:
                    self._note_alive(data)
                else:
                    self._reply(question, asker, now_ms)
                continue
            known = paths.get(host_id)
            if known is not None and not known[0].answered and codec.is_genuine(data, request, known[1]):
                known[0].answered = True
        return count

    def _reply(self, question: codec.Question, asker: tuple[str, int], now_ms: int) -> None:
        """Tell a host where the chain stands, if it asked this sender's own address and not that of a relay.

        Everything in a reply but its signature is public. So whoever asks gets one, within the limit per pulse.
        """
        standing = self._pulser.standing(now_ms)
        if question.network != self.link.network or standing is None or self._is_excess(asker[0]):
            return
        self._replies[asker[0]] += 1
        if self._address is None and self._index is not None:
            self._address = sockets.source_address(self._index, self._group)
        if self._address is not None and question.address == socket.inet_aton(self._address):
            key = pulsekey.derive(self._cluster_key, question.hostname)
            sockets.send(self.sock, codec.encode_reply(question, standing, key), asker)

    def _is_excess(self, address: str) -> bool:
        asked = self._replies.get(address, 0)
        return asked >= REPLIES_PER_ADDRESS or (not asked and len(self._replies) >= REPLIED_ADDRESSES_MAX)

    def _note_alive(self, data: bytes) -> None:
        """Note one mtcAlive per host and pulse; limits the signature checks that forged ones can cause."""
        host_id = codec.speaking_host(data, self.request.sequence)
        known = None if host_id is None else self.paths.get(host_id)
        if host_id is None or known is None or self._spoken.get(host_id, 0) >= ALIVE_TRIES_MAX:
            return
        self._spoken[host_id] = self._spoken.get(host_id, 0) + 1
        payload = codec.genuine_payload(data, self.request, known[1])
        if payload is not None:
            self._spoken[host_id] = ALIVE_TRIES_MAX
            self.alives.append(Alive(known[0].uuid, payload))


class Sender:
    """Sends pulses on all networks at the same time and evaluates the answers. Callers pass monotonic milliseconds."""

    def __init__(self, links: tuple[Link, ...], group: str, cluster_key: bytes, detector: Detector,
                 sys_class_net: Path = Path("/sys/class/net")) -> None:
        self.beams = [Beam(link, group, cluster_key) for link in links]
        self.detector = detector
        self._cluster_key = cluster_key
        self._keys: dict[str, bytes] = {}
        self._addresses: dict[str, dict[str, str]] = {}
        self._without_link: set[str] = set()
        self._sys_class_net = sys_class_net

    def watch_all(self, watches: list[Watch]) -> None:
        """Replace the monitored hosts."""
        self.detector.watch_all(watches)
        self._keys = {watch.uuid: pulsekey.derive(self._cluster_key, watch.hostname) for watch in watches}
        self._addresses = {watch.uuid: dict(watch.addresses) for watch in watches}
        self._index_paths()

    def watch(self, watch: Watch) -> None:
        """Start or restart one host."""
        self.detector.watch(watch)
        self._keys[watch.uuid] = pulsekey.derive(self._cluster_key, watch.hostname)
        self._addresses[watch.uuid] = dict(watch.addresses)
        self._index_paths()

    def unwatch(self, uuid: str) -> None:
        """Stop one host."""
        self.detector.unwatch(uuid)
        self._keys.pop(uuid, None)
        self._addresses.pop(uuid, None)
        self._index_paths()

    def tick(self, now_ms: int) -> list[Change]:
        """Evaluate the period that ends now and begin the next one."""
        for beam in self.beams:
            beam.on_readable(now_ms)
        pulsed = frozenset(beam.link.network for beam in self.beams
                           if beam.is_pulsed(self._sys_class_net))
        changes = self.detector.on_tick(now_ms, pulsed)
        for beam in self.beams:
            beam.pulse(now_ms)
        return changes

    def take_alives(self) -> list[Alive]:
        """Return the mtcAlives noted since the last call."""
        taken = [alive for beam in self.beams for alive in beam.alives]
        for beam in self.beams:
            beam.alives.clear()
        return taken

    def close(self) -> None:
        """Close the sockets."""
        for beam in self.beams:
            beam.sock.close()

    def _index_paths(self) -> None:
        for beam in self.beams:
            beam.paths = {}
            beam.addresses = {}
        by_network = {beam.link.network: beam for beam in self.beams}
        for change in self.detector.present():
            found = by_network.get(change.network)
            if found is None and change.network not in self._without_link:
                self._without_link.add(change.network)
                LOG.warning("%s: this host has no interface there, so nothing is known of any host", change.network)
            path = self.detector.path(change.uuid, change.network)
            if found is not None and path is not None:
                host_id = uuid_module.UUID(change.uuid).bytes
                found.paths[host_id] = (path, self._keys[change.uuid])
                address = self._addresses[change.uuid].get(change.network)
                if address is not None:
                    found.addresses[host_id] = address
