# SPDX-License-Identifier: Apache-2.0
"""The rows that a batch changes in memory: alarms, held changes and flap states, with the resulting events."""
from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from fm.contract.errors import UuidInUse
from fm.contract.rpc import host_of
from fm.core.lifecycle import written
from fm.core.places import Key, Places
from fm.core.quota import UNLIMITED, Quota
from fm.core.records import Alarm, Event, Flap, Held, HeldKind, Notice, NoticeKind
from fm.core.silencing import NO_SILENCES, Silences


@dataclass(frozen=True, slots=True)
class Scene:
    """The stored rows that a batch may read or change.

    ``suppressed`` maps each alarm id of the requests that the catalogue has to whether the operator suppresses it;
    ``used_uuids`` are the uuids of the requests that a stored alarm, held raise or event already has; ``quota`` limits
    the raises of hosts.
    """

    alarms: Iterable[Alarm] = ()
    suppressed: Mapping[str, bool] = field(default_factory=dict)
    used_uuids: Collection[str] = ()
    silences: Silences = NO_SILENCES
    held: Iterable[Held] = ()
    flaps: Iterable[Flap] = ()
    quota: Quota = UNLIMITED


@dataclass(frozen=True, slots=True)
class Update:
    """A changed alarm and the names of the fields to store."""

    alarm: Alarm
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class NetChange:
    """Difference between the rows before and after a batch; store the deletions before the insertions.

    ``released`` and ``calmed``: keys of held changes and flap states to delete; ``held`` and ``flaps``: rows to insert.
    """

    deleted: tuple[str, ...] = ()
    inserted: tuple[Alarm, ...] = ()
    updated: tuple[Update, ...] = ()
    released: tuple[Key, ...] = ()
    held: tuple[Held, ...] = ()
    calmed: tuple[Key, ...] = ()
    flaps: tuple[Flap, ...] = ()


