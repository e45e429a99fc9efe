# SPDX-License-Identifier: Apache-2.0
"""The actions of sm-postgres. Each may be interrupted anywhere and carried out again.

The codes are those of OCF agents.
"""
from __future__ import annotations

import logging
import os
import sqlite3
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from flock.core.errors import FlockError
from sm.postgres import rejoin, session, texts
from sm.postgres.decisions import Peer, Plan, Step, may_give_up, plan
from sm.postgres.server import Server, ServerFailed
from sm.postgres.settings import Settings
from sm.postgres.waiting import Waiting
from sm.store import agreement
from sm.store.documents import Documents

LOG = logging.getLogger(__name__)
DONE, FAILED, NOT_RUNNING, PRIMARY, OUTDATED, STANDALONE = 0, 1, 7, 8, 33, 36
START_S = 90.0
STOP_S = 45.0
DEMOTE_STOP_S = 30.0
DEMOTE_START_S = 20.0
PROMOTE_S = 45
PEER_S = 4.0
ANSWER_S = 2.0
CHECKPOINT_S = 60.0
STUCK_S = 20.0
"""A standby that cannot follow the active node for this long is made anew."""
PEER_FACTS = "SELECT pg_is_in_recovery(), (SELECT system_identifier FROM pg_control_system())"
PEER_TIMELINE = "SELECT substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8)"


