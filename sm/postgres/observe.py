# SPDX-License-Identifier: Apache-2.0
"""Whether a standby has all data and gets every change now: judged from what pg_stat_replication shows over time."""
from __future__ import annotations

from collections import deque
from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, field

SYNCHRONOUS = ("sync", "quorum")
LAG_MS = 3_000
"""A standby that has said nothing, or lacks what was on this node's disk, for this long is not in sync. Standbys answer
every second."""


@dataclass(frozen=True, slots=True)
class Sender:
    """A row of pg_stat_replication. Positions in the WAL are numbers. ``reply``: the standby's own time of its last
    answer, as text; only its changes mean something here."""

    node: str
    pid: int
    state: str
    sync_state: str
    priority: int
    flushed: int
    reply: str


@dataclass(slots=True)
class _Known:
    pid: int
    target: int
    reply: str
    replied_ms: int


@dataclass(slots=True)
class Standbys:
    """What is known of the standbys of one start of the server."""

    _known: dict[str, _Known] = field(default_factory=dict)
    _written: deque[tuple[int, int]] = field(default_factory=lambda: deque(maxlen=1_000))

    def rebase(self, position: int) -> None:
        """From now on a standby is complete only when it has all up to ``position``."""
        for known in self._known.values():
            known.target = max(known.target, position)

    def see(self, senders: Iterable[Sender], listed: Container[str], position: int, now_ms: int) -> frozenset[str]:
        """The standbys in sync. ``listed``: those for which every commit waits. ``position``: up to
        where the WAL was on this node's disk before the rows were read."""
        self._written.append((now_ms, position))
        while len(self._written) > 1 and self._written[1][0] <= now_ms - LAG_MS:
            self._written.popleft()
        settled_ms, settled = self._written[0]
        owed = settled if settled_ms <= now_ms - LAG_MS else 0
        rows = {row.node: row for row in senders}
        self._known = {node: self._known_now(row, position, now_ms) for node, row in rows.items()}
        return frozenset(node for node, row in rows.items()
                         if row.state == "streaming" and (node not in listed or row.sync_state in SYNCHRONOUS)
                         and row.flushed >= max(owed, self._known[node].target)
                         and now_ms - self._known[node].replied_ms < LAG_MS)

    def _known_now(self, row: Sender, position: int, now_ms: int) -> _Known:
        before = self._known.get(row.node)
        if before is None or before.pid != row.pid:
            # Of a new connection nothing is known but that it must get as far as the WAL is now.
            return _Known(row.pid, position, row.reply, now_ms)
        replied_ms = now_ms if row.reply != before.reply else before.replied_ms
        return _Known(row.pid, before.target, row.reply, replied_ms)


def obeys(senders: Iterable[Sender], priorities: Mapping[str, int]) -> bool:
    """Whether every sender of WAL works by the list of standbys that gives these priorities: each lets commits go on by
    the list that it has read itself."""
    return all(row.priority == priorities.get(row.node, 0) for row in senders)


def position(text: str | None) -> int:
    """A position in the WAL, such as ``0/3000148``, as a number; 0 for none."""
    high, slash, low = (text or "").partition("/")
    return (int(high, 16) << 32) + int(low, 16) if slash else 0
