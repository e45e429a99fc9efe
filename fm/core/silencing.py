# SPDX-License-Identifier: Apache-2.0
"""Silences in force and the alarms they hide: of an id, on an entity and below, or both."""
from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from fm.contract.entity import containers


@dataclass(frozen=True, slots=True)
class Silence:
    """One silence; None means any id, any entity, no end."""

    uuid: str
    alarm_id: str | None
    entity_instance_id: str | None
    expires_at: datetime | None


def in_force(silence: Silence, now: datetime) -> bool:
    """True while the silence has not expired; at ``expires_at`` itself it has."""
    return silence.expires_at is None or silence.expires_at > now


class Silences:
    """Silences indexed by alarm id and entity, so that the cost of a lookup does not grow with their number."""

    def __init__(self, silences: Iterable[Silence] = ()) -> None:
        self._by_match: dict[tuple[str | None, str | None], Silence] = {}
        for silence in silences:
            match = silence.alarm_id, silence.entity_instance_id
            self._by_match[match] = _longer(self._by_match.get(match), silence)

    def __bool__(self) -> bool:
        return bool(self._by_match)

    def hiding(self, alarm_id: str, entity_instance_id: str) -> Silence | None:
        """The silence that hides this alarm longest, None when none does."""
        if not self._by_match:
            return None
        found: Silence | None = None
        for entity in (None, *containers(entity_instance_id)):
            for ident in (None, alarm_id):
                silence = self._by_match.get((ident, entity))
                if silence is not None:
                    found = _longer(found, silence)
        return found


NO_SILENCES = Silences()


def _longer(one: Silence | None, other: Silence) -> Silence:
    if one is None or one.expires_at is not None and (other.expires_at is None or other.expires_at > one.expires_at):
        return other
    return one
