# SPDX-License-Identifier: Apache-2.0
"""The manager on a real database against a small reference model, under random sequences of everything it answers."""
from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from flock.db import Database, new_uuid
from fm.contract.enums import AlarmState, AlarmType, Severity
from fm.contract.fault import AlarmKey, Fault
from fm.contract.rpc import FaultRequest
from fm.core.retention import Limits
from fm.db.tables import METADATA
from fm.manager.catalogue import synchronise
from fm.manager.endpoint import Manager
from fm.manager.writer import Settings, Writer
from fm.resources.alarm import store as alarms
from fm.resources.event_log import store as events

IDS = st.sampled_from(["100.101", "200.001", "300.001"])
ENTITIES = st.sampled_from(["host=a", "host=a.port=p", "host=a,x=y", "host=ab", "host=a_", "host=%"])
SEVERITIES = st.sampled_from([Severity.MAJOR, Severity.MINOR])
BELOW_MARKS = (".", ",")
BASE = Fault("100.101", AlarmState.SET, "host", "host=a", Severity.MAJOR, "r", AlarmType.OTHER, "unknown")


def below(outer: str, inner: str) -> bool:
    return inner == outer or any(inner[:len(outer) + 1] == outer + mark for mark in BELOW_MARKS)


class FaultModel(RuleBasedStateMachine):
    """``active``: severity and flags by pair. ``told``: states of all events in order."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.db = Database(f"sqlite:///{Path(self.folder.name)}/fm.sqlite", sqlite_synchronous=False)
        METADATA.create_all(self.db.engine)
        synchronise(self.db)
        self.manager = Manager(self.db, Writer(self.db, lambda: Settings(Limits(100000))))
        self.active: dict[tuple[str, str], tuple[Severity, bool, bool]] = {}
        self.uuids: dict[tuple[str, str], str] = {}
        self.told: list[str] = []
        self.last: list[FaultRequest] = []

    def teardown(self) -> None:
        self.db.dispose()
        self.folder.cleanup()

    def model_set(self, key: tuple[str, str], values: tuple[Severity, bool, bool], keep: bool) -> None:
        if key in self.active and (keep or self.active[key] == values):
            return
        self.active[key] = values
        self.told.append("set")

    def model_clear(self, keys: list[tuple[str, str]]) -> int:
        for key in keys:
            del self.active[key]
            self.uuids.pop(key, None)
            self.told.append("clear")
        return len(keys)

    @rule(changes=st.lists(st.tuples(IDS, ENTITIES, SEVERITIES, st.booleans(), st.booleans(), st.booleans()),
                           min_size=1, max_size=5))
    def set_several(self, changes: list[tuple[str, str, Severity, bool, bool, bool]]) -> None:
        self.last = [FaultRequest(new_uuid(), fault=replace(
            BASE, alarm_id=ident, entity_instance_id=entity, severity=severity, suppression=suppression,
            inhibit_alarms=inhibit, keep_existing_alarm=keep))
            for ident, entity, severity, suppression, inhibit, keep in changes]
        outcomes = self.manager.apply(requests=self.last)
        for (ident, entity, severity, suppression, inhibit, keep), outcome in zip(changes, outcomes, strict=True):
            key = (ident, entity)
            known = key in self.active
            self.model_set(key, (severity, suppression, inhibit), keep)
            assert outcome.uuid is not None and (not known or outcome.uuid == self.uuids[key])
            self.uuids[key] = outcome.uuid

    @rule(ident=IDS, entity=ENTITIES, exact=st.booleans())
    def clear(self, ident: str, entity: str, exact: bool) -> None:
        request = FaultRequest(new_uuid(), clear=AlarmKey(ident, entity), clear_exact=exact)
        hit = [key for key in self.active
               if key[0] == ident and (key[1] == entity if exact else below(entity, key[1]))]
        assert self.manager.apply(requests=[request])[0].count == self.model_clear(hit)

    @rule(entity=ENTITIES)
    def clear_all(self, entity: str) -> None:
        hit = [key for key in self.active if below(entity, key[1])]
        outcome = self.manager.apply(requests=[FaultRequest(new_uuid(), clear_all_below=entity)])[0]
        assert outcome.count == self.model_clear(hit)

    @precondition(lambda self: self.last)
    @rule()
    def redeliver(self) -> None:
        self.manager.apply(requests=self.last)

    @precondition(lambda self: self.active)
    @rule(data=st.data())
    def delete(self, data: st.DataObject) -> None:
        key = data.draw(st.sampled_from(sorted(self.active)))
        assert self.manager.delete_alarm(uuid=self.uuids[key]) == self.uuids[key]
        self.model_clear([key])

    @rule(entity=ENTITIES)
    def log(self, entity: str) -> None:
        fault = replace(BASE, alarm_id="200.021", alarm_state=AlarmState.MSG, entity_instance_id=entity,
                        severity=Severity.CLEAR)
        self.manager.apply(requests=[FaultRequest(new_uuid(), fault=fault)])
        self.told.append("log")

    @invariant()
    def the_database_agrees(self) -> None:
        with self.db.reader() as conn:
            stored = alarms.active(conn, alarm_id=None, entity=None, below=False)
            told = events.listing(conn, filters=[], states=(), include_suppress=True, sort=(("id", False),),
                                  marker=None, limit=None)
            shown = alarms.listing(conn, filters=[], include_suppress=True, sort=(), marker=None, limit=1000)
        assert {alarm.key: (alarm.severity, alarm.suppression, alarm.inhibit_alarms) for alarm in stored} == self.active
        assert {alarm.key: alarm.uuid for alarm in stored} == self.uuids
        assert sorted(event["state"] for event in told or []) == sorted(self.told)
        visible = {key for key, (_, suppression, _) in self.active.items() if not suppression or not any(
            inhibit and other != key and below(other[1], key[1]) for other, (_, _, inhibit) in self.active.items())}
        assert {(row["alarm_id"], row["entity_instance_id"]) for row in shown or []} == visible


FaultModel.TestCase.settings = settings(
    max_examples=25, stateful_step_count=20, deadline=None, suppress_health_check=list(HealthCheck))
TestFaultModel = FaultModel.TestCase
