# SPDX-License-Identifier: Apache-2.0
"""Hold-off, flapping and silences as stories: what is said when, and what operators and outputs see of it."""
from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from fm.contract.enums import AlarmState, AlarmType, Severity
from fm.contract.fault import AlarmKey, Fault
from fm.contract.rpc import FaultOutcome, FaultRequest
from fm.core import flapping, staleness
from fm.core.batch import Batch
from fm.core.flapping import FlapLimits
from fm.core.ledger import Scene
from fm.core.policy import LifePolicy
from fm.core.records import Alarm, Flap, Held
from fm.core.silencing import Silence, Silences, in_force

START = datetime(2026, 3, 1, tzinfo=UTC)
ID, HOST = "100.101", "host=a"
FAULT = Fault(ID, AlarmState.SET, "host", HOST, Severity.MAJOR, "reason", AlarmType.OTHER, "unknown")
HELD = LifePolicy(raise_hold_off_s={ID: 30}, clear_hold_off_s={ID: 20})
FLAPPING = LifePolicy(flaps=FlapLimits({ID: 3}, window_s=60))
BOTH = LifePolicy(clear_hold_off_s={ID: 10}, flaps=FlapLimits({ID: 2}, window_s=60))
SET, CLEAR = {"fault": FAULT}, {"clear": AlarmKey(ID, HOST)}
WORSE = {"fault": replace(FAULT, severity=Severity.CRITICAL)}
KEEP = {"fault": replace(FAULT, severity=Severity.CRITICAL, keep_existing_alarm=True)}
CLEAR_ALL, NONE_DUE = {"clear_all_below": HOST}, None
Said = tuple[float, dict[str, object] | None]


class Story:
    """Batches one after the other over rows that a dict keeps as the database would."""

    def __init__(self, policy: LifePolicy) -> None:
        self.policy = policy
        self.alarms: dict[str, Alarm] = {}
        self.held: dict[tuple[str, str], Held] = {}
        self.flaps: dict[tuple[str, str], Flap] = {}
        self.states: list[str] = []
        self.uuids = (f"uuid-{number}" for number in itertools.count(1))
        self.silences = Silences()
        self.heard: list[bool] = []

    def batch(self, at_s: float) -> Batch:
        return Batch(Scene(list(self.alarms.values()), {ID: False}, (), self.silences, list(self.held.values()),
                           list(self.flaps.values())), START + timedelta(seconds=at_s), lambda: next(self.uuids),
                     self.policy)

    def keep(self, work: Batch) -> None:
        change = work.net_change()
        for uuid in change.deleted:
            del self.alarms[uuid]
        stored = (*change.inserted, *(update.alarm for update in change.updated))
        self.alarms.update((alarm.uuid, alarm) for alarm in stored)
        for held_key in change.released:
            del self.held[held_key]
        self.held.update((held.key, held) for held in change.held)
        for flap_key in change.calmed:
            del self.flaps[flap_key]
        self.flaps.update((flap.key, flap) for flap in change.flaps)
        self.states += [event.state.value for event in work.events]
        self.heard += [not notice.hidden for notice in work.notices]

    def say(self, at_s: float, what: dict[str, object]) -> FaultOutcome:
        """One request; time has passed without anything being released."""
        work = self.batch(at_s)
        outcome = work.apply(FaultRequest(str(at_s), **what))  # type: ignore[arg-type]
        self.keep(work)
        return outcome

    def release(self, at_s: float) -> None:
        work = self.batch(at_s)
        work.release_due()
        self.keep(work)

    def tell(self, *said: Said) -> Story:
        for at_s, what in said:
            self.release(at_s)
            if what is not None:
                assert self.say(at_s, what).error is None
        return self

    @property
    def active(self) -> str:
        (alarm,) = self.alarms.values() or [None]
        return "-" if alarm is None else alarm.severity.value + (" flapping" if alarm.flapping else "")


