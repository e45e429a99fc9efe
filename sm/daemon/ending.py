# SPDX-License-Identifier: Apache-2.0
"""Ends the daemon of a node: on a signal, with its host, or after defects."""
from __future__ import annotations

import asyncio
from typing import Protocol

from sm.core.domain.events import Departing, Pausing, Tick
from sm.core.node.view import NodeView
from sm.daemon.departure import AWAY_MS, Departure
from sm.systemd.shutdown import Shutdown

ANNOUNCEMENTS = 2
"""Further beats that say so, since one may be lost."""
BROKEN_S = 30
"""How long a daemon whose steps fail tries to stop what is bound to the lease or a grant."""


class Node(Protocol):
    """What is needed of the daemon."""

    @property
    def view(self) -> NodeView:
        """The present view."""

    def feed(self, event: Departing | Pausing | Tick) -> None:
        """Have the step take in an event."""

    def note(self, text: str) -> None:
        """Write into the journal."""

    def now_ms(self) -> int:
        """The monotonic clock."""


class Work(Protocol):
    """What is needed of the reactor. ``broken``: why its steps fail."""

    broken: str

    @property
    def bound_active(self) -> tuple[str, ...]:
        """The groups that are active here and may be so only with the lease or a grant."""


class Ending:
    """``stop_services``: SIGTERM first moves and stops what is active here. ``over`` is set when the daemon may end."""

    def __init__(self, node: Node, work: Work, stop_services: bool, stop_s: int) -> None:
        self._node, self._work, self._stop_services = node, work, stop_services
        self._departure, self.shutdown = Departure(stop_s), Shutdown(self._host_goes_down)
        self._task: asyncio.Task[None] | None = None
        self.over = asyncio.Event()

    @property
    def begun(self) -> bool:
        """Whether nothing may be active on this node any more."""
        return self._departure.begun

    def asked(self) -> None:
        """SIGTERM. The second one does not wait any more."""
        if self._stop_services and not self._departure.begun:
            self._node.note("the services of this node are moved and stopped, then its daemon ends")
            self._departure.leave(self._node.now_ms())
        elif self._task is not None:
            self.over.set()
        else:
            self._begin()

    def look(self) -> None:
        """End when all has left, or its time is over. With the host it is systemd that ends the daemon."""
        broken, host, now_ms = self._work.broken, self._departure.host, self._node.now_ms()
        if broken:
            self._departure.leave(now_ms, BROKEN_S * 1_000)
        if not self._departure.begun or (host and not broken and not self.shutdown.held):
            return
        left = self._work.bound_active if broken or host else tuple(sorted(self._node.view.local.active_groups))
        if not self._departure.is_over(left, now_ms) or self._task is not None:
            return
        self._node.note(f"still active: {', '.join(left)}" if left else "nothing is active here any more")
        if broken:
            self.over.set()
        elif host:
            self.shutdown.release()
        else:
            self._begin()

    def _host_goes_down(self, begins: bool) -> None:
        """logind waits with the shutdown while this node holds its lock."""
        waits = self._departure.told(self._node.view.domain, begins, bool(self._work.bound_active),
                                     self._node.now_ms())
        self._node.note(("the host shuts down" if begins else "the host does not shut down")
                        + ("; the services of this node are moved first" if waits else ""))
        if begins and not waits:
            self.shutdown.release()

    def _begin(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._tell())

    async def _tell(self) -> None:
        """Tell the others, and end.

        They must not fence a node whose daemon restarts. For the length of a lease they could not take over anyway, so
        the announcement costs nothing. A node that ends with its host, with nothing active, is not missed at all.
        """
        down = self._departure.host or self._stop_services or await self.shutdown.is_under_way()
        domain = self._node.view.domain
        lease_ms = domain.config.timing.lease_ms
        if down and not self._work.bound_active:
            self._node.note("the others are told that this node ends with its host")
            self._node.feed(Departing(AWAY_MS))
        elif domain.paused_until_ms < self._node.now_ms() + lease_ms:
            self._node.feed(Pausing(lease_ms))
        for _ in range(ANNOUNCEMENTS):
            self._node.feed(Tick())
        self.over.set()