class Program:
    """One run for one action."""

    def __init__(self, settings: Settings) -> None:
        self.settings, self.server = settings, Server(settings)
        self._waiting = Waiting(settings.beside("unfilled"))

    def run(self, action: str) -> int:
        """Carry out an action; the exit code. FlockError, OSError: it has failed."""
        return self.actions()[action]()

    def actions(self) -> Mapping[str, Callable[[], int]]:
        """The actions by the words of the catalogue."""
        return {"start": self.start, "stop": self.stop, "promote": self.promote, "demote": self.demote,
                "monitor": self.monitor, "audit": self.monitor}

    def start(self) -> int:
        """Start the server as a standby, with data that can follow the active node. One that runs stays as it is.

        Without data, and when it cannot be copied now, this node waits as a standby of nobody; ``monitor`` has it
        started again when a copy can be made.
        """
        with self.server.locked("work"):
            if not self._start(START_S, may_rejoin=True):
                return STANDALONE
        return PRIMARY if self.server.is_primary() else DONE

    def stop(self) -> int:
        """Stop the server."""
        with self.server.locked("work"):
            self._waiting.stop()
            self.server.stop(STOP_S)
        return DONE

    def demote(self) -> int:
        """Make the server a standby."""
        with self.server.locked("work"):
            if self.server.pid() is not None and not self._is_standby():
                self.server.stop(DEMOTE_STOP_S)
            # What must be copied is copied by a start, which may take its time.
            return DONE if self._start(DEMOTE_START_S, may_rejoin=False) else STANDALONE

    def promote(self) -> int:
        """Make the server writable. From its first write on it waits for the nodes that the guard's file names."""
        with self.server.locked("work"), session.local(self.settings) as here:
            self.apply(here)
            if here.value("SELECT pg_is_in_recovery()"):
                LOG.info("promotes the server")
                if not here.value("SELECT pg_promote(true, %s)", (PROMOTE_S,), timeout_s=PROMOTE_S + 5):
                    raise ServerFailed(reason=f"the server is not promoted after {PROMOTE_S} s")
            self.ensure_access(here)
        return DONE

    def monitor(self) -> int:
        """Whether the server runs, and as what. A standby that cannot follow the active node counts as stopped after
        a while, so that it is started, and thereby made, anew."""
        if self.server.pid() is None:
            return self._without_server()
        with session.local(self.settings) as here:
            if not here.value("SELECT pg_is_in_recovery()"):
                return PRIMARY
            if here.value("SELECT count(*) FROM pg_stat_wal_receiver WHERE status = 'streaming'"):
                for mark in ("stuck", "rewound", "waits"):
                    self.settings.beside(mark).unlink(missing_ok=True)
                self.server.copy_certificate()
                return DONE
        return self._not_following()

    def apply(self, here: session.Session) -> str:
        """Have the server wait for the nodes that the guard's file names; the value of synchronous_standby_names.

        When this returns, commits wait. Whether they do at all is a word in shared memory that only the checkpointer
        writes, so after the first list two checkpoints make certain that it has done so; a mark says so to the next
        run when this one is interrupted. That a commit goes on by an earlier list is not ruled out by this.
        """
        mark = self.settings.beside("unproven")
        if not here.value("SHOW synchronous_standby_names"):
            mark.touch()
        names = self.server.configure(self._primary_of(), all_peers=False)
        self._reloaded(here)
        if names and mark.exists():
            for _ in range(2):
                here.rows("CHECKPOINT", timeout_s=CHECKPOINT_S)
        mark.unlink(missing_ok=True)
        return names

    def ensure_access(self, here: session.Session) -> None:
        """The role by which the peers replicate, and their slots. DatabaseAway."""
        for statement in texts.role_statements():
            here.rows(statement)
        ensure_slots(self.settings, here)

    def _without_server(self) -> int:
        """The code while no server runs: that is right only where a start has found nothing that it could start."""
        if not self._waiting.on:
            return NOT_RUNNING
        left_s = self._waiting.left_s()
        if left_s > 0:
            LOG.warning("waits: %d copies have failed; the next one begins in %.0f s", self._waiting.failures, left_s)
            return STANDALONE
        chosen = self._planned(self.active_peer())
        if chosen.waits:
            LOG.warning("waits: %s", chosen.reason)
            return STANDALONE
        LOG.info("%s", chosen.reason)
        return NOT_RUNNING

    def _not_following(self) -> int:
        """The code for a standby that gets nothing: marks it when there is an active node that it ought to follow."""
        since = self.settings.beside("waits")
        peer = self.active_peer()
        if peer is None or not self._superseded(peer):
            since.unlink(missing_ok=True)
            LOG.info("follows nobody" if peer is None else f"does not follow {peer.name} yet")
            return DONE if not self.settings.peers else STANDALONE if peer is None else OUTDATED
        now_s = time.clock_gettime(time.CLOCK_BOOTTIME)
        try:
            began_s = float(since.read_text())
        except (OSError, ValueError):
            began_s = now_s + 1
        if not now_s - STUCK_S * 100 < began_s <= now_s:
            since.write_text(str(now_s))
            return OUTDATED
        if now_s - began_s < STUCK_S:
            return OUTDATED
        LOG.warning("cannot follow %s", peer.name)
        self.settings.beside("stuck").touch()
        since.unlink(missing_ok=True)
        return NOT_RUNNING

    def _planned(self, peer: Peer | None, *, may_rejoin: bool = True) -> Plan:
        return plan(self.server.look(), peer if may_rejoin else None, peer is not None and self._superseded(peer))

    def _start(self, timeout_s: float, *, may_rejoin: bool) -> bool:
        """Whether the server runs; False: it has to wait for data. ServerFailed, or FlockError of the programs."""
        rejoin.settle(self.server)
        cluster = self.server.look()
        if not cluster.running:
            self.server.clear()
        peer = None if cluster.running else self.active_peer()
        chosen = self._planned(peer, may_rejoin=may_rejoin)
        if chosen.waits:
            if not self.settings.peers:
                raise ServerFailed(reason=chosen.reason)
            self._waiting.begin(failed=False)
            LOG.warning("waits: %s", chosen.reason)
            return False
        LOG.info("%s: %s", chosen.reason, ", then ".join(step.value for step in chosen.steps) or "nothing to do")
        self.server.configure(peer.name if peer is not None else self._primary_of(),
                              all_peers=not cluster.running or self._is_standby())
        for step in chosen.steps:
            if step is Step.FINISH_SEED:
                rejoin.finish_seed(self.server)
            elif step is Step.START:
                self.server.start(timeout_s)
            elif peer is not None and not (step is Step.REWIND and rejoin.rewind(self.server, peer)):
                try:
                    rejoin.seed(self.server, peer)
                except (FlockError, OSError) as error:
                    self._waiting.begin(failed=True)
                    LOG.warning("waits: the data of %s cannot be copied: %s", peer.name, error)
                    return False
        self._waiting.end()
        with session.local(self.settings) as here:
            if here.value("SELECT pg_is_in_recovery()"):
                ensure_slots(self.settings, here)
        return True

    def _is_standby(self) -> bool:
        try:
            return not self.server.is_primary()
        except session.DatabaseAway as error:
            LOG.warning("%s", error)
            return False

    def _primary_of(self) -> str:
        """The peer that a standby of this node asks for WAL when no peer is known to be active."""
        return min(self.settings.peers, default="")

    def active_peer(self) -> Peer | None:
        """The peer whose server can be written; None when none is reached."""
        self.server.copy_certificate()
        for name in sorted(self.settings.peers):
            try:
                with session.remote(self.settings, name, PEER_S) as there:
                    (recovering, system), = there.rows(PEER_FACTS, timeout_s=ANSWER_S)
                    if not recovering:
                        return Peer(name, str(system), int(there.value(PEER_TIMELINE, timeout_s=ANSWER_S), 16))
            except session.DatabaseAway as error:
                LOG.info("%s", error)
        return None

    def _superseded(self, peer: Peer) -> bool:
        path = Path(self.settings.store)
        try:
            connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=2.0)
        except sqlite3.Error as error:
            LOG.warning("%s cannot be read: %s", path, error)
            return False
        try:
            known = agreement.get(Documents(path, connection))
        except FlockError as error:
            LOG.warning("whose data is current is not known: %s", error)
            return False
        finally:
            connection.close()
        return known is not None and may_give_up(self.settings.name, known.record.members, peer.name)

    def _reloaded(self, here: session.Session) -> None:
        """Have the server read its configuration, and wait until new sessions have it. Somebody else may write a newer
        order into it meanwhile."""
        here.rows("SELECT pg_reload_conf()")
        end_s = time.monotonic() + PEER_S
        while True:
            with session.local(self.settings) as fresh:
                if fresh.value("SHOW synchronous_standby_names") == self.server.listed():
                    return
            if time.monotonic() >= end_s:
                raise ServerFailed(reason="synchronous_standby_names is set in another place than conf.d/sm.conf")
            time.sleep(0.02)


def ensure_slots(settings: Settings, here: session.Session) -> None:
    """A slot for each peer, anew where its WAL is gone. DatabaseAway."""
    for name in map(texts.slot, settings.peers):
        here.rows("SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots "
                  "WHERE slot_name = %s AND wal_status = 'lost' AND NOT active", (name,))
        here.rows("SELECT pg_create_physical_replication_slot(%s) WHERE NOT EXISTS "
                  "(SELECT FROM pg_replication_slots WHERE slot_name = %s)", (name, name))


def chosen_file() -> Path | None:
    """The settings that the catalogue names in the parameter ``settings``; None without it."""
    named = os.environ.get("settings", "")  # noqa: SIM112 - parameters of the catalogue have such names
    return Path(named) if named else None
