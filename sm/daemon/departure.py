# SPDX-License-Identifier: Apache-2.0
"""How the daemon of a node ends: with its host, for a moment, or after all services have left this node."""
from __future__ import annotations

from sm.core.domain.view import View

AWAY_MS = 900_000
"""Within which time a host that shuts down in order should be back."""


class Departure:
    """``by_ms``: until when services leave this node; None while they may stay. ``host``: the host goes down, so that
    its own shutdown ends the daemon."""

    def __init__(self, stop_s: int) -> None:
        self._stop_ms = stop_s * 1_000
        self.by_ms: int | None = None
        self.host = False

    @property
    def begun(self) -> bool:
        """Whether nothing may be active on this node any more."""
        return self.by_ms is not None

    def leave(self, now_ms: int, limit_ms: int | None = None) -> None:
        """Have the services leave, for at most ``limit_ms``; the first limit counts."""
        if self.by_ms is None:
            self.by_ms = now_ms + (self._stop_ms if limit_ms is None else limit_ms)

    def told(self, domain: View, begins: bool, active: bool, now_ms: int) -> bool:
        """The host is going to shut down, or (``begins`` False) is not any more. ``active``: something is active here
        that may be so only on one node. Returns whether the shutdown shall wait for the move of it."""
        self.host = begins
        if not begins:
            self.by_ms = None
            return False
        if not active or not has_successor(domain, now_ms):
            return False
        self.leave(now_ms)
        return True

    def is_over(self, left: tuple[str, ...], now_ms: int) -> bool:
        """Whether all that could leave has left, or the time for it is over."""
        return self.by_ms is not None and (not left or now_ms >= self.by_ms)


def has_successor(domain: View, now_ms: int) -> bool:
    """Whether another node could lead at once."""
    return any(name in domain.config.nodes and name not in domain.void and heard.beat.eligible
               and not domain.silent(name, now_ms) and name in domain.durable.record.members
               for name, heard in domain.heard.items())
