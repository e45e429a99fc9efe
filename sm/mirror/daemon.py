# SPDX-License-Identifier: Apache-2.0
"""The daemon of the mirrored directory: one role at a time, the listener for the other nodes, and the status."""
from __future__ import annotations

import contextlib
import logging
import os
import socket
import threading
import time
from collections.abc import Callable

from flock.core.errors import FlockError, Refused, Unavailable
from flock.service.notify import notify
from sm.contract.mirror import ACTIVE_MARK, PROBLEMS_MAX, MirrorRole, MirrorStatus, PeerLine
from sm.daemon.guard import read_required
from sm.mirror.active import Active
from sm.mirror.feeder import now_ms
from sm.mirror.follower import Follower, Site
from sm.mirror.frames import VERSION, Channel, Frame, Hello, PeerFailed
from sm.mirror.frames import Refused as RefusedFrame
from sm.mirror.holding import Holding
from sm.mirror.leadership import Leadership
from sm.mirror.lost import Lost
from sm.mirror.manifest import Limits
from sm.mirror.peers import NotTrusted, Trust
from sm.mirror.placing import NotStored
from sm.mirror.settings import MirrorSettings
from sm.mirror.standing import NO_ORDER, Order
from sm.transport.udp import canonical

LOG = logging.getLogger(__name__)
TALKS_MAX = 32
"""Also those who have not proved who they are, for HANDSHAKE_S."""
HELLO_S = 5.0
STOP_S = 20.0
DRAIN_S = 10.0
RENEW_S = 5.0
OUTDATED_S = 5.0
LIMITS = Limits()


