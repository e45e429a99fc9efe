# SPDX-License-Identifier: Apache-2.0
"""Bars a host that fills the memory or the disk of the message bus for some minutes, so that the others can go on."""
from __future__ import annotations

import logging
import time
from collections.abc import Callable

from flock.core.errors import Unavailable
from flock.exec import CommandFailed, CommandNotFound, CommandTimeout, OutputTooLong, run
from flock.rpc.accounts import EXCHANGE, HOST_PREFIX, BusConnection
from flock.rpc.admin import BusAdmin
from sysinv.model import busaccounts, busguard
from sysinv.model.busguard import Peer, Sample

LOG = logging.getLogger(__name__)
COMMAND_S = 5.0
CLEARED_AT_ONCE = 100
"""Queues and exchanges of barred hosts that one audit deletes; the broker takes some tens of milliseconds for each."""
FILLED = "it filled the memory of the message bus"
# RabbitMQ looks at its memory every few seconds.
RELIEF_S = 5.0
ASK_EVERY_S = 0.5
# A memory that is full for so long without a suspect was filled slowly.
# The broker has then freed what a connection held: a little, or hundreds of megabytes.
SEARCH_AFTER_S, SEARCH_RELIEF_S, SEARCH_RELIEF_MAX_S, TRIES_MAX = 15.0, 10.0, 60.0, 3


