# SPDX-License-Identifier: Apache-2.0
"""``sm-postgres watch``: looks at the server for sm-daemon, and has it wait for the nodes that the daemon requires.

A process of its own, because a database that stands still must not hold up the daemon. The daemon writes an order per
line to its input and reads what was seen from its output; both are JSON.
"""
from __future__ import annotations

import contextlib
import logging
import os
import select
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from flock.core.codec import codec_for
from flock.core.errors import FlockError, InvalidInput
from sm.daemon.guard import NOTHING_PROVEN, read_required
from sm.postgres import session, texts
from sm.postgres.observe import Sender, Standbys, obeys, position
from sm.postgres.program import Program
from sm.postgres.reports import Order, Seen

LOG = logging.getLogger(__name__)
PERIOD_S = 0.25
QUERY_S = 3.0
LINE_MAX = 65_536
SENDERS = ("SELECT application_name, pid, state, sync_state, sync_priority, flush_lsn::text, reply_time::text "
           "FROM pg_stat_replication WHERE state IS NOT NULL")


@dataclass(slots=True)
class _Life:
    """One start of the server as the active one. ``proven``: the list by which every commit waits; None before that is
    known. ``open``: whether the role and the slots of the peers are there."""

    started: str
    standbys: Standbys = field(default_factory=Standbys)
    proven: str | None = None
    open: bool = False


class Watcher:
    """Looks once per call."""

    def __init__(self, program: Program) -> None:
        self._program, self._settings = program, program.settings
        self._order: Order | None = None
        self._enforced = NOTHING_PROVEN
        self._life: _Life | None = None
        self._here: session.Session | None = None

    def take(self, order: Order) -> None:
        """Have another order carried out from now on."""
        self._order = order

    def look(self) -> Seen:
        """Look at the server, and carry out what is not in force yet."""
        at_ms = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1_000_000
        try:
            in_sync = self._look(at_ms)
        except (FlockError, OSError) as error:
            self.close()
            return Seen(at_ms, self._enforced, problem=str(error))
        return Seen(at_ms, self._enforced, tuple(sorted(in_sync)))

    def close(self) -> None:
        """Close the connection."""
        if self._here is not None:
            self._here.close()
        self._here = None

    def _look(self, at_ms: int) -> frozenset[str]:
        if self._program.server.pid() is None:
            self.close()
            self._life = None
            return frozenset()
        here = self._session()
        (recovering, started), = here.rows("SELECT pg_is_in_recovery(), pg_postmaster_start_time()::text",
                                           timeout_s=QUERY_S)
        if recovering:
            # It acknowledges nothing, and is promoted with the list of the guard's file.
            self._life = None
            return frozenset()
        if self._life is None or self._life.started != started:
            self._life = _Life(started)
        if not self._life.open:
            with self._program.server.locked("work"):
                self._program.apply(here)
                self._program.ensure_access(here)
            self._life.open = True
        self._enforce(here, self._life)
        written, senders = self._senders(here)
        found = self._life.standbys.see(senders, texts.priorities(self._life.proven or ""), written, at_ms)
        return found & frozenset(self._settings.peers)

    def _enforce(self, here: session.Session, life: _Life) -> None:
        """Bring the order into force, and prove it."""
        order = self._order
        if order is None or (order.number <= self._enforced and life.proven is not None):
            return
        if read_required(Path(self._settings.required)) != frozenset(order.nodes):
            # The daemon has a newer order, which it is about to send.
            return
        names = self._program.apply(here)
        if frozenset(texts.priorities(names)) != frozenset(order.nodes):
            return
        if not obeys(self._senders(here)[1], texts.priorities(names)):
            return
        if life.proven != names:
            LOG.info("commits wait for %s", names or "no other node")
        # Whoever is complete up to here has all that was acknowledged before this order was in force.
        life.standbys.rebase(self._senders(here)[0])
        life.proven, self._enforced = names, order.number

    def _senders(self, here: session.Session) -> tuple[int, list[Sender]]:
        written = position(here.value("SELECT pg_current_wal_flush_lsn()::text", timeout_s=QUERY_S))
        rows = here.rows(SENDERS, timeout_s=QUERY_S)
        return written, [Sender(node, pid, state, sync, priority or 0, position(flushed), reply or "")
                         for node, pid, state, sync, priority, flushed, reply in rows]

    def _session(self) -> session.Session:
        if self._here is None:
            self._here = session.kept(self._settings, QUERY_S)
        return self._here


def watch(program: Program) -> int:
    """Look and report until the input ends; returns 0."""
    watcher = Watcher(program)
    orders, seen = codec_for(Order), codec_for(Seen)
    with contextlib.suppress(BrokenPipeError), program.server.locked("watch", timeout_s=3_600):
        lines = _Lines(sys.stdin.buffer)
        while True:
            for line in lines.within(PERIOD_S):
                try:
                    watcher.take(orders.decode(line, "order"))
                except InvalidInput as error:
                    LOG.error("an order is ignored: %s", error)
            if lines.ended:
                break
            sys.stdout.buffer.write(seen.encode(watcher.look(), "seen") + b"\n")
            sys.stdout.buffer.flush()
    watcher.close()
    return 0


class _Lines:
    """The lines of a pipe, as far as they have come."""

    def __init__(self, stream: BinaryIO) -> None:
        self._descriptor = stream.fileno()
        self._buffer = b""
        self.ended = False

    def within(self, timeout_s: float) -> list[bytes]:
        """The lines that come within this time; returns at once when the first has come."""
        readable, _, _ = select.select([self._descriptor], [], [], timeout_s)
        if readable:
            chunk = os.read(self._descriptor, LINE_MAX)
            self.ended = not chunk or len(self._buffer) > LINE_MAX
            self._buffer += chunk
        *lines, self._buffer = self._buffer.split(b"\n")
        return lines
