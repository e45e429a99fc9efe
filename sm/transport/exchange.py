# SPDX-License-Identifier: Apache-2.0
"""Sends beats on every path and hands over those that are authentic, new and of a sender that is alive."""
from __future__ import annotations

import asyncio
import functools
import logging
import socket
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from flock.core.errors import FlockError, InvalidInput
from flock.core.records import replace
from sm.contract.messages import Beat, KeyReport, Snapshot
from sm.core.admission import Admission, Verdict
from sm.core.snapshots import Assembly, split
from sm.transport import codec
from sm.transport.budget import BudgetReader
from sm.transport.codec import Refusal
from sm.transport.fallback import Fallback
from sm.transport.keyring import EVERYBODY, Keyring
from sm.transport.settings import PathLink, Peer, checked
from sm.transport.udp import PathSockets, Source, canonical, drain

LOG = logging.getLogger(__name__)
READS_PER_WINDOW = 150
"""Of each path's sockets: 15,000 datagrams per second."""
CHORES_S = 1.0
SILENT_CHORES_MAX = 5
"""A path on which nothing was taken by multicast, or by unicast where it has no group, for so many chores gets new
sockets: its memberships may be gone, and a new one is told to the switch."""
SUMMARY_CHORES = 60
_REFUSALS = {Verdict.REPLAYED: Refusal.REPLAYED, Verdict.LATE: Refusal.LATE, Verdict.GREETED: Refusal.GREETED}

Deliver = Callable[[str, Beat, bool], None]
"""``deliver(path, beat, is_new)`` for each accepted beat on each path. ``is_new``: it is newer than all before of its
boot. A snapshot in it is whole; that of a beat that came in pieces comes with the last piece."""


@dataclass(slots=True)
class _Path:
    link: PathLink
    sockets: PathSockets
    by_source: Mapping[Source, Peer]
    targets: tuple[tuple[str, str, int], ...]
    """Receiver, address and port of what is sent on the path: the group, and each that is not reached by it."""
    members: Mapping[str, tuple[str, str, int]]
    """The same of each node that is reached by the group, for when multicast does not arrive."""
    fallback: Fallback
    readers: list[BudgetReader] = field(default_factory=list)
    silent_chores: int = 0


def _path(link: PathLink, sockets: PathSockets) -> _Path:
    targets = [(peer.name, peer.address, peer.port) for peer in link.peers if link.group is None or peer.witness]
    if link.group is not None and len(targets) < len(link.peers):
        targets.append((EVERYBODY, link.group, link.port))
    by_source = {(canonical(peer.address), peer.port): peer for peer in link.peers}
    members = {peer.name: (peer.name, peer.address, peer.port) for peer in link.peers
               if link.group is not None and not peer.witness}
    return _Path(link, sockets, by_source, tuple(targets), members, Fallback(members))


