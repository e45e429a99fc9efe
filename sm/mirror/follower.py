# SPDX-License-Identifier: Apache-2.0
"""What a standby does: connects to the node that leads, and stores its generations."""
from __future__ import annotations

import contextlib
import datetime
import hashlib
import logging
import socket
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from flock.core.backoff import Backoff
from flock.core.errors import FlockError, InvalidInput
from flock.core.records import replace
from sm.mirror.acceptance import refusal
from sm.mirror.frames import (
    VERSION,
    Again,
    Channel,
    Content,
    Frame,
    Full,
    Hello,
    PeerFailed,
    Stored,
    Update,
    Want,
    generation_of,
)
from sm.mirror.holding import Holding, write_all
from sm.mirror.leadership import Leadership
from sm.mirror.lost import Lost
from sm.mirror.manifest import NONE, Entry, Generation, Limits, Manifest, applied, behind, digest, manifest
from sm.mirror.peers import NotTrusted, Trust
from sm.mirror.placing import NotStored, together
from sm.mirror.plan import plan, sources, unacknowledged

LOG = logging.getLogger(__name__)
CONNECT_S = 3.0
FIRST_S = 60.0
"""For the first list, which the active node makes while it becomes active."""
NEXT_S = 5.0
CHUNK_S = 10.0
SEND_S = 10.0
LEADER_AGE_S = 0.5
"""Service management is asked again before a generation is stored, unless it has just answered."""
NO_LEADER_S = 0.5
_PAUSES = Backoff(first_s=0.2, max_s=5.0)


@dataclass(frozen=True, slots=True)
class Following:
    """``from_node``: the connected active node, or empty. ``offered``: the newest generation that it has told of.
    ``behind``: files and bytes that this node lacks of it. ``since_s``: when (monotonic) something began to be lacking;
    -1: nothing is. ``leader``: whom service management named last."""

    from_node: str = ""
    offered: Generation = NONE
    stored: Generation = NONE
    behind: tuple[int, int] = (0, 0)
    since_s: float = -1
    leader: str = ""
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Site:
    """Of this node: its name, its address, those of the others, their port, and where what it gives up is kept."""

    me: str
    address: str
    addresses: Mapping[str, str]
    port: int
    trust: Trust
    leadership: Leadership
    lost: Lost
    limits: Limits
    audit_s: float


