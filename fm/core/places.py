# SPDX-License-Identifier: Apache-2.0
"""Which pairs of alarm id and entity lie on or below each entity."""
from __future__ import annotations

from collections.abc import Iterable, Mapping

from fm.contract.entity import containers

Key = tuple[str, str]


class Places:
    """An index of pairs; ``growth`` counts per entity how many more there are than at the start."""

    def __init__(self, keys: Iterable[Key]) -> None:
        # A dict serves as a set that keeps its order.
        self._inside: dict[str, dict[Key, None]] = {}
        self._growth: dict[str, int] = {}
        for key in keys:
            self.enter(key)
        self._growth.clear()

    @property
    def growth(self) -> Mapping[str, int]:
        """How many more pairs each entity has on or below it since the start."""
        return self._growth

    def inside(self, entity: str) -> list[Key]:
        """Pairs on the entity or below it, in the order of their entry."""
        return list(self._inside.get(entity, ()))

    def enter(self, key: Key) -> None:
        """Add a pair, unless it is there."""
        for container in containers(key[1]):
            inside = self._inside.setdefault(container, {})
            if key not in inside:
                inside[key] = None
                self._growth[container] = self._growth.get(container, 0) + 1

    def leave(self, key: Key) -> None:
        """Remove a pair, if it is there."""
        for container in containers(key[1]):
            inside = self._inside.get(container, {})
            if key in inside:
                del inside[key]
                self._growth[container] = self._growth.get(container, 0) - 1