class Exchange:
    """The messaging of one boot of one node, or of a witness, in the running event loop.

    ``clock`` returns monotonic milliseconds. ``taken`` and ``refused`` count by path, and by path and reason. A
    simulation has ``sockets`` of its own, never starts this, and calls ``received`` and ``chores``.
    """

    def __init__(self, node: str, boot: str, links: tuple[PathLink, ...], keyring: Keyring,
                 clock: Callable[[], int], deliver: Deliver,
                 sockets: Callable[[PathLink], PathSockets] = PathSockets) -> None:
        self.node = node
        self.boot = boot
        self._keyring = keyring
        self._clock = clock
        self._deliver = deliver
        self._body_max = min(link.datagram_max for link in checked(links, node)) - codec.OVERHEAD_BYTES
        self._paths = [_path(link, sockets(link)) for link in links]
        self._others = tuple(sorted({peer.name for link in links for peer in link.peers}))
        self._admission = Admission(node, boot)
        self._assembly = Assembly()
        self._reports: dict[str, KeyReport] = {}
        self._decoded: dict[str, tuple[bytes, Beat]] = {}
        self._newest: dict[str, tuple[str, int]] = {}
        self._sequence = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._chores: asyncio.TimerHandle | None = None
        self._chores_done = 0
        self.taken: Counter[str] = Counter()
        self.unsent: Counter[str] = Counter()
        self.refused: Counter[tuple[str, Refusal]] = Counter()
        self._summed: Counter[str] = Counter()

    def start(self) -> None:
        """Open the paths; one that cannot be opened is tried again every second."""
        self._loop = asyncio.get_running_loop()
        self.recheck()
        self._chores = self._loop.call_later(CHORES_S, self._do_chores, self._loop)

    def stop(self) -> None:
        """Close the paths."""
        self._loop = None
        if self._chores is not None:
            self._chores.cancel()
        for path in self._paths:
            self._close(path)

    def recheck(self) -> None:
        """Open anew each path that is closed, whose device was replaced, or that failed; call on changes of devices."""
        for path in self._paths:
            if self._loop is not None and not path.sockets.is_current:
                self._open(path, self._loop)

    def send(self, beat: Beat) -> None:
        """Send a beat of this boot on every path; a snapshot that does not fit goes in pieces.

        Adds the greetings and what concerns keys. InvalidInput when the beat fits into no datagram. A datagram that
        cannot leave is counted, no more: the next beat comes soon.
        """
        if beat.boot != self.boot:
            raise ValueError(f"a beat of boot {beat.boot}, not {self.boot}")
        now_ms = self._clock()
        unheard = {path.link.name: nodes for path in self._paths if (nodes := path.fallback.unheard(now_ms))}
        beat = replace(beat, greetings=self._admission.greetings(now_ms), keys=self._keyring.ring.report,
                       offers=self._keyring.offers(self._others, self._reports), unheard=unheard)
        if beat.snapshot is None:
            body, flags = codec.encode(beat)
            if len(body) > self._body_max:
                raise InvalidInput(field="beat", rule=f"must fit into {self._body_max} bytes, not {len(body)}")
            self._send_body(body, flags)
            return
        bodies: dict[int, tuple[bytes, int]] = {}

        def fits(piece: Snapshot) -> bool:
            bodies[piece.part] = codec.encode(replace(beat, snapshot=piece))
            return len(bodies[piece.part][0]) <= self._body_max

        for piece in split(beat.snapshot, fits):
            self._send_body(*bodies[piece.part])

    def problems(self) -> dict[str, str]:
        """By path, what hinders it now, in words."""
        return {path.link.name: path.sockets.error for path in self._paths if path.sockets.error}

    def dropped(self) -> dict[str, int]:
        """By path, how many datagrams the kernel has dropped: of strangers, and more than the buffer holds."""
        return {path.link.name: path.sockets.dropped for path in self._paths}

    def _send_body(self, body: bytes, flags: int) -> None:
        self._sequence += 1
        now_ms = self._clock()
        for path in self._paths:
            name = path.link.name
            # These come first, so that ``problems`` says how the multicast fared: the node may well be down.
            for node in path.fallback.needed(now_ms):
                receiver, address, port = path.members[node]
                path.sockets.send(codec.seal(body, flags, self._sequence, *self._keyring.signing(name, receiver)),
                                  address, port)
            for receiver, address, port in path.targets:
                data = codec.seal(body, flags, self._sequence, *self._keyring.signing(name, receiver))
                if not path.sockets.send(data, address, port):
                    self.unsent[name] += 1

    def received(self, name: str, receiver: str, data: bytes, source: Source) -> None:
        """A datagram has come on the path of that name; ``receiver``: this node, or EVERYBODY for the group."""
        path = next(path for path in self._paths if path.link.name == name)
        self._judged(path, receiver, data, source, self._clock())

    def chores(self) -> None:
        """What is due every ``CHORES_S``."""
        for path in self._paths:
            path.silent_chores += 1
            if path.silent_chores > SILENT_CHORES_MAX and self._loop is not None:
                path.silent_chores = 0
                self._open(path, self._loop)
        self.recheck()
        self._on_keys(functools.partial(self._keyring.advance, self._others, self._reports))
        self._chores_done += 1
        if self._chores_done % SUMMARY_CHORES == 0:
            self._sum_up()

    def _read(self, path: _Path, receiver: str, sock: socket.socket, most: int) -> int:
        now_ms = self._clock()
        return drain(sock, most, lambda data, source: self._judged(path, receiver, data, source, now_ms))

    def _judged(self, path: _Path, receiver: str, data: bytes, source: Source, now_ms: int) -> None:
        refusal = self._take(path, receiver, data, source, now_ms)
        if refusal is not None:
            self.refused[path.link.name, refusal] += 1

    def _take(self, path: _Path, receiver: str, data: bytes, source: Source, now_ms: int) -> Refusal | None:
        """Judge one datagram; nothing changes before its digest is verified."""
        peer = path.by_source.get(source)
        if peer is None:
            return Refusal.STRANGER
        opened = codec.opened(data, self._keyring.verifying(path.link.name, peer.name, receiver))
        if isinstance(opened, Refusal):
            return opened
        body, flags, sequence = opened
        beat = self._decode(peer.name, body, flags)
        if isinstance(beat, Refusal):
            return beat
        if beat.node != peer.name:
            return Refusal.SENDER
        verdict = self._admission.admit(path.link.name, beat, sequence, now_ms)
        if verdict is Verdict.REPLAYED and path.fallback.is_twin(peer.name, sequence, receiver, now_ms):
            return None
        if verdict is not Verdict.ACCEPTED:
            return _REFUSALS[verdict]
        self.taken[path.link.name] += 1
        if receiver == EVERYBODY or peer.name not in path.members:
            # Unicast that replaces multicast is no reason to keep the membership as it is.
            path.silent_chores = 0
        path.fallback.heard(peer.name, sequence, receiver, now_ms)
        self._accept(path, beat, now_ms)
        return None

    def _decode(self, node: str, body: bytes, flags: int) -> Beat | Refusal:
        """The beat in a body; that of the last body when it came on another path just before."""
        last = self._decoded.get(node)
        if last is not None and last[0] == body:
            return last[1]
        beat = codec.decode(body, flags)
        if isinstance(beat, Beat):
            self._decoded[node] = (body, beat)
        return beat

    def _accept(self, path: _Path, beat: Beat, now_ms: int) -> None:
        for each in self._paths:
            # A node says on every path on which of them it misses this node's multicast.
            each.fallback.told(beat.node, self.node in beat.unheard.get(each.link.name, ()), now_ms)
        if beat.keys is not None:
            self._reports[beat.node] = beat.keys
        offer = beat.offers.get(self.node)
        if offer is not None:
            self._on_keys(functools.partial(self._keyring.take, beat.node, offer))
        if beat.snapshot is not None:
            beat = replace(beat, snapshot=self._assembly.add(beat.node, beat.boot, beat.snapshot))
        boot, sequence = self._newest.get(beat.node, ("", 0))
        is_new = boot != beat.boot or beat.sequence > sequence
        if is_new:
            self._newest[beat.node] = (beat.boot, beat.sequence)
        self._deliver(path.link.name, beat, is_new)

    def _on_keys(self, change: Callable[[], None]) -> None:
        try:
            change()
        except (OSError, FlockError) as error:
            LOG.warning("keys of service management stay as they are: %s", error)

    def _open(self, path: _Path, loop: asyncio.AbstractEventLoop) -> None:
        self._close(path)
        before = path.sockets.error
        if not path.sockets.open() and path.sockets.error != before:
            LOG.warning("path %s is closed: %s", path.link.name, path.sockets.error)
        for sock, receiver in ((path.sockets.own, self.node), (path.sockets.group, EVERYBODY)):
            if sock is not None:
                read = functools.partial(self._read, path, receiver)
                path.readers.append(BudgetReader(loop, sock, read, READS_PER_WINDOW))

    def _close(self, path: _Path) -> None:
        for reader in path.readers:
            reader.close()
        path.readers.clear()
        path.sockets.close()

    def _do_chores(self, loop: asyncio.AbstractEventLoop) -> None:
        self._chores = loop.call_later(CHORES_S, self._do_chores, loop)
        self.chores()

    def _sum_up(self) -> None:
        """One line for all that was refused since the last one."""
        told = Counter({f"{path} {reason}": count for (path, reason), count in self.refused.items()})
        told.update({f"{path} dropped by the kernel": count for path, count in self.dropped().items()})
        lately, self._summed = told - self._summed, told
        if lately:
            LOG.warning("datagrams refused: %s", ", ".join(f"{what} {count}" for what, count in sorted(lately.items())))