class Ledger:
    """Rows by pair of alarm id and entity, with the events and notices of their changes.

    ``known`` maps alarm ids of the catalogue to whether the operator suppresses them.
    """

    def __init__(self, scene: Scene, now: datetime, fresh_uuid: Callable[[], str]) -> None:
        self.now = now
        self.fresh_uuid = fresh_uuid
        self.events: list[Event] = []
        self.notices: list[Notice] = []
        self.known = scene.suppressed
        self._silences = scene.silences
        self._quota = scene.quota
        self._used = set(scene.used_uuids)
        self._before = {alarm.uuid: alarm for alarm in scene.alarms}
        self._alarms = {alarm.key: alarm for alarm in self._before.values()}
        self._held_before = {held.key: held for held in scene.held}
        self._held = dict(self._held_before)
        self._flaps_before = {flap.key: flap for flap in scene.flaps}
        self._flaps = dict(self._flaps_before)
        self._sender: str | None = None
        self._in_bulk = False
        self._places = Places(
            (*self._alarms, *(held.key for held in self._held.values() if held.kind is HeldKind.RAISE)))

    @property
    def growth(self) -> Mapping[str, int]:
        """How many more pairs with an alarm or a held raise each entity has on or below it since the start."""
        return self._places.growth

    def admit(self, entity: str) -> None:
        """Check that one more alarm may begin on or below ``entity``; TooManyAlarms."""
        self._quota.check(entity, self._places.growth.get(entity, 0))

    def attribute(self, sender: str | None, *, in_bulk: bool) -> None:
        """The next events count for the host ``sender``. When ``in_bulk``, those of no sender count for the host of
        their entity, because its alarms may be many."""
        self._sender, self._in_bulk = sender, in_bulk

    def alarm(self, key: Key) -> Alarm | None:
        """The active alarm of a pair, or None."""
        return self._alarms.get(key)

    def held(self, key: Key) -> Held | None:
        """The held raise or clear of a pair, or None."""
        return self._held.get(key)

    def flap(self, key: Key) -> Flap | None:
        """The flap state of a pair, or None."""
        return self._flaps.get(key)

    def inside(self, entity: str) -> list[Key]:
        """Pairs with an alarm or a held raise on the entity or below it."""
        return self._places.inside(entity)

    def keys_of(self, uuids: Collection[str]) -> list[Key]:
        """Pairs whose alarm or held raise has one of these uuids."""
        found = [alarm.key for alarm in self._alarms.values() if alarm.uuid in uuids]
        return found + [held.key for held in self._held.values()
                        if held.kind is HeldKind.RAISE and held.uuid in uuids]

    def due(self) -> list[Held]:
        """Held changes that are due, earliest first."""
        return sorted((held for held in self._held.values() if held.due_at <= self.now),
                      key=lambda held: (held.due_at, held.key))

    def quiet(self) -> list[Flap]:
        """Flap states of pairs that were quiet long enough."""
        return [flap for flap in self._flaps.values() if flap.quiet_at <= self.now]

    def claim(self, uuid: str | None) -> None:
        """Check that a new row may take ``uuid``; UuidInUse when another row has it."""
        if uuid is not None and uuid in self._used:
            raise UuidInUse(id=uuid)

    def put(self, alarm: Alarm) -> None:
        """Store an alarm, new or changed."""
        if alarm.key not in self._alarms:
            self._places.enter(alarm.key)
        self._alarms[alarm.key] = alarm

    def remove(self, alarm: Alarm) -> None:
        """Remove an alarm and its held change."""
        del self._alarms[alarm.key]
        self._held.pop(alarm.key, None)
        self._places.leave(alarm.key)

    def hold(self, held: Held) -> None:
        """Hold a raise or clear; replaces the one held for the same pair."""
        self._held[held.key] = held
        if held.kind is HeldKind.RAISE:
            self._used.add(held.uuid)
            self._places.enter(held.key)

    def unhold(self, key: Key) -> None:
        """Remove the held change of a pair, if any."""
        held = self._held.pop(key, None)
        if held is not None and held.kind is HeldKind.RAISE:
            self._places.leave(key)

    def put_flap(self, flap: Flap) -> None:
        """Store the flap state of a pair."""
        self._flaps[flap.key] = flap

    def remove_flap(self, key: Key) -> None:
        """Delete the flap state of a pair, if any."""
        self._flaps.pop(key, None)

    def record(self, kind: NoticeKind, event: Event, alarm: Alarm | None = None, *, before: Alarm | None = None,
             swept: bool = False) -> None:
        """Record an event and its notice. ``alarm`` is None for a customer log, ``before`` for a new alarm."""
        sender = host_of(event.entity_instance_id) if self._sender is None and self._in_bulk else self._sender
        if sender is not None:
            event = replace(event, sender=sender)
        self.events.append(event)
        self._used.add(event.uuid)
        if alarm is None:
            self.notices.append(Notice(kind, event))
            return
        self.notices.append(Notice(
            kind, event, hidden=_is_hidden(event, self.known, self._silences), swept=swept, alarm_uuid=alarm.uuid,
            raised_at=alarm.created_at, severity_before=None if before is None else before.severity))

    def record_sweep(self, event: Event) -> None:
        """Record the notice of a hierarchical clear, which the event log does not contain."""
        hidden = _is_hidden(event, self.known, self._silences)
        self.notices.append(Notice(NoticeKind.HIERARCHICAL_CLEAR, event, hidden=hidden))

    def net_change(self) -> NetChange:
        """The rows to delete, insert and update."""
        after = {alarm.uuid: alarm for alarm in self._alarms.values()}
        before = self._before
        return NetChange(
            deleted=tuple(uuid for uuid in before if uuid not in after),
            inserted=tuple(alarm for uuid, alarm in after.items() if uuid not in before),
            updated=tuple(Update(alarm, written(before[uuid], alarm)) for uuid, alarm in after.items()
                          if uuid in before and before[uuid] != alarm),
            released=tuple(key for key, held in self._held_before.items() if self._held.get(key) != held),
            held=tuple(held for key, held in self._held.items() if self._held_before.get(key) != held),
            calmed=tuple(key for key, flap in self._flaps_before.items() if self._flaps.get(key) != flap),
            flaps=tuple(flap for key, flap in self._flaps.items() if self._flaps_before.get(key) != flap))


def _is_hidden(event: Event, suppressed: Mapping[str, bool], silences: Silences) -> bool:
    return suppressed.get(event.event_log_id, False) or (
        silences.hiding(event.event_log_id, event.entity_instance_id) is not None)
