# SPDX-License-Identifier: Apache-2.0
"""The life of an alarm: set, held, changed, flapping, cleared. Changes a ledger and uses the ledger's time."""
from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from fm.contract.errors import UnknownAlarmId
from fm.contract.fault import Fault
from fm.contract.validation import parse_time
from fm.core import flapping, lifecycle
from fm.core.holdoff import held_clear, held_raise
from fm.core.ledger import Ledger
from fm.core.places import Key
from fm.core.policy import LifePolicy
from fm.core.records import Alarm, Flap, HeldKind, NoticeKind

EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
AHEAD_MAX = timedelta(days=1)


def time_of(fault: Fault, now: datetime) -> datetime:
    """The time of the fault that its raiser gave; ``now`` when it gave none, one before ``EARLIEST`` or one more than
    ``AHEAD_MAX`` ahead. A host whose clock is wrong still raises alarms, but does not choose their place in lists."""
    told = now if fault.timestamp is None else parse_time("timestamp", fault.timestamp)
    return told if EARLIEST <= told <= now + AHEAD_MAX else now


class AlarmLife:
    """Starts, changes and ends alarms of ``ledger`` by ``policy``."""

    def __init__(self, ledger: Ledger, policy: LifePolicy) -> None:
        self._ledger = ledger
        self._policy = policy
        self._now = ledger.now

    def release_due(self) -> None:
        """Apply held changes that are due, and end the flapping of alarms that were quiet long enough."""
        for held in self._ledger.due():
            self._ledger.unhold(held.key)
            if held.kind is HeldKind.CLEAR:
                self._release_clear(held.key)
            elif held.fault is not None:
                self._activate(held.fault, held.uuid)
        for flap in self._ledger.quiet():
            self._end_flapping(flap)

    def set(self, fault: Fault, within: str | None = None) -> str:
        """Apply a checked raise; returns the uuid of the alarm, also while it is held.

        ``within`` is the entity whose quota a new alarm uses. UnknownAlarmId, UuidInUse, TooManyAlarms.
        """
        if fault.alarm_id not in self._ledger.known:
            raise UnknownAlarmId(field="alarm_id", rule="is not in the catalogue", alarm_id=fault.alarm_id)
        key = fault.alarm_id, fault.entity_instance_id
        alarm = self._ledger.alarm(key)
        if alarm is None:
            return self._raise(key, fault, within)
        if self._ledger.held(key) is not None:
            self._ledger.unhold(key)
            if alarm.flapping:
                self._count_change(alarm)
        return self.update(alarm, fault)

    def _raise(self, key: Key, fault: Fault, within: str | None) -> str:
        """Set an alarm that is not active: at once, or after the hold-off of its id."""
        held = self._ledger.held(key)
        if held is not None and fault.keep_existing_alarm:
            return held.uuid
        if held is None:
            self._ledger.claim(fault.uuid)
            if within is not None:
                self._ledger.admit(within)
        uuid = held.uuid if held is not None else fault.uuid or self._ledger.fresh_uuid()
        delay_s = self._policy.raise_hold_off_s.get(fault.alarm_id, 0)
        if delay_s > 0:
            self._ledger.hold(held_raise(held, fault, time_of(fault, self._now), self._now, delay_s, uuid))
            return uuid
        self._ledger.unhold(key)
        self._activate(fault, uuid)
        return uuid

    def _activate(self, fault: Fault, uuid: str) -> None:
        decision = lifecycle.decide_set(None, replace(fault, uuid=uuid), time_of(fault, self._now), self._now, uuid)
        self._ledger.put(decision.alarm)
        if decision.event is not None:
            self._ledger.record(NoticeKind.SET, decision.event, decision.alarm)
        self._count_change(decision.alarm)

    def update(self, alarm: Alarm, fault: Fault) -> str:
        """Set an active alarm again."""
        decision = lifecycle.decide_set(alarm, fault, time_of(fault, self._now), self._now, self._ledger.fresh_uuid(),
                                        self._policy.log_unchanged)
        self._ledger.put(decision.alarm)
        if decision.event is not None:
            self._ledger.record(NoticeKind.SET, decision.event, decision.alarm, before=alarm)
        return alarm.uuid

    def clear(self, alarm: Alarm) -> None:
        """Clear an alarm for its raiser: now, or after the hold-off of the id. Does not restart a held clear."""
        if self._ledger.held(alarm.key) is not None:
            return
        delay_s = self._policy.clear_hold_off_s.get(alarm.alarm_id, 0)
        if delay_s > 0 and not alarm.flapping:
            self._ledger.hold(held_clear(alarm, self._now, delay_s))
        else:
            self._end_unless_flapping(alarm)

    def _end_unless_flapping(self, alarm: Alarm) -> None:
        """Clear an alarm; hold the clear if the alarm is flapping, or starts to with this change."""
        if self._count_change(alarm):
            wait_s = max(self._policy.flaps.window_s, self._policy.clear_hold_off_s.get(alarm.alarm_id, 0))
            self._ledger.hold(held_clear(alarm, self._now, wait_s))
        else:
            self._end(alarm)

    def _release_clear(self, key: Key) -> None:
        alarm = self._ledger.alarm(key)
        if alarm is None:
            return
        if alarm.flapping:
            self._ledger.remove_flap(key)
            self._end(alarm)
        else:
            self._end_unless_flapping(alarm)

    def sweep(self, keys: Iterable[Key], swept: bool = False) -> list[str]:
        """End alarms and held raises at once, without hold-off; returns their uuids."""
        cleared: list[str] = []
        for key in keys:
            alarm, held = self._ledger.alarm(key), self._ledger.held(key)
            self._ledger.remove_flap(key)
            if alarm is not None:
                self._end(alarm, swept)
                cleared.append(alarm.uuid)
            elif held is not None:
                self._ledger.unhold(key)
                cleared.append(held.uuid)
        return cleared

    def _end(self, alarm: Alarm, swept: bool = False) -> None:
        self._ledger.remove(alarm)
        event = lifecycle.clear_event(alarm, self._now, self._ledger.fresh_uuid())
        self._ledger.record(NoticeKind.CLEAR, event, alarm, before=alarm, swept=swept)

    def _count_change(self, alarm: Alarm) -> bool:
        """Count one change of a watched alarm; True when it is flapping. Records one event when flapping starts."""
        limits, flap = self._policy.flaps, self._ledger.flap(alarm.key)
        if flap is None and not limits.watches(alarm.alarm_id):
            return False
        after = flapping.counted(flap, alarm.key, self._now, limits)
        self._ledger.put_flap(after)
        if after.flapping and not alarm.flapping:
            flagged = replace(alarm, flapping=True)
            self._ledger.put(flagged)
            event = flapping.start_event(alarm, self._now, self._ledger.fresh_uuid(), limits)
            self._ledger.record(NoticeKind.SET, event, flagged, before=alarm)
        return after.flapping

    def _end_flapping(self, flap: Flap) -> None:
        self._ledger.remove_flap(flap.key)
        alarm = self._ledger.alarm(flap.key)
        if alarm is not None and alarm.flapping:
            self._ledger.put(replace(alarm, flapping=False))