@pytest.mark.parametrize(("policy", "said", "states", "active"), [
    # Hold-off of raises
    (HELD, [(0, SET), (29, None)], [], "-"),
    (HELD, [(0, SET), (30, None)], ["set"], "major"),
    (HELD, [(0, SET), (10, CLEAR), (60, None)], [], "-"),
    (HELD, [(0, SET), (10, CLEAR), (20, SET), (49, None)], [], "-"),
    (HELD, [(0, SET), (10, CLEAR), (20, SET), (50, None)], ["set"], "major"),
    (HELD, [(0, SET), (25, WORSE), (30, None)], ["set"], "critical"),
    (HELD, [(0, SET), (25, KEEP), (30, None)], ["set"], "major"),
    (HELD, [(0, SET), (10, CLEAR_ALL), (60, None)], [], "-"),
    # Hold-off of clears
    (HELD, [(0, SET), (30, CLEAR), (49, None)], ["set"], "major"),
    (HELD, [(0, SET), (30, CLEAR), (50, None)], ["set", "clear"], "-"),
    (HELD, [(0, SET), (30, CLEAR), (45, CLEAR), (50, None)], ["set", "clear"], "-"),
    (HELD, [(0, SET), (30, CLEAR), (45, SET), (90, None)], ["set"], "major"),
    (HELD, [(0, SET), (30, CLEAR), (45, WORSE), (90, None)], ["set", "set"], "critical"),
    (HELD, [(0, SET), (30, CLEAR), (45, KEEP), (90, None)], ["set"], "major"),
    (HELD, [(0, SET), (30, CLEAR), (31, CLEAR_ALL), (90, None)], ["set", "clear"], "-"),
    (HELD, [(0, SET), (30, CLEAR_ALL)], ["set", "clear"], "-"),
    # Flapping: more than three changes within a minute
    (FLAPPING, [(0, SET), (1, CLEAR), (2, SET)], ["set", "clear", "set"], "major"),
    (FLAPPING, [(0, SET), (1, CLEAR), (2, SET), (3, CLEAR)], ["set", "clear", "set", "set"], "major flapping"),
    (FLAPPING, [(0, SET), (1, CLEAR), (2, SET), (61, CLEAR)], ["set", "clear", "set", "clear"], "-"),
    (FLAPPING, [(0, SET), (1, CLEAR), (2, SET), (3, CLEAR), (62, None)], ["set", "clear", "set", "set"],
     "major flapping"),
    (FLAPPING, [(0, SET), (1, CLEAR), (2, SET), (3, CLEAR), (63, None)], ["set", "clear", "set", "set", "clear"], "-"),
    (FLAPPING, [(0, SET), (1, CLEAR), (2, SET), (3, CLEAR), (50, SET), (63, None)], ["set", "clear", "set", "set"],
     "major flapping"),
    (FLAPPING, [(0, SET), (1, CLEAR), (2, SET), (3, CLEAR), (50, SET), (110, None)], ["set", "clear", "set", "set"],
     "major"),
    (FLAPPING, [(0, SET), (1, CLEAR), (2, SET), (3, CLEAR), (50, SET), (55, CLEAR), (114, None)],
     ["set", "clear", "set", "set"], "major flapping"),
    (FLAPPING, [(0, SET), (1, CLEAR), (2, SET), (3, CLEAR), (50, SET), (55, CLEAR), (115, None)],
     ["set", "clear", "set", "set", "clear"], "-"),
    (FLAPPING, [(0, SET), (1, CLEAR), (2, SET), (3, CLEAR), (10, WORSE)], ["set", "clear", "set", "set", "set"],
     "critical flapping"),
    (FLAPPING, [(0, SET), (1, CLEAR), (2, SET), (3, CLEAR), (4, CLEAR_ALL)], ["set", "clear", "set", "set", "clear"],
     "-"),
    (FLAPPING, [(0, SET), (1, CLEAR), (2, SET), (3, CLEAR), (4, CLEAR_ALL), (5, SET)],
     ["set", "clear", "set", "set", "clear", "set"], "major"),
    # Flapping behind a hold-off of clears: only clears that took effect count; more than two changes
    (BOTH, [(0, SET), (1, CLEAR), (2, SET), (3, CLEAR), (4, SET), (90, None)], ["set"], "major"),
    (BOTH, [(0, SET), (1, CLEAR), (11, None), (12, SET)], ["set", "clear", "set", "set"], "major flapping"),
    (BOTH, [(0, SET), (1, CLEAR), (11, None), (12, SET), (13, CLEAR), (72, None)], ["set", "clear", "set", "set"],
     "major flapping"),
    (BOTH, [(0, SET), (1, CLEAR), (11, None), (12, SET), (13, CLEAR), (73, None)],
     ["set", "clear", "set", "set", "clear"], "-")])
