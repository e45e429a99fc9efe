# SPDX-License-Identifier: Apache-2.0
"""The manager on a real database against a small reference model, under random sequences of everything it answers,
with crashes before and after the commit, redelivery, restarts and time that passes."""
from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test
from sqlalchemy.engine import Connection

from flock.db import Database, new_uuid
from flock.sim import scaled
from fm.contract.enums import AlarmState, AlarmType, Severity, SuppressionStatus
from fm.contract.errors import AlarmNotFound
from fm.contract.fault import AlarmKey, Fault
from fm.contract.rpc import FaultOutcome, FaultRequest
from fm.contract.silence import SilenceChange, SilenceRequest
from fm.core.flapping import FlapLimits
from fm.core.policy import LifePolicy
from fm.core.retention import Limits
from fm.db.tables import EVENT_LOG, EVENT_SUPPRESSION, HELD_CHANGE, METADATA, NOTIFICATION, SILENCE
from fm.manager.catalogue import synchronise
from fm.manager.endpoint import Manager
from fm.manager.outputs.output import TRAPS, Output
from fm.manager.outputs.relay import Outputs
from fm.manager.writer import Settings, Writer
from fm.resources.alarm import store as alarms
from fm.resources.event_log import store as events

T = TypeVar("T")
Key = tuple[str, str]
EXAMPLES, STEPS, STEPS_MIN = scaled(31), 50, scaled(1000)
PLAIN, HOLDS, FLAPS, BOTH = "100.101", "200.001", "300.001", "300.002"
RAISE_HOLD_S, CLEAR_HOLD_S = {HOLDS: 30, BOTH: 10}, {HOLDS: 20, BOTH: 15}
FLAP_MAX, WINDOW_S = {FLAPS: 3, BOTH: 2}, 60
POLICY = LifePolicy(raise_hold_off_s=RAISE_HOLD_S, clear_hold_off_s=CLEAR_HOLD_S, flaps=FlapLimits(FLAP_MAX, WINDOW_S))
IDS = st.sampled_from([PLAIN, HOLDS, FLAPS, BOTH])
ENTITIES = st.sampled_from(["host=a", "host=a.port=p", "host=a,x=y", "host=ab", "host=a_", "host=%"])
SEVERITIES = st.sampled_from([Severity.MAJOR, Severity.MINOR])
CRASHES = st.sampled_from([None, None, None, None, None, "inside", "after"])
BASE = Fault(PLAIN, AlarmState.SET, "host", "host=a", Severity.MAJOR, "r", AlarmType.OTHER, "unknown")
LISTS_EVERY = 5
EVENTS_SINCE = sa.select(EVENT_LOG.c.id, EVENT_LOG.c.state, EVENT_LOG.c.event_log_id, EVENT_LOG.c.entity_instance_id
                         ).where(EVENT_LOG.c.id > sa.bindparam("seen")).order_by(EVENT_LOG.c.id)
NOTICES_SINCE = sa.select(NOTIFICATION.c.id, NOTIFICATION.c.key, NOTIFICATION.c.payload).where(
    NOTIFICATION.c.id > sa.bindparam("seen"),
    NOTIFICATION.c.key.in_(["web", "log", "trap"])).order_by(NOTIFICATION.c.id)
START = datetime(2026, 3, 1, tzinfo=UTC)


def below(outer: str, inner: str) -> bool:
    return inner == outer or inner[:len(outer) + 1] in (outer + ".", outer + ",")


# --- The reference: section by section what is to happen, in the shortest words. -----------------------------------

@dataclass
class Active:
    severity: Severity
    suppression: bool
    inhibit: bool
    uuid: str
    flapping: bool = False


@dataclass
class Waiting:
    due: float
    uuid: str
    values: tuple[Severity, bool, bool] | None  # None: a clear waits


