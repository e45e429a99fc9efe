# SPDX-License-Identifier: Apache-2.0
"""What the active node does: publishes its directory, feeds the others, and acknowledges what they have stored."""
from __future__ import annotations

import logging
import os
import select
import threading
import time
from collections.abc import Callable
from pathlib import PurePath

from flock.core.errors import DeadlineExceeded, Refused
from flock.core.records import replace
from sm.contract.mirror import PeerLine
from sm.mirror import names, standing
from sm.mirror.feeder import SEND_S, Feeder, now_ms
from sm.mirror.frames import Channel, Hello, PeerFailed, Stored, generation_of
from sm.mirror.holding import Holding
from sm.mirror.manifest import Limits, behind
from sm.mirror.publisher import Published, Publisher

LOG = logging.getLogger(__name__)
SETTLE_S = 0.005
"""Changes that come together become one generation."""
RETRY_S = 1.0


class Active:
    """One period in which this node is active. ``news`` is called whenever the status has changed."""

    def __init__(self, holding: Holding, limits: Limits, me: str, term: int, order: standing.Order, audit_s: float,
                 news: Callable[[], None]) -> None:
        self._holding, self._audit_s, self._news = holding, audit_s, news
        self._changed = threading.Condition()
        self._standing = standing.Standing(order)
        self._has: dict[str, Published] = {}
        self._channels: dict[str, Channel] = {}
        self._wakes: set[int] = set()
        self._stopped = threading.Event()
        self._stop = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._problem = ""
        self._publisher = Publisher(holding, limits, me, term, self._on_new)
        self._thread = threading.Thread(target=self._watch, name="watch", daemon=True)

    @property
    def now(self) -> Published:
        """The newest generation."""
        return self._publisher.now

    def start(self) -> None:
        """Publish the first generation, then watch. OSError: the directory cannot be read, or nothing be stored."""
        self._publisher.begin()
        self._thread.start()

    def drain(self, limit_s: float) -> bool:
        """Wait until the nodes that are in sync have everything; False when they do not within the limit."""
        generation = self._publisher.refresh().generation
        with self._changed:
            names_now = standing.in_sync(self._standing, now_ms())
            return self._changed.wait_for(
                lambda: all(self._standing.peer(name).stored >= generation for name in names_now
                            if self._standing.peer(name).connected), limit_s)

    def stop(self) -> None:
        """End all connections and watch no more; nothing is acknowledged any more."""
        self._stopped.set()
        os.eventfd_write(self._stop, 1)
        with self._changed:
            channels = list(self._channels.values())
            self._changed.notify_all()
        for channel in channels:
            channel.interrupt()
        if self._thread.is_alive():
            self._thread.join()
        self._publisher.close()
        with self._changed:
            # Those who feed others look at it until they end.
            if self._changed.wait_for(lambda: not self._wakes, SEND_S):
                os.close(self._stop)

    def renew(self, term: int) -> None:
        """This node leads in a newer term."""
        self._publisher.renew(term)

    def require(self, nodes: frozenset[str], number: int) -> None:
        """Acknowledge nothing without these nodes any more. Those that join must have all that was written before."""
        with self._changed:
            self._standing = replace(self._standing, order=standing.Order(nodes, standing.NO_ORDER))
        # Only now: what is acknowledged from here on is acknowledged by them as well.
        point = self._publisher.refresh().generation
        with self._changed:
            self._standing = replace(self._standing, order=standing.Order(nodes, number, point))
            self._changed.notify_all()
        self._news()

    def enforced(self) -> int:
        """The number of the order, if it holds."""
        with self._changed:
            return standing.enforced(self._standing, True)

    def wait(self, path: str, limit_s: float) -> str:
        """Return, with a sentence, when the required nodes have stored all that was written before the call.

        Refused: the path is not mirrored, or this node is active no more. DeadlineExceeded names the missing nodes.
        """
        ends_s = time.monotonic() + limit_s
        published = self._publisher.refresh()
        rule = unmirrored(published, path)
        if rule:
            raise Refused(detail=rule)
        generation = published.generation
        with self._changed:
            while True:
                if self._stopped.is_set():
                    raise Refused(detail="this node is not active any more, so nothing is acknowledged")
                lacking = standing.missing(self._standing, generation)
                if not lacking:
                    having = ", ".join(sorted(self._standing.order.nodes)) or "no other node, since none is required"
                    return f"Generation {generation} is stored by {having}."
                left_s = ends_s - time.monotonic()
                if left_s <= 0:
                    why = "; ".join(f"{name}: {standing.lag(self._standing, name, now_ms()) or 'it has not answered'}"
                                    for name in sorted(lacking))
                    raise DeadlineExceeded(what=f"Storing generation {generation} on all required nodes ({why})",
                                           timeout_s=f"{limit_s:g}")
                self._changed.wait(left_s)

    def lines(self) -> tuple[PeerLine, ...]:
        """What is known of the other nodes that have connected or are required."""
        with self._changed:
            known, has, now = self._standing, dict(self._has), self._publisher.now
        found, at = [], now_ms()
        for name in sorted({*known.peers, *known.order.nodes}):
            peer, reason = known.peer(name), standing.lag(known, name, at)
            files, size = behind(has[name].entries if name in has else {}, now.entries)
            if peer.connected and peer.stored >= now.generation:
                files = size = 0
            age_s = (at - peer.lacking_since_ms) / 1_000 if peer.lacking_since_ms >= 0 else 0.0
            found.append(PeerLine(name, peer.connected, not reason, str(peer.stored) if peer.connected else "",
                                  files, size, round(age_s, 1), reason))
        return tuple(found)

    def problems(self) -> tuple[str, ...]:
        """What is wrong, in sentences."""
        found = (self._problem, self._publisher.problem, self._publisher.now.incomplete)
        return tuple(text for text in found if text)

    def serve(self, channel: Channel, peer: str, hello: Hello) -> None:
        """Feed another node until the connection ends. A newer connection of the same node ends an older one."""
        wake = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        with self._changed:
            older = self._channels.get(peer)
            self._channels[peer] = channel
            self._wakes.add(wake)
            self._has.pop(peer, None)
            self._standing = standing.connected(self._standing, peer, now_ms())
        if older is not None:
            older.interrupt()
        LOG.info("%s has connected", peer)
        self._news()
        reason = "the connection has ended"
        try:
            if not self._stopped.is_set():
                def acknowledged(said: Stored, sent: Published, sent_ms: int) -> None:
                    self._stored(peer, said, sent, sent_ms)

                Feeder(channel, self._publisher, self._holding.records, acknowledged, wake, self._stop,
                       self._stopped).run(peer, hello)
        except (PeerFailed, OSError) as error:
            reason = str(error)
        finally:
            with self._changed:
                if self._channels.get(peer) is channel:
                    del self._channels[peer]
                    self._standing = standing.gone(self._standing, peer, reason)
                self._wakes.discard(wake)
                os.close(wake)
                self._changed.notify_all()
            LOG.warning("%s is gone: %s", peer, reason)
            self._news()

    def _stored(self, peer: str, said: Stored, now: Published, sent_ms: int) -> None:
        generation = generation_of(said)
        if generation != now.generation or said.digest != now.digest:
            raise PeerFailed(f"it acknowledges {generation} with digest {said.digest[:12]}, but {now.generation} with "
                             f"{now.digest[:12]} was sent")
        with self._changed:
            self._standing = standing.stored(self._standing, peer, generation, said.digest, sent_ms, now_ms())
            self._has[peer] = now
            self._changed.notify_all()
        self._news()

    def _on_new(self, published: Published) -> None:
        with self._changed:
            self._standing = standing.published(self._standing, published.generation,
                                                not published.incomplete, published.since_ms)
            for wake in self._wakes:
                os.eventfd_write(wake, 1)
            self._changed.notify_all()
        self._news()

    def _watch(self) -> None:
        audit_at_s = time.monotonic() + self._audit_s
        while not self._stopped.is_set():
            left_s = max(0.0, audit_at_s - time.monotonic())
            ready, _, _ = select.select([self._publisher.fileno(), self._stop], [], [], left_s)
            if self._publisher.fileno() in ready:
                self._stopped.wait(SETTLE_S)
                self._refreshed()
            elif not ready:
                self._audited()
                audit_at_s = time.monotonic() + self._audit_s

    def _refreshed(self) -> None:
        try:
            self._publisher.refresh()
            self._problem = ""
        except OSError as error:
            self._told(error)

    def _audited(self) -> None:
        try:
            unnoticed = self._publisher.audit(lambda: not self._stopped.is_set())
        except OSError as error:
            self._told(error)
            return
        if unnoticed:
            LOG.error("An audit has found %d changes of which the kernel had not told", unnoticed)

    def _told(self, error: OSError) -> None:
        text = f"the directory cannot be mirrored: {error}"
        if text != self._problem:
            LOG.error("%s", text)
        self._problem = text
        self._news()
        self._stopped.wait(RETRY_S)


def unmirrored(published: Published, path: str) -> str:
    """Why a write, or one of ``path`` (relative; empty: everything), is not in a generation; empty when it is."""
    if not path:
        return f"the directory is not mirrored completely: {published.incomplete}" if published.incomplete else ""
    name = names.quoted(os.fsencode(str(PurePath(path))))
    if name in published.left_out:
        return f"{path} is not mirrored: {published.left_out[name]}"
    return f"{path} is not mirrored now: {published.incomplete}" if published.held else ""