def test_stories(policy: LifePolicy, said: list[Said], states: list[str], active: str) -> None:
    story = Story(policy).tell(*said)
    assert (story.states, story.active) == (states, active)


def test_nothing_is_left_when_everything_is_quiet() -> None:
    for policy in (HELD, FLAPPING, BOTH):
        story = Story(policy).tell((0, SET), (1, CLEAR), (2, SET), (3, CLEAR), (4, SET), (5, CLEAR), (200, None),
                                   (300, None), (400, None))
        assert (story.active, story.held, story.flaps) == ("-", {}, {})


def test_a_held_raise_answers_with_the_uuid_of_its_alarm() -> None:
    story = Story(HELD)
    first = story.say(0, SET).uuid
    assert story.say(5, WORSE).uuid == first
    story.release(30)
    assert [alarm.uuid for alarm in story.alarms.values()] == [first]
    (alarm,) = story.alarms.values()
    # It happened when its raiser said so last, it is an alarm since it was due.
    assert (alarm.timestamp, alarm.created_at) == (START + timedelta(seconds=5), START + timedelta(seconds=30))


def test_a_given_uuid_is_kept_through_the_hold_off_and_belongs_to_one() -> None:
    given = "0f6cbb5e-2a0e-4c0e-8f0e-0d8c5c0a1b77"
    story = Story(HELD)
    work = story.batch(0)
    request = FaultRequest("1", fault=replace(FAULT, uuid=given))
    other = FaultRequest("2", fault=replace(FAULT, uuid=given, entity_instance_id="host=b"))
    assert work.apply(request).uuid == given
    refused = work.apply(other).error
    assert refused is not None and refused["code"] == "fm.alarm.uuid_in_use"


def test_clears_of_what_is_held_find_something() -> None:
    story = Story(HELD)
    uuid = story.say(0, SET).uuid
    assert (story.say(1, CLEAR).uuid, story.say(2, CLEAR).count) == (uuid, 0)
    story.tell((3, SET), (33, None))
    (active,) = story.alarms
    assert [story.say(40 + n, CLEAR).uuid for n in range(2)] == [active, active]


def test_a_held_raise_can_be_deleted_by_its_uuid() -> None:
    story = Story(HELD)
    uuid = story.say(0, SET).uuid or ""
    work = story.batch(1)
    assert work.clear_uuids([uuid]) == [uuid]
    story.keep(work)
    assert story.tell((60, None)).states == [] and not story.held


def test_a_delete_by_uuid_does_not_wait() -> None:
    story = Story(HELD).tell((0, SET), (30, None))
    work = story.batch(31)
    work.clear_uuids(list(story.alarms))
    story.keep(work)
    assert (story.states, story.active) == (["set", "clear"], "-")


def test_a_correction_leaves_a_waiting_clear_alone() -> None:
    story = Story(HELD).tell((0, SET), (30, CLEAR))
    (uuid,) = story.alarms
    work = story.batch(31)
    work.modify_uuid(uuid, replace(FAULT, reason_text="corrected"))
    story.keep(work)
    assert story.tell((50, None)).states == ["set", "set", "clear"]


def test_only_what_was_active_makes_a_hierarchical_clear() -> None:
    story = Story(HELD).tell((0, SET))
    work = story.batch(1)
    assert work.apply(FaultRequest("1", clear_all_below=HOST)).count == 1
    assert work.events == [] and work.notices == []