@dataclass
class Model:
    now: float = 0.0
    active: dict[Key, Active] = field(default_factory=dict)
    waiting: dict[Key, Waiting] = field(default_factory=dict)
    changes: dict[Key, list[float]] = field(default_factory=dict)
    suppressed: set[str] = field(default_factory=set)
    silences: dict[str, tuple[str | None, str | None, float | None]] = field(default_factory=dict)
    told: list[tuple[str, str, str]] = field(default_factory=list)
    notices: list[tuple[str, str, str, str]] = field(default_factory=list)

    def hides(self, ident: str, entity: str) -> bool:
        return ident in self.suppressed or any(
            (only_id in (None, ident)) and (only_entity is None or below(only_entity, entity))
            and (end is None or end > self.now) for only_id, only_entity, end in self.silences.values())

    def tell(self, state: str, key: Key, swept: bool = False) -> None:
        self.told.append((state, *key))
        hidden = state != "log" and self.hides(*key)
        wanted = ["log"] + ([] if hidden else ["web"]) + ([] if hidden or swept else ["trap"])
        self.notices += [(output, state, *key) for output in wanted]

    def set(self, key: Key, values: tuple[Severity, bool, bool], keep: bool, uuid: str) -> None:
        if key not in self.active:
            held = self.waiting.get(key)
            if held and keep:
                return
            if key[0] in RAISE_HOLD_S:
                self.waiting[key] = Waiting(held.due if held else self.now + RAISE_HOLD_S[key[0]], uuid, values)
            else:
                self.begin(key, values, uuid)
            return
        alarm = self.active[key]
        if self.waiting.pop(key, None) and alarm.flapping:
            self.count(key)
        if not keep and (alarm.severity, alarm.suppression, alarm.inhibit) != values:
            alarm.severity, alarm.suppression, alarm.inhibit = values
            self.tell("set", key)

    def begin(self, key: Key, values: tuple[Severity, bool, bool], uuid: str) -> None:
        self.active[key] = Active(*values, uuid)
        self.tell("set", key)
        self.count(key)

    def count(self, key: Key) -> bool:
        if key[0] not in FLAP_MAX:
            return False
        recent = [moment for moment in self.changes.get(key, []) if self.now - moment < WINDOW_S] + [self.now]
        self.changes[key] = recent
        if len(recent) > FLAP_MAX[key[0]] and not self.active[key].flapping:
            self.active[key].flapping = True
            self.tell("set", key)
        return self.active[key].flapping

    def clear(self, key: Key) -> None:
        alarm, held = self.active.get(key), self.waiting.get(key)
        if alarm is None:
            del self.waiting[key]
        elif held is None and not alarm.flapping and key[0] in CLEAR_HOLD_S:
            self.waiting[key] = Waiting(self.now + CLEAR_HOLD_S[key[0]], alarm.uuid, None)
        elif held is None:
            self.finish(key)

    def finish(self, key: Key) -> None:
        if self.count(key):
            self.waiting[key] = Waiting(self.now + max(WINDOW_S, CLEAR_HOLD_S.get(key[0], 0)),
                                        self.active[key].uuid, None)
        else:
            self.end(key)

    def end(self, key: Key, swept: bool = False) -> None:
        del self.active[key]
        self.waiting.pop(key, None)
        self.tell("clear", key, swept)

    def sweep(self, keys: list[Key], swept: bool = False) -> None:
        for key in keys:
            self.changes.pop(key, None)
            if key in self.active:
                self.end(key, swept)
            else:
                del self.waiting[key]

    def inside(self, entity: str, ident: str | None = None) -> list[Key]:
        return [key for key in {**self.active, **self.waiting} if below(entity, key[1]) and ident in (None, key[0])]

    def release(self) -> None:
        for key, held in sorted(self.waiting.items(), key=lambda item: (item[1].due, item[0])):
            if held.due > self.now:
                continue
            del self.waiting[key]
            if held.values is not None:
                self.begin(key, held.values, held.uuid)
            elif self.active[key].flapping:
                del self.changes[key]
                self.end(key)
            else:
                self.finish(key)
        for key, recent in list(self.changes.items()):
            if recent[-1] + WINDOW_S <= self.now:
                del self.changes[key]
                if key in self.active:
                    self.active[key].flapping = False
        self.silences = {uuid: silence for uuid, silence in self.silences.items()
                         if silence[2] is None or silence[2] > self.now}

    def masked(self, key: Key) -> bool:
        return self.active[key].suppression and any(
            alarm.inhibit and other != key and below(other[1], key[1]) for other, alarm in self.active.items())


# --- The manager under test, with a database that can fail around its commit. ---------------------------------------

class Crash(Exception):
    """The process dies here."""


class CrashingDatabase(Database):
    """``fail`` once: ``inside`` the next transaction, or ``after`` its commit."""

    fail: str | None = None

    def transact(self, work: Callable[[Connection], T], attempts_max: int = 5) -> T:
        fail, self.fail = self.fail, None

        def cut(conn: Connection) -> T:
            done = work(conn)
            if fail == "inside":
                raise Crash
            return done

        done = super().transact(cut, attempts_max)
        if fail == "after":
            raise Crash
        return done


