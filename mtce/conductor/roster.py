# SPDX-License-Identifier: Apache-2.0
"""All hosts in memory, with the time of each host's next tick. Only the loop's thread uses it."""
from __future__ import annotations

import heapq
from collections import deque
from dataclasses import dataclass, field

from mtce.conductor.store import StoredHost
from mtce.contract.records import MtceHost
from mtce.core.events import Event
from mtce.core.view import MaintainedHost

BACKLOG_MAX = 100


@dataclass(slots=True)
class Entry:
    """One host: ``view`` is the present view, ``stored`` the last committed; ``broken`` is why its machine stopped."""

    view: MaintainedHost
    record: MtceHost
    stored: StoredHost
    broken: str = ""
    backlog: deque[Event] = field(default_factory=lambda: deque(maxlen=BACKLOG_MAX))


class Roster:
    """Hosts by UUID with a queue of due times; skips outdated queue entries."""

    def __init__(self) -> None:
        self._entries: dict[str, Entry] = {}
        self._due: list[tuple[int, str]] = []

    def get(self, uuid: str) -> Entry | None:
        """Return the host, or None."""
        return self._entries.get(uuid)

    def all(self) -> list[Entry]:
        """Return every host."""
        return list(self._entries.values())

    def put(self, entry: Entry) -> None:
        """Add or replace a host."""
        self._entries[entry.view.uuid] = entry
        self.reschedule(entry.view)

    def remove(self, uuid: str) -> None:
        """Remove a host."""
        self._entries.pop(uuid, None)

    def reschedule(self, view: MaintainedHost) -> None:
        """Queue the next tick of ``view``."""
        due_ms = view.due_ms()
        if due_ms is not None:
            heapq.heappush(self._due, (due_ms, view.uuid))

    def next_due_ms(self) -> int | None:
        """Return the earliest time at which a host needs a tick."""
        self._skip_stale()
        return self._due[0][0] if self._due else None

    def pop_due(self, now_ms: int) -> list[Entry]:
        """Return the hosts whose tick is due; the caller must tick or reschedule each."""
        found: dict[str, Entry] = {}
        self._skip_stale()
        while self._due and self._due[0][0] <= now_ms:
            _, uuid = heapq.heappop(self._due)
            entry = self._entries.get(uuid)
            if entry is not None:
                found[uuid] = entry
            self._skip_stale()
        return list(found.values())

    def _skip_stale(self) -> None:
        while self._due:
            due_ms, uuid = self._due[0]
            entry = self._entries.get(uuid)
            if entry is not None and not entry.broken and entry.view.due_ms() == due_ms:
                return
            heapq.heappop(self._due)