class BusGuard:
    """``audit`` runs every few seconds. ``refused`` is told the hostname and the reason; ``port`` is the broker's."""

    def __init__(self, admin: BusAdmin, port: int, connections_max: int, refused: Callable[[str, str], None],
                 clock: Callable[[], float] = time.monotonic, exchange: str = EXCHANGE) -> None:
        self._admin = admin
        self._port = port
        self._connections_max = connections_max
        self._refused = refused
        self._clock = clock
        self._exchange = exchange
        self._before: dict[Peer, int] = {}
        self._history: tuple[Sample, ...] = ()
        self._tried: set[str] = set()
        self._full_since_s: float | None = None
        self._barred: dict[str, float] | None = None

    def audit(self) -> None:
        """Note what each connection has sent; while the broker's memory or disk is full, bar who filled it.

        Unavailable: the broker's management does not answer.
        """
        barred = self._readmit()
        if barred:
            # A busy broker may not have closed all of their connections in time.
            connections = self._admin.connections()
            for account in barred:
                self._close(account, connections)
            self._clear(*barred)
        now = self._received()
        if self._bar_makers(barred) or self._bar_hoarders(barred):
            return
        if not self._admin.is_full():
            self._before = now
            self._history = busguard.remembered(self._history, Sample(self._clock(), now))
            self._tried.clear()
            self._full_since_s = None
            return
        if self._full_since_s is None:
            self._full_since_s = self._clock()
        # What was sent while the memory is full stays evidence until it is not.
        connections, before = self._admin.connections(), set(barred)
        suspects = busguard.suspects(connections, self._before, now, HOST_PREFIX)
        for account in suspects:
            self._bar(account, barred, connections)
            if self._is_relieved(RELIEF_S):
                return
        if (before.issuperset(suspects) and self._clock() - self._full_since_s >= SEARCH_AFTER_S
                and not self._was_barred_lately(barred)):
            self._search(barred, connections, now)

    def _bar_makers(self, barred: dict[str, float]) -> bool:
        """Bar who makes exchanges without end, before the memory is full; returns whether somebody was barred."""
        try:
            names = busguard.unusual(self._admin.exchanges(), self._exchange)
        except Unavailable as error:
            LOG.warning("what exchanges the message bus has is not known: %s", error)
            return False
        if len(names) <= busguard.HOST_EXCHANGES_MAX:
            return False
        accounts = [busaccounts.of_host(hostname, self._exchange) for hostname in self._admin.hosts()]
        found = [account for account in busguard.makers(
            names, {access.account: access.owned for access in accounts}) if account not in barred]
        connections = self._admin.connections() if found else []
        for account in found:
            self._bar(account, barred, connections, "it made exchanges in the message bus without end")
        return bool(found)

    def _bar_hoarders(self, barred: dict[str, float]) -> bool:
        """Bar whose connections and queues hold much, before the memory is full; returns whether somebody was barred.

        Then nobody else is looked for before the next audit, because the broker needs seconds to free what they held.
        """
        try:
            held = self._admin.held()
        except Unavailable as error:
            LOG.warning("what connections hold in the message bus is not known: %s", error)
            return False
        if sum(held.values()) < busguard.HELD_BYTES:
            return False
        connections = self._admin.connections()
        owners = {connection.name: connection.account for connection in connections}
        for hostname in self._admin.hosts():
            access = busaccounts.of_host(hostname, self._exchange)
            owners.update(dict.fromkeys(access.queues, access.account))
        found = [account for account in busguard.hoarders(owners, held, HOST_PREFIX) if account not in barred]
        for account in found:
            self._bar(account, barred, connections)
        return bool(found) and self._is_relieved(RELIEF_S)

    def _bar(self, account: str, barred: dict[str, float], connections: list[BusConnection], why: str = FILLED) -> None:
        self._admin.limit_connections(account, 0)
        barred[account] = self._clock() + busguard.BARRED_S
        self._tell(account, why)
        self._close(account, connections)
        self._clear(account)

    def _clear(self, *accounts: str) -> None:
        """Delete what barred hosts have made in the broker: bindings hold their arguments in its memory for good.

        What the conductor made for them stays. A broker that is busy deletes them at a later audit, and
        so what is many: until the last one the guard would see nothing else.
        """
        try:
            queues, exchanges = [queue.name for queue in self._admin.queues()], self._admin.exchanges()
            for account in accounts:
                access = busaccounts.of_host(account.removeprefix(HOST_PREFIX), self._exchange)
                self._admin.clear(access, [name for name in queues if name not in access.queues], exchanges,
                                  CLEARED_AT_ONCE)
        except Unavailable as error:
            LOG.warning("what %s left in the message bus is not deleted yet: %s", ", ".join(accounts), error)

    def _search(self, barred: dict[str, float], connections: list[BusConnection], now: dict[Peer, int]) -> None:
        """Close the connections of one host after the other, until the memory is free: the last one filled it.

        The others may connect again; their agents do. At most TRIES_MAX hosts an audit, each once; the controllers' own
        agents only when it is none of the other hosts.
        """
        found = busguard.candidates(connections, self._history, now, HOST_PREFIX)
        left = [(account, size) for account, size in busguard.search_order(found)
                if account not in barred and account not in self._tried]
        for account, size in left[:TRIES_MAX]:
            self._tried.add(account)
            self._admin.limit_connections(account, 0)
            self._close(account, connections)
            # Who sent much is given more time, so that the memory that it held is not put down to the next one.
            if self._is_relieved(SEARCH_RELIEF_MAX_S if size >= busguard.SUSPECT_BYTES else SEARCH_RELIEF_S):
                barred[account] = self._clock() + busguard.BARRED_S
                self._tell(account)
                self._clear(account)
                return
            self._admin.limit_connections(account, self._connections_max)
        if len(left) <= TRIES_MAX:
            # Everybody was tried; whoever connects from now on is tried anew.
            self._tried.clear()

    def _close(self, account: str, connections: list[BusConnection]) -> None:
        """Close all connections of an account; one that the busy broker does not close keeps no other open."""
        for connection in connections:
            if connection.account == account:
                try:
                    self._admin.close(connection.name)
                except Unavailable as error:
                    LOG.warning("connection %s is not closed: %s", connection.name, error)

    def _tell(self, account: str, why: str = FILLED) -> None:
        hostname = account.removeprefix(HOST_PREFIX)
        self._refused(hostname, f"{why}, and may not connect for {busguard.BARRED_S / 60:g} minutes")
        LOG.warning("host %s may not connect to the message bus for %d s: %s", hostname, busguard.BARRED_S, why)

    def _was_barred_lately(self, barred: dict[str, float]) -> bool:
        """Whether the broker may still be freeing what a barred host had filled; nobody else is blamed then."""
        lately_s = self._clock() + busguard.BARRED_S - SEARCH_RELIEF_MAX_S
        return any(until_s > lately_s for until_s in barred.values())

    def _is_relieved(self, within_s: float) -> bool:
        end = self._clock() + within_s
        while self._admin.is_full():
            if self._clock() >= end:
                return False
            time.sleep(ASK_EVERY_S)
        return True

    def _readmit(self) -> dict[str, float]:
        """End what has lasted long enough; returns the end of the others by account."""
        now_s = self._clock()
        if self._barred is None:
            # The broker keeps the limit, also while this process was away.
            self._barred = dict.fromkeys(self._admin.barred(), now_s + busguard.BARRED_S)
        over = [name for name, until_s in self._barred.items() if now_s >= until_s]
        # The account of a host that was deleted meanwhile is gone, and the broker refuses a limit for it.
        still = self._admin.barred() if over else []
        for account in over:
            if account in still:
                self._admin.limit_connections(account, self._connections_max)
                LOG.info("account %s may connect to the message bus again", account)
            del self._barred[account]
        return self._barred

    def _received(self) -> dict[Peer, int]:
        try:
            done = run(["ss", "-tinHO", "state", "established", "sport", "=", f":{self._port}"], timeout_s=COMMAND_S)
        except (CommandFailed, CommandNotFound, CommandTimeout, OutputTooLong) as error:
            LOG.warning("connections of the message bus cannot be listed: %s", error)
            return self._before
        return busguard.received(done.out)