class Follower:
    """One period in which this node is standby. ``news`` is called whenever ``now`` has changed."""

    def __init__(self, site: Site, holding: Holding, news: Callable[[], None]) -> None:
        self._site, self._holding, self._news = site, holding, news
        self.now = Following()
        self._stopped = threading.Event()
        self._channel: Channel | None = None
        self._thread = threading.Thread(target=self._run, name="follow", daemon=True)

    def start(self) -> None:
        """Begin to follow whoever leads."""
        self._thread.start()

    @property
    def stopped(self) -> bool:
        """Whether nothing more is taken."""
        return self._stopped.is_set()

    def stop(self, limit_s: float) -> bool:
        """Take nothing more. Waits for a generation that is being put in place; False when that takes too long."""
        self._stopped.set()
        channel = self._channel
        if channel is not None:
            channel.interrupt()
        if self._thread.ident is not None:
            self._thread.join(limit_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        attempts = 0
        while not self._stopped.is_set():
            began_s = time.monotonic()
            try:
                leader = self._site.leadership.ask(LEADER_AGE_S).name
                if leader not in self._site.addresses:
                    self._tell(Following(leader=leader, stored=self.now.stored))
                    self._stopped.wait(NO_LEADER_S)
                    continue
                self._tell(replace(self.now, leader=leader))
                self._session(leader)
            except (PeerFailed, NotTrusted, NotStored, FlockError, OSError) as error:
                self._failed(str(error))
            attempts = 1 if time.monotonic() - began_s > _PAUSES.max_s else attempts + 1
            self._stopped.wait(_PAUSES.pause_s(attempts))

    def _failed(self, reason: str) -> None:
        if self._stopped.is_set():
            return
        if reason != self.now.problem:
            LOG.warning("This node does not follow: %s", reason)
        since_s = self.now.since_s if self.now.since_s >= 0 else time.monotonic()
        self._tell(replace(self.now, from_node="", since_s=since_s, problem=reason))

    def _session(self, peer: str) -> None:
        self._holding.complete()
        have = self._looked(False)
        held = self._holding.records.held()
        # The other node takes connections only from this address.
        plain = socket.create_connection((self._site.addresses[peer], self._site.port), CONNECT_S,
                                         source_address=(self._site.address, 0))
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        channel = self._channel = Channel(self._site.trust.connect(plain, peer))
        try:
            if self._stopped.is_set():
                raise PeerFailed("this node stops to follow")
            term = self._site.leadership.ask(LEADER_AGE_S).term
            channel.send(Frame.HELLO, Hello(VERSION, self._site.me, term, held.origin == self._site.me), SEND_S)
            hello = channel.one(FIRST_S, Hello)
            if hello.version != VERSION or hello.node != peer:
                raise PeerFailed(f"it says that it is {hello.node[:100]} with version {hello.version}; "
                                 f"{peer} with version {VERSION} was expected")
            self._follow(channel, peer, have)
        finally:
            self._channel = None
            channel.close()

    def _follow(self, channel: Channel, peer: str, have: Manifest) -> None:
        filled, audit_at_s = False, time.monotonic() + self._site.audit_s
        while not self._stopped.is_set():
            expected = (Frame.UPDATE, Frame.QUIET) if filled else (Frame.FULL,)
            frame, said = channel.receive(NEXT_S if filled else FIRST_S, *expected)
            if isinstance(said, Full):
                want = manifest(said.entries, self._site.limits)
                reference = self._holding.records.reference(self._site.me, said.base)
                filled = self._take(channel, peer, said, have, want, reference)
                have = want if filled else have
            elif isinstance(said, Update):
                want = applied(have, said.changed, said.removed, self._site.limits)
                if self._take(channel, peer, said, have, want, have):
                    have = want
            elif frame is Frame.QUIET:
                if time.monotonic() >= audit_at_s:
                    self._audit(have)
                    audit_at_s = time.monotonic() + self._site.audit_s
                self._acknowledge(channel, self.now.stored, digest(have))

    def _take(self, channel: Channel, peer: str, said: Full | Update, have: Manifest, want: Manifest,
              reference: Manifest | None) -> bool:
        """Store a generation and acknowledge it; False when a file has changed on the other node meanwhile."""
        generation = generation_of(said)
        self._check(peer, generation)
        if digest(want) != said.digest:
            raise PeerFailed(f"the list of generation {generation} has not the digest that was told")
        since_s = self.now.since_s if self.now.since_s >= 0 else time.monotonic()
        self._tell(replace(self.now, from_node=peer, offered=generation, behind=behind(have, want), since_s=since_s,
                           problem=""))
        changed = self._fetch(channel, have, want)
        if changed is not None:
            channel.send(Frame.AGAIN, Again(changed), SEND_S)
            return False
        self._check(peer, generation)
        text = self._site.lost.keep(self._holding.tree, unacknowledged(have, reference, want),
                                    datetime.datetime.now(datetime.UTC))
        if text:
            LOG.warning("%s", text)
        self._holding.put(peer, generation, have, want)
        self._holding.forget_staged()
        self._tell(replace(self.now, stored=generation, behind=(0, 0), since_s=-1))
        self._acknowledge(channel, generation, said.digest)
        return True

    def _check(self, peer: str, generation: Generation) -> None:
        if self._stopped.is_set():
            raise PeerFailed("this node stops to follow")
        leader = self._site.leadership.ask(LEADER_AGE_S)
        rule = refusal(self._site.me, peer, generation, leader, self._holding.records.held())
        if rule:
            raise PeerFailed(f"generation {generation} is refused: {rule}")

    def _fetch(self, channel: Channel, have: Manifest, want: Manifest) -> str | None:
        """Stage all new content. Returns the name of a file that has changed meanwhile; None when all is there."""
        files = plan(have, want).files
        local, wanted, many = sources(have), [], together(len(files))
        for entry in files:
            if self._holding.is_staged(entry):
                continue
            source = local.get(entry.digest)
            if source is None or not self._holding.stage_local(entry, source, many):
                wanted.append(entry)
        if not wanted:
            return None
        channel.send(Frame.WANT, Want(tuple(entry.name for entry in wanted)), SEND_S)
        changed: str | None = None
        for entry in wanted:
            # The other node sends all that was asked for, also after a file that has changed.
            if not self._receive(channel, entry, many):
                changed = changed or entry.name
        return changed

    def _receive(self, channel: Channel, entry: Entry, many: bool) -> bool:
        content = channel.one(CHUNK_S, Content)
        if content.name != entry.name or content.size not in (-1, entry.size):
            raise PeerFailed(f"it sends {content.size} bytes of {content.name[:200]} instead of {entry.size} of "
                             f"{entry.name}")
        if content.size < 0:
            return False
        made, left = hashlib.sha256(), entry.size
        with contextlib.suppress(_Changed), self._holding.staging(entry, many) as out:
            while left:
                data = channel.receive(CHUNK_S, Frame.DATA)[1]
                if not data or len(data) > left:
                    raise PeerFailed(f"it sends more or less than the content of {entry.name}")
                made.update(data)
                write_all(out, data)
                left -= len(data)
            if made.hexdigest() != entry.digest:
                raise _Changed
            return True
        return False

    def _acknowledge(self, channel: Channel, generation: Generation, word: str) -> None:
        channel.send(Frame.STORED, Stored(generation.term, generation.number, word), SEND_S)

    def _audit(self, have: Manifest) -> None:
        if self._looked(True) != have:
            raise NotStored("an audit has found files that are not as they were stored; they are fetched anew")

    def _looked(self, afresh: bool) -> Manifest:
        found = self._holding.tree.scan(afresh=afresh)
        if found.too_much:
            raise InvalidInput(field="directory", rule="this node's own directory holds more than can be mirrored")
        return found.entries

    def _tell(self, now: Following) -> None:
        if now != self.now:
            self.now = now
            self._news()


class _Changed(Exception):
    """The content is not that of the entry any more."""
