# SPDX-License-Identifier: Apache-2.0
"""What the check of a raiser lets through, the manager stores, on every database: no request is refused for ever."""
from __future__ import annotations

from typing import Any

import hypothesis.strategies as st
from hypothesis import HealthCheck, example, given, settings

from flock.core.errors import FlockError
from flock.db import Database, new_uuid
from fm.contract.causes import PROBABLE_CAUSES
from fm.contract.enums import AlarmState, AlarmType, Severity
from fm.contract.fault import Fault
from fm.contract.limits import ALARM_ID_MAX, ENTITY_MAX, SEVERITY_MAX, STATE_MAX, TEXT_MAX, WORD_MAX
from fm.contract.rpc import FaultRequest
from fm.contract.validation import checked_fault
from fm.core.retention import Limits
from fm.db.tables import METADATA
from fm.manager.catalogue import synchronise
from fm.manager.endpoint import Manager
from fm.manager.writer import Settings, Writer
from fm.raiser import requests as make

# Around each limit, with characters of one to four bytes, and what databases cannot store.
CHARACTERS = st.sampled_from("a.=,'\\%é漢🂡 \n\x00\ud800")
LENGTHS = st.sampled_from((1, 2, ENTITY_MAX - 6, ENTITY_MAX - 1, ENTITY_MAX, ENTITY_MAX + 1, TEXT_MAX, TEXT_MAX + 1))
TEXTS = st.builds(lambda start, char, length: (start + char * length)[:length], st.sampled_from(("", "host=", "a=b.")),
                  CHARACTERS, LENGTHS)
TIMES = st.sampled_from((None, "2026-03-01 10:20:30.05", "0001-01-01", "0001-01-01T00:00:00+14:00",
                         "9999-12-31 23:59:59.999999", "9999-12-31T23:59:59-12:00", "never"))
FAULTS = st.builds(
    Fault, alarm_id=st.sampled_from(("200.004", "999.999", "1.2")), alarm_state=st.sampled_from(list(AlarmState)),
    entity_type_id=st.one_of(st.just(""), TEXTS), entity_instance_id=TEXTS, severity=st.sampled_from(list(Severity)),
    reason_text=TEXTS, alarm_type=st.sampled_from(list(AlarmType)),
    probable_cause=st.sampled_from(sorted(PROBABLE_CAUSES)), proposed_repair_action=TEXTS,
    uuid=st.one_of(st.none(), st.uuids().map(str), TEXTS), timestamp=TIMES,
    time_to_live_s=st.sampled_from((0, 366 * 86400, 366 * 86400 + 1)))
LONGEST = Fault("200.004", AlarmState.SET, "é" * ENTITY_MAX, "🂡" * ENTITY_MAX, Severity.CRITICAL, "漢" * TEXT_MAX,
                max(AlarmType, key=len), max(PROBABLE_CAUSES, key=len), "\\" * TEXT_MAX)


@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(fault=FAULTS)
@example(fault=LONGEST)
def test_what_the_raiser_sends_is_stored(database: Database, fault: Fault) -> None:
    METADATA.create_all(database.engine)
    synchronise(database)
    writer = Writer(database, lambda: Settings(Limits(1000)), lambda conn, notices: None, lambda notices: None)
    manager = Manager(database, writer, lambda conn: None)
    try:
        sent = checked_fault(fault)
    except FlockError:
        assert fault is not LONGEST
        return
    (outcome,) = manager.apply(requests=[FaultRequest(new_uuid(), fault=sent)])
    if outcome.error is not None:
        # The state decides these, not the form: an id outside the catalogue, a uuid that an earlier example used.
        assert outcome.error["code"] in ("fm.alarm.unknown_id", "fm.alarm.uuid_in_use")
        assert fault is not LONGEST
        return
    for read in manager.get_faults(alarm_id=None, entity_instance_id=sent.entity_instance_id, below=False):
        assert (read.entity_instance_id, read.entity_type_id) == (sent.entity_instance_id, sent.entity_type_id)
        assert (read.reason_text, read.proposed_repair_action) == (sent.reason_text, sent.proposed_repair_action)
    (cleared,) = manager.apply(requests=[FaultRequest(new_uuid(), clear_all_below=sent.entity_instance_id)])
    assert cleared.error is None


@settings(deadline=None, max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(alarm_id=st.sampled_from(("200.004", "200.005")), entity=TEXTS, reason=TEXTS)
def test_what_raise_alarm_accepts_is_accepted_by_the_manager(alarm_id: str, entity: str, reason: str) -> None:
    try:
        request = make.alarm_request(alarm_id, entity, {}, {"reason_text": reason, "severity": "critical"})
    except FlockError:
        return
    assert request.fault is not None and checked_fault(request.fault) == request.fault


def test_columns_hold_every_word_of_the_contract() -> None:
    longest: dict[int, Any] = {
        WORD_MAX: [*AlarmType, *PROBABLE_CAUSES], SEVERITY_MAX: Severity, STATE_MAX: AlarmState,
        ALARM_ID_MAX: ["000.000"]}
    for limit, words in longest.items():
        assert max(map(len, words)) <= limit
