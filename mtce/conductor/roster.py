# SPDX-License-Identifier: Apache-2.0
"""All hosts in memory, and when each of them needs the next tick. Touched by the loop's thread only."""
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
    """One host: ``view`` is what holds now, ``stored`` the last committed one; ``broken`` says why it stands still."""

    view: MaintainedHost
    record: MtceHost
    stored: StoredHost
    broken: str = ""
    backlog: deque[Event] = field(default_factory=lambda: deque(maxlen=BACKLOG_MAX))


class Roster:
    """Hosts by uuid with a queue of due times; stale queue entries are skipped when they come up."""

    def __init__(self) -> None:
        self._entries: dict[str, Entry] = {}
        self._due: list[tuple[int, str]] = []

    def get(self, uuid: str) -> Entry | None:
        """The host, or None."""
        return self._entries.get(uuid)

    def all(self) -> list[Entry]:
        """Every host."""
        return list(self._entries.values())

    def put(self, entry: Entry) -> None:
        """Add or replace."""
        self._entries[entry.view.uuid] = entry
        self.reschedule(entry.view)

    def remove(self, uuid: str) -> None:
        """Forget."""
        self._entries.pop(uuid, None)

    def reschedule(self, view: MaintainedHost) -> None:
        """Note when ``view`` wants its next tick."""
        due_ms = view.due_ms()
        if due_ms is not None:
            heapq.heappush(self._due, (due_ms, view.uuid))

    def next_due_ms(self) -> int | None:
        """The earliest time any host wants a tick."""
        self._skip_stale()
        return self._due[0][0] if self._due else None

    def pop_due(self, now_ms: int) -> list[Entry]:
        """Hosts whose tick is due; each must be ticked or rescheduled by the caller."""
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
