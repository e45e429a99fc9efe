# SPDX-License-Identifier: Apache-2.0
"""How many alarms a host may have active below itself by its own requests."""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from fm.contract.errors import TooManyAlarms


@dataclass(frozen=True, slots=True)
class Quota:
    """At most ``limit`` alarms and held raises on and below each entity of ``counts``, which has their numbers before
    the batch. Other entities have no limit."""

    limit: int = 0
    counts: Mapping[str, int] = field(default_factory=dict)

    def check(self, entity: str, added: int) -> None:
        """TooManyAlarms unless one more may be added to those before the batch and ``added`` since."""
        if entity in self.counts and self.counts[entity] + added >= self.limit:
            raise TooManyAlarms(limit=self.limit, entity=entity)


UNLIMITED = Quota()