def template() -> Path:
    path = Path(tempfile.mkdtemp()) / "fm.sqlite"
    db = Database(f"sqlite:///{path}", sqlite_synchronous=False)
    METADATA.create_all(db.engine)
    synchronise(db)
    with db.writer() as conn:
        kept = [PLAIN, HOLDS, FLAPS, BOTH]
        conn.execute(sa.delete(EVENT_SUPPRESSION).where(EVENT_SUPPRESSION.c.alarm_id.not_in(kept)))
    with db.engine.connect() as raw:
        raw.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    db.dispose()
    return path


class FaultMachine(RuleBasedStateMachine):
    looks_in_all = 0
    source: Path

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        shutil.copy(self.source, f"{self.folder.name}/fm.sqlite")
        self.db = CrashingDatabase(f"sqlite:///{self.folder.name}/fm.sqlite", sqlite_synchronous=False)
        self.model = Model()
        self.log: list[tuple[str, str, str]] = []
        self.seen, self.looks = (0, 0), 0
        self.last: list[tuple[FaultRequest, FaultOutcome]] = []
        with self.db.reader() as conn:
            self.entries = {row.alarm_id: row.uuid for row in conn.execute(sa.select(EVENT_SUPPRESSION))}
        self.begin()

    def begin(self) -> None:
        """A manager as it is after a start: nothing but the database is left of the one before."""
        outputs = Outputs(self.db, [
            Output("web", lambda payload: None), Output("log", lambda payload: None, hidden_too=True),
            Output("trap", lambda payload: None, kinds=TRAPS, warm_start=True)], 10**6)
        self.writer = Writer(self.db, lambda: Settings(Limits(10**6), POLICY), outputs.publish, clock=self.clock)
        self.manager = Manager(self.db, self.writer, outputs.suppression_changed, self.clock)

    def clock(self) -> datetime:
        return START + timedelta(seconds=self.model.now)

    def teardown(self) -> None:
        self.db.dispose()
        self.folder.cleanup()

    def crashing(self, crash: str | None, work: Callable[[], T]) -> T | None:
        """Run ``work`` in a manager that may die; None when it did, and then there is a new one."""
        self.db.fail = crash
        try:
            return work()
        except Crash:
            self.begin()
            return None
        finally:
            self.db.fail = None

    def apply(self, requests: list[FaultRequest], crash: str | None) -> list[FaultOutcome]:
        """What a raiser does: after a crash the same requests again."""
        outcomes = self.crashing(crash, lambda: self.manager.apply(requests=requests))
        if outcomes is None:
            outcomes = self.manager.apply(requests=requests)
        self.last = list(zip(requests, outcomes, strict=True))
        assert all(outcome.error is None for outcome in outcomes)
        return outcomes

    @rule(crash=CRASHES, changes=st.lists(
        st.tuples(IDS, ENTITIES, SEVERITIES, st.booleans(), st.booleans(), st.booleans()), min_size=1, max_size=4))
    def set_several(self, changes: list[tuple[str, str, Severity, bool, bool, bool]], crash: str | None) -> None:
        requests = [FaultRequest(new_uuid(), fault=replace(
            BASE, alarm_id=ident, entity_instance_id=entity, severity=severity, suppression=suppression,
            inhibit_alarms=inhibit, keep_existing_alarm=keep))
            for ident, entity, severity, suppression, inhibit, keep in changes]
        outcomes = self.apply(requests, crash)
        for (ident, entity, *values, keep), outcome in zip(changes, outcomes, strict=True):
            known = self.model.active.get((ident, entity)) or self.model.waiting.get((ident, entity))
            assert outcome.uuid is not None and (known is None or outcome.uuid == known.uuid)
            self.model.set((ident, entity), (values[0], values[1], values[2]), keep, outcome.uuid)

    @rule(outer=st.sampled_from(["host=a", "host=a.port=p"]), inner=st.sampled_from(["host=a.port=p", "host=a,x=y"]),
          crash=CRASHES)
    def mask(self, outer: str, inner: str, crash: str | None) -> None:
        self.set_several([(PLAIN, outer, Severity.MINOR, False, True, False),
                          (FLAPS, inner, Severity.MAJOR, True, False, False)], crash)

    @rule(ident=IDS, entity=ENTITIES, times=st.integers(2, 4), stays=st.booleans(), crash=CRASHES)
    def come_and_go(self, ident: str, entity: str, times: int, stays: bool, crash: str | None) -> None:
        fault = replace(BASE, alarm_id=ident, entity_instance_id=entity)
        pair = AlarmKey(ident, entity)
        requests = [request for _ in range(times) for request in (
            FaultRequest(new_uuid(), fault=fault), FaultRequest(new_uuid(), clear=pair, clear_exact=True))]
        outcomes = self.apply(requests[:-1] if stays else requests, crash)
        for number, outcome in enumerate(outcomes):
            if number % 2 == 0:
                self.model.set((ident, entity), (Severity.MAJOR, False, False), False, outcome.uuid or "")
            else:
                self.model.clear((ident, entity))
        assert [outcome.count for outcome in outcomes] == [1] * len(outcomes)

    @rule(ident=IDS, entity=ENTITIES, exact=st.booleans(), crash=CRASHES)
    def clear(self, ident: str, entity: str, exact: bool, crash: str | None) -> None:
        hit = [key for key in self.model.inside(entity, ident) if not exact or key[1] == entity]
        request = FaultRequest(new_uuid(), clear=AlarmKey(ident, entity), clear_exact=exact)
        assert self.apply([request], crash)[0].count == len(hit)
        for key in hit:
            self.model.clear(key)

    @rule(entity=ENTITIES, crash=CRASHES)
    def clear_all(self, entity: str, crash: str | None) -> None:
        hit = self.model.inside(entity)
        active = any(key in self.model.active for key in hit)
        outcome, = self.apply([FaultRequest(new_uuid(), clear_all_below=entity)], crash)
        assert outcome.count == len(hit)
        self.model.sweep(hit, swept=True)
        if active and not self.model.hides(" ", entity):
            self.model.notices.append(("trap", "swept", " ", entity))

    @precondition(lambda self: self.last)
    @rule(crash=CRASHES)
    def redeliver(self, crash: str | None) -> None:
        requests = [request for request, _ in self.last]
        assert self.apply(requests, crash) == [outcome for _, outcome in self.last]

    @precondition(lambda self: self.model.active or self.model.waiting)
    @rule(data=st.data(), crash=CRASHES)
    def delete(self, data: st.DataObject, crash: str | None) -> None:
        key = data.draw(st.sampled_from(sorted({**self.model.active, **self.model.waiting})))
        uuid = (self.model.active.get(key) or self.model.waiting[key]).uuid
        if self.crashing(crash, lambda: self.manager.delete_alarm(uuid=uuid)) is None and crash == "inside":
            assert self.manager.delete_alarm(uuid=uuid) == uuid
        self.model.sweep([key])
        with pytest.raises(AlarmNotFound):
            self.manager.delete_alarm(uuid=uuid)

    @rule(entity=ENTITIES, crash=CRASHES)
    def log(self, entity: str, crash: str | None) -> None:
        fault = replace(BASE, alarm_id="200.021", alarm_state=AlarmState.MSG, entity_instance_id=entity,
                        severity=Severity.CLEAR)
        self.apply([FaultRequest(new_uuid(), fault=fault)], crash)
        self.model.tell("log", ("200.021", entity))

    @rule(ident=IDS, hide=st.booleans())
    def suppress(self, ident: str, hide: bool) -> None:
        status = SuppressionStatus.SUPPRESSED if hide else SuppressionStatus.UNSUPPRESSED
        self.crashing(None, lambda: self.manager.update_suppression(uuid=self.entries[ident], status=status))
        (self.model.suppressed.add if hide else self.model.suppressed.discard)(ident)

    @rule(ident=st.none() | IDS, entity=ENTITIES, lasts_s=st.none() | st.sampled_from([5, 40, 90]))
    def silence(self, ident: str | None, entity: str, lasts_s: int | None) -> None:
        end = None if lasts_s is None else (self.clock() + timedelta(seconds=lasts_s)).isoformat()
        uuid = self.crashing(None, lambda: self.manager.create_silence(
            silence=SilenceRequest(ident, entity, end, created_by="u")))
        assert uuid is not None
        self.model.silences[uuid] = ident, entity, None if lasts_s is None else self.model.now + lasts_s

    @precondition(lambda self: self.model.silences)
    @rule(data=st.data(), lasts_s=st.sampled_from([0, 0, 30, 90]))
    def change_silence(self, data: st.DataObject, lasts_s: int) -> None:
        # In the order of their making: uuids are random, and a replay must choose the same one.
        uuid = data.draw(st.sampled_from(list(self.model.silences)))
        ident, entity, end = self.model.silences[uuid]
        if end is not None and end <= self.model.now:
            return
        if lasts_s:
            text = (self.clock() + timedelta(seconds=lasts_s)).isoformat()
            self.crashing(None, lambda: self.manager.change_silence(uuid=uuid, change=SilenceChange(expires_at=text)))
            self.model.silences[uuid] = ident, entity, self.model.now + lasts_s
        else:
            self.crashing(None, lambda: self.manager.delete_silence(uuid=uuid))
            del self.model.silences[uuid]

    @rule(passed_s=st.sampled_from([1, 5, 10, 15, 20, 30, 60, 61, 200]), crash=CRASHES)
    def time_passes(self, passed_s: int, crash: str | None) -> None:
        self.model.now += passed_s
        self.crashing(crash, lambda: self.writer.release_due() or 1)
        self.writer.release_due()
        self.crashing(crash, lambda: self.manager.silences.expire() or 1)
        self.manager.silences.expire()
        self.model.release()

    @rule(passed_s=st.sampled_from([1, 20, 61]))
    def time_passes_while_the_manager_is_away(self, passed_s: int) -> None:
        self.model.now += passed_s
        self.begin()

    @invariant()
    def rows_agree(self) -> None:
        type(self).looks_in_all += 1
        with self.db.reader() as conn:
            stored = alarms.active(conn, alarm_id=None, entity=None, below=False)
            told = conn.execute(EVENTS_SINCE, {"seen": self.seen[0]}).all()
            held = conn.execute(sa.select(HELD_CHANGE)).all()
            rows = conn.execute(NOTICES_SINCE, {"seen": self.seen[1]}).all()
            ends = conn.execute(sa.select(SILENCE.c.uuid)).scalars().all()
        assert {alarm.key: Active(alarm.severity, alarm.suppression, alarm.inhibit_alarms, alarm.uuid, alarm.flapping)
                for alarm in stored} == self.model.active
        waiting = {(row.alarm_id, row.entity_instance_id): (row.due_at, row.uuid, row.kind) for row in held}
        assert waiting == {
            key: (START + timedelta(seconds=wait.due), wait.uuid, "raise" if wait.values else "clear")
            for key, wait in self.model.waiting.items()}
        self.seen = (told[-1].id if told else self.seen[0], rows[-1].id if rows else self.seen[1])
        assert by_pair([tuple(row[1:]) for row in told]) == by_pair(self.model.told)
        heard = [(row.key, row.payload["state"] if row.payload["event_log_id"] != " " else "swept",
                  row.payload["event_log_id"], row.payload["entity_instance_id"]) for row in rows]
        assert by_pair(heard) == by_pair(self.model.notices)
        assert set(ends) == set(self.model.silences)
        self.log += self.model.told
        self.model.told, self.model.notices = [], []
        self.looks += 1
        if self.looks % LISTS_EVERY == 0:
            self.lists_agree()

    def lists_agree(self) -> None:
        model, now = self.model, self.clock()
        with self.db.reader() as conn:
            every: dict[str, Any] = {"filters": [], "sort": (), "marker": None, "limit": 1000, "now": now}
            listed = {(row["alarm_id"], row["entity_instance_id"]): row["suppression_status"] for row in
                      alarms.listing(conn, include_suppress=True, **every)}
            visible = alarms.listing(conn, include_suppress=False, **every)
            counted = alarms.counts(conn, include_suppress=False, now=now)
            shown = events.listing(conn, states=(), include_suppress=False, **every)
        assert listed == {key: "suppressed" if model.hides(*key) else "unsuppressed"
                          for key in model.active if not model.masked(key)}
        assert {(row["alarm_id"], row["entity_instance_id"]) for row in visible} == {
            key for key, status in listed.items() if status == "unsuppressed"}
        assert sum(counted.values()) == len(visible)
        assert sorted((row["state"], row["event_log_id"], row["entity_instance_id"]) for row in shown) == sorted(
            event for event in self.log if event[0] == "log" or not model.hides(event[1], event[2]))


def by_pair(rows: list[tuple[str, ...]] | list[tuple[str, str, str]]) -> dict[tuple[str, ...], list[str]]:
    """The order within a pair (and output) matters; that between pairs of one batch does not."""
    found: dict[tuple[str, ...], list[str]] = {}
    for *output, state, ident, entity in rows:
        found.setdefault((*output, ident, entity), []).append(state)
    return found


@pytest.mark.soak
def test_the_manager_agrees_with_the_model() -> None:
    FaultMachine.source, FaultMachine.looks_in_all = template(), 0
    run_state_machine_as_test(FaultMachine, settings=settings(
        max_examples=EXAMPLES, stateful_step_count=STEPS, deadline=None, suppress_health_check=list(HealthCheck)))
    # One look before the first step of each example, one after each step.
    assert FaultMachine.looks_in_all - EXAMPLES >= STEPS_MIN