class MirrorDaemon:
    """One start of the daemon, for one ``run``. It begins as standby; ``promote`` and ``demote`` change that."""

    def __init__(self, chosen: MirrorSettings, limits: Limits = LIMITS) -> None:
        self._chosen, self._limits = chosen, limits
        self.me = chosen.me
        self._others, self._sources = frozenset(chosen.addresses), frozenset(map(canonical, chosen.addresses.values()))
        self._trust = Trust(chosen.tls, self._others)
        self._leadership = Leadership(str(chosen.runtime / "control"))
        self._lost = Lost(chosen.state / "lost")
        self._holding = Holding(chosen.directory, limits)
        self._site = Site(chosen.me, chosen.address, chosen.addresses, chosen.port, self._trust, self._leadership,
                          self._lost, limits, chosen.audit_s)
        self._role = threading.Lock()
        self._active: Active | None = None
        self._follower: Follower | None = None
        self._ended = threading.Event()
        self._listener: socket.socket | None = None
        self._talks = threading.BoundedSemaphore(TALKS_MAX)
        self._news = threading.Condition()
        self._news_count = 0
        self._required = frozenset[str]()
        self._number = NO_ORDER
        self._session = 0
        self._mark = chosen.runtime / ACTIVE_MARK

    def run(self, opened: Callable[[MirrorDaemon], contextlib.AbstractContextManager[object]],
            idle: Callable[[float], object]) -> int:
        """Serve until ``idle``, which waits for so many seconds, returns something true. ``opened`` holds the control
        socket. Returns 0. OSError: it cannot start."""
        self._holding.open()
        self._required = self._ordered()
        family = socket.AF_INET6 if ":" in self._chosen.address else socket.AF_INET
        place = (self._chosen.address, self._chosen.port)
        with socket.create_server(place, family=family, backlog=TALKS_MAX) as server:
            self._listener = server
            with opened(self):
                self._follow()
                self._resume()
                threading.Thread(target=self._accept, name="accept", daemon=True).start()
                notify("READY=1")
                while not idle(RENEW_S):
                    self._renew()
                notify("STOPPING=1")
                self._ended.set()
            with self._role:
                self._end_role()
        return 0

    def promote(self) -> str:
        """Become active, as service management says. Refused: another one leads. Unavailable: it does not say."""
        with self._role:
            if self._active is not None:
                return "This node is active already."
            leader = self._leadership.ask()
            if leader.name != self.me:
                raise Refused(detail=f"service management says that {leader.name or 'nobody'} leads, not {self.me}")
            self._end_role()
            self._required = self._ordered()
            try:
                self._holding.complete()
                active = Active(self._holding, self._limits, self.me, leader.term, Order(self._required),
                                self._chosen.audit_s, self.changed)
                active.start()
            except (OSError, NotStored) as error:
                self._follow()
                raise Unavailable(service="sm-mirror", reason=f"the directory cannot be used: {error}") from error
            self._active = active
            self._mark.write_text(str(leader.term))
            if self._number != NO_ORDER:
                active.require(self._required, self._number)
            LOG.info("This node is active with generation %s, which %s must store", active.now.generation,
                     ", ".join(sorted(self._required)) or "nobody else")
        self.changed()
        return f"This node is active with generation {active.now.generation}."

    def demote(self) -> str:
        """This node becomes standby, after the nodes in sync have got everything, or 10 s."""
        with self._role:
            if self._active is None:
                if self._follower is None or self._follower.stopped:
                    self._end_role()
                    self._follow()
                return "This node is standby already."
            complete = False
            with contextlib.suppress(OSError):
                complete = self._active.drain(DRAIN_S)
            generation = self._active.now.generation
            self._mark.unlink(missing_ok=True)
            self._end_role()
            self._follow()
        LOG.info("This node is standby; the nodes in sync have %s of %s", "all" if complete else "not all", generation)
        self.changed()
        return f"This node is standby; the nodes in sync have {'everything' if complete else 'not everything'}."

    def wait(self, path: str, limit_s: float) -> str:
        """See ``Active.wait``; ``path`` is absolute, or empty."""
        active = self._active
        if active is None:
            raise Refused(detail=f"{self.me} is not active, so nothing is acknowledged here")
        if path:
            below = os.path.relpath(path, self._chosen.directory)
            if below.startswith("..") or below == ".":
                raise Refused(detail=f"{path} is not in {self._chosen.directory}")
            path = below
        try:
            return active.wait(path, limit_s)
        except OSError as error:
            raise Unavailable(service="sm-mirror", reason=str(error)) from error

    def begin_session(self) -> int:
        """The guard has connected. Orders of its earlier connections are not taken any more."""
        with self._role:
            self._session += 1
            return self._session

    def require(self, session: int, nodes: frozenset[str], number: int) -> None:
        """The guard's order. Refused: it names a node that is none, or its connection is not the newest; OSError: the
        directory cannot be read."""
        if not nodes <= self._others:
            raise Refused(detail=f"nodes must be of {', '.join(sorted(self._others))}")
        with self._role:
            if session != self._session:
                raise Refused(detail="a newer connection gives the orders")
            self._required, self._number = nodes, number
            if self._active is not None:
                self._active.require(nodes, number)
        self.changed()

    def changed(self) -> None:
        """Tell those who wait for it that the status has changed."""
        with self._news:
            self._news_count += 1
            self._news.notify_all()

    def next_news(self, seen: int, limit_s: float) -> int:
        """Wait until the status has changed since ``seen``, or the limit; returns what to give next time."""
        with self._news:
            self._news.wait_for(lambda: self._news_count != seen or self._ended.is_set(), limit_s)
            return self._news_count

    @property
    def ended(self) -> bool:
        """Whether the daemon ends."""
        return self._ended.is_set()

    def status(self) -> MirrorStatus:
        """All that is known."""
        active, follower = self._active, self._follower
        required, directory = tuple(sorted(self._required)), str(self._chosen.directory)
        if active is not None:
            now, lines = active.now, active.lines()
            return MirrorStatus(
                self.me, MirrorRole.ACTIVE, directory, now.generation.term, now.generation.number, now.digest, now_ms(),
                len(now.entries), sum(entry.size for entry in now.entries.values()),
                any(line.connected and not line.in_sync for line in lines), False, lines, required, active.enforced(),
                active.problems()[:PROBLEMS_MAX],
                tuple(f"{name}: {rule}" for name, rule in list(now.left_out.items())[:PROBLEMS_MAX]),
                self._lost.places())
        enforced = self._number if not self._required else NO_ORDER
        if follower is None:
            return MirrorStatus(self.me, MirrorRole.STANDBY, directory, 0, 0, "", now_ms(), required=required,
                                enforced=enforced)
        known = follower.now
        age_s = time.monotonic() - known.since_s if known.since_s >= 0 else 0.0
        lines = ()
        if known.leader in self._others:
            lines = (PeerLine(known.leader, bool(known.from_node), bool(known.from_node) and known.since_s < 0,
                              str(known.offered), *known.behind, round(age_s, 1), known.problem),)
        return MirrorStatus(self.me, MirrorRole.STANDBY, directory, known.stored.term, known.stored.number, "",
                            now_ms(), syncing=bool(known.from_node) and age_s > OUTDATED_S,
                            outdated=not known.from_node and known.leader in self._others and age_s > OUTDATED_S,
                            peers=lines, required=required, enforced=enforced,
                            problems=(known.problem,) if known.problem else (), lost=self._lost.places())

    def _resume(self) -> None:
        """Go on as the active node where an earlier daemon was one, if this node still leads in the same term."""
        try:
            term = int(self._mark.read_text())
            leader = self._leadership.ask()
            if (leader.name, leader.term) == (self.me, term):
                LOG.info("%s", self.promote())
                return
            self._mark.unlink()
        except FileNotFoundError:
            return
        except (OSError, ValueError, FlockError) as error:
            LOG.warning("This node was active, and is standby until it is promoted: %s", error)

    def _ordered(self) -> frozenset[str]:
        """Whom the guard requires, by its file: nothing may be acknowledged too early before it has spoken."""
        found = read_required(self._chosen.required)
        return self._others if found is None else found & self._others

    def _follow(self) -> None:
        self._follower = Follower(self._site, self._holding, self.changed)
        self._follower.start()

    def _end_role(self) -> None:
        follower, active = self._follower, self._active
        if follower is not None and not follower.stop(STOP_S):
            raise Unavailable(service="sm-mirror", reason=f"a generation is still being stored after {STOP_S:g} s")
        self._follower = self._active = None
        if active is not None:
            active.stop()

    def _renew(self) -> None:
        """The node may have been elected again."""
        with self._role:
            active = self._active
            if active is None:
                return
            try:
                leader = self._leadership.ask()
                if leader.name == self.me and leader.term > active.now.generation.term:
                    active.renew(leader.term)
                    self._mark.write_text(str(leader.term))
            except (FlockError, OSError) as error:
                LOG.debug("the term is not known: %s", error)

    def _accept(self) -> None:
        server = self._listener
        while server is not None and not self._ended.is_set():
            try:
                sock, (source, *_) = server.accept()
            except OSError:
                # Of the connection, or of the listener at the end; too many open files end by themselves.
                self._ended.wait(0.1)
                continue
            # Strangers' silent connections must not take the places of the nodes until they have to prove their names.
            if source not in self._sources or not self._talks.acquire(blocking=False):
                sock.close()
                continue
            threading.Thread(target=self._serve, args=(sock,), name="peer", daemon=True).start()

    def _serve(self, sock: socket.socket) -> None:
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            try:
                talk, peer = self._trust.accept(sock)
            except NotTrusted as error:
                LOG.warning("A connection is refused: %s", error)
                return
            channel = Channel(talk)
            try:
                self._greet(channel, peer)
            except PeerFailed as error:
                LOG.warning("%s: %s", peer, error)
            finally:
                channel.close()
        except OSError as error:
            LOG.debug("A connection ended at once: %s", error)
        finally:
            self._talks.release()

    def _greet(self, channel: Channel, peer: str) -> None:
        hello = channel.one(HELLO_S, Hello)
        active = self._active
        reason = ""
        if hello.version != VERSION or hello.node != peer:
            reason = f"{hello.node[:100]} with version {hello.version} is not {peer} with version {VERSION}"
        elif active is None:
            reason = f"{self.me} is not active"
        else:
            if hello.term > active.now.generation.term:
                self._renew()
            if hello.term > active.now.generation.term:
                reason = f"{self.me} is active in term {active.now.generation.term}, not in {hello.term}"
        if reason or active is None:
            channel.send(Frame.REFUSED, RefusedFrame(reason), HELLO_S)
            return
        channel.send(Frame.HELLO, Hello(VERSION, self.me, active.now.generation.term), HELLO_S)
        active.serve(channel, peer, hello)