def test_taking_the_hold_off_away_lets_the_next_set_through() -> None:
    story = Story(HELD)
    uuid = story.say(0, SET).uuid
    story.policy = LifePolicy()
    assert story.say(1, SET).uuid == uuid and story.active == "major" and not story.held


def test_the_start_of_flapping_is_told_with_a_note() -> None:
    story = Story(FLAPPING).tell((0, SET), (1, CLEAR), (2, SET))
    work = story.batch(3)
    work.apply(FaultRequest("1", **CLEAR))  # type: ignore[arg-type]
    (event,) = work.events
    assert event.state is AlarmState.SET and "flapping: more than 3 changes within 60 s" in event.reason_text
    assert [notice.kind.value for notice in work.notices] == ["fm.alarm.set"]
    (alarm,) = (update.alarm for update in work.net_change().updated)
    assert alarm.flapping and alarm.reason_text == "reason"


def test_the_note_of_flapping_fits_beside_the_longest_reason() -> None:
    story = Story(FLAPPING).tell((0, {"fault": replace(FAULT, reason_text="r" * 2048)}))
    (alarm,) = story.alarms.values()
    event = flapping.start_event(alarm, START, "u", FlapLimits({ID: 3}, 60))
    assert len(event.reason_text) == 2048 and event.reason_text.startswith("rrr")


def test_counted_changes_are_bounded() -> None:
    flap: Flap | None = None
    for number in range(100):
        flap = flapping.counted(flap, (ID, HOST), START + timedelta(seconds=number / 10), FlapLimits({ID: 3}, 60))
    assert flap is not None and len(flap.changes_ms) == 4 and flap.flapping


@pytest.mark.parametrize(("silence", "heard"), [
    (Silence("s", ID, HOST, None), [False, False]), (Silence("s", None, "host", None), [True, True]),
    (Silence("s", ID, None, None), [False, False]), (Silence("s", "100.102", None, None), [True, True]),
    (Silence("s", None, "host=a", None), [False, False]), (Silence("s", None, "host=a.port=p", None), [True, True])])
def test_what_is_silenced_is_logged_and_not_told(silence: Silence, heard: list[bool]) -> None:
    story = Story(LifePolicy())
    story.silences = Silences([silence])
    story.tell((0, SET), (1, CLEAR))
    assert story.states == ["set", "clear"] and story.heard == heard


def test_the_silence_that_lasts_longest_is_named() -> None:
    soon, late = START + timedelta(hours=1), START + timedelta(hours=2)
    silences = [Silence("soon", ID, None, soon), Silence("late", None, HOST, late), Silence("again", None, HOST, soon)]
    found = Silences(silences).hiding(ID, "host=a.port=p")
    assert found is not None and found.uuid == "late"
    found = Silences([*silences, Silence("ever", None, "host=a.port=p", None)]).hiding(ID, "host=a.port=p")
    assert found is not None and found.uuid == "ever"
    assert Silences(silences).hiding("100.102", "host=ab") is None and not Silences()


def test_a_silence_ends_at_its_moment() -> None:
    silence = Silence("s", ID, None, START)
    assert in_force(silence, START - timedelta(microseconds=1)) and not in_force(silence, START)
    assert in_force(replace(silence, expires_at=None), START)


@pytest.mark.parametrize(("own_s", "by_id", "passed_s", "stale"), [
    (0, {}, 10**7, False), (60, {}, 60, False), (60, {}, 61, True), (0, {ID: 30}, 31, True), (60, {ID: 30}, 31, False),
    (0, {"100.102": 30}, 31, False)])
def test_stale(own_s: int, by_id: dict[str, int], passed_s: int, stale: bool) -> None:
    ttl_s = staleness.time_to_live_s(ID, own_s, by_id)
    assert staleness.is_stale(START, ttl_s, START + timedelta(seconds=passed_s)) is stale
