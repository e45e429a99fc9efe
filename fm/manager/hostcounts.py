# SPDX-License-Identifier: Apache-2.0
"""How many alarms lie below the hosts that raise alarms themselves, so that no raise has to count them."""
from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy.engine import Connection

from fm.core.quota import Quota
from fm.resources.alarm import store as alarms

ENTITIES_MAX = 4096


class HostCounts:
    """Counts by entity (``host=worker-0``); only the caller that has the writer's turn uses them."""

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}

    def quota(self, conn: Connection, wanted: Mapping[str, int], limit: int) -> Quota:
        """What the entities in ``wanted``, with the number of their raises, may still get.

        Counts an entity in the database when it is not known, and before any of its raises is refused, because another
        manager may have cleared alarms.
        """
        if len(self._counts) > ENTITIES_MAX:
            self._counts.clear()
        for entity, number in wanted.items():
            if entity not in self._counts or self._counts[entity] + number > limit:
                self._counts[entity] = alarms.number_below(conn, entity)
        return Quota(limit, {entity: self._counts[entity] for entity in wanted})

    def committed(self, growth: Mapping[str, int]) -> None:
        """Take what a committed batch added and removed, by entity."""
        for entity in self._counts.keys() & growth.keys():
            self._counts[entity] += growth[entity]

    def forget(self) -> None:
        """Count anew, because it is not known what was committed."""
        self._counts.clear()
