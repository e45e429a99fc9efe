# SPDX-License-Identifier: Apache-2.0
"""Dropping overtaken requests changes nothing about what is active in the end, nor about the order of what stays."""
from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flock.sim import scaled
from fm.contract.enums import AlarmState, Severity
from fm.contract.fault import Fault
from fm.contract.rpc import FaultRequest
from fm.raiser.requests import alarm_request, clear_all_request, clear_request, compact, from_record, log_request
from fm.raiser.requests import to_record as record
from tests.oracles.hiding import contains

IDS = ("200.005", "200.006")
ENTITIES = ("host=a", "host=a.process=p", "host=a.process=p.x=1", "host=ab", "host=b")
SEVERITIES = ("major", "minor")


def sets(**given_fields: object) -> st.SearchStrategy[FaultRequest]:
    def build(alarm_id: str, entity: str, severity: str, keep: bool) -> FaultRequest:
        return alarm_request(alarm_id, entity, {}, {"severity": severity, "keep_existing_alarm": keep, **given_fields})
    return st.builds(build, st.sampled_from(IDS), st.sampled_from(ENTITIES), st.sampled_from(SEVERITIES), st.booleans())


REQUESTS = st.one_of(
    sets(), sets(), st.builds(lambda i, e, x: clear_request(i, e, {}, x), st.sampled_from(IDS),
                              st.sampled_from(ENTITIES), st.booleans()),
    st.builds(clear_all_request, st.sampled_from(ENTITIES)),
    st.builds(lambda e: log_request("200.021", e, {}, {}), st.sampled_from(ENTITIES)))


def active(requests: list[FaultRequest]) -> tuple[dict[tuple[str, str], str], list[str]]:
    """What is active after ``requests`` by the rules of sets and clears, and the logs that were written."""
    alarms: dict[tuple[str, str], str] = {}
    logs: list[str] = []
    for request in requests:
        fault, key = request.fault, request.clear
        if fault is not None and fault.alarm_state is AlarmState.MSG:
            logs.append(fault.entity_instance_id)
        elif fault is not None:
            place = fault.alarm_id, fault.entity_instance_id
            if place not in alarms or not fault.keep_existing_alarm:
                alarms[place] = str(fault.severity)
        else:
            alarm_id, entity = (key.alarm_id, key.entity_instance_id) if key else (None, request.clear_all_below or "")
            for place in list(alarms):
                inside = place[1] == entity if request.clear_exact else contains(entity, place[1])
                if alarm_id in (None, place[0]) and inside:
                    del alarms[place]
    return alarms, logs


@pytest.mark.soak
@settings(max_examples=scaled(120), deadline=None)
@given(st.lists(REQUESTS, max_size=14))
def test_what_is_active_in_the_end_is_the_same(requests: list[FaultRequest]) -> None:
    kept = compact([record(request) for request in requests])
    assert list(kept) == sorted(set(kept))
    after, logs = active([requests[place] for place in kept])
    expected, all_logs = active(requests)
    assert after == expected and logs == all_logs


def clear(host: str, exact: bool = True) -> FaultRequest:
    return clear_request("200.005", f"host={host}", {}, exact)


def raised(host: str, **fields: object) -> FaultRequest:
    return alarm_request("200.005", f"host={host}", {}, {"severity": "major", **fields})


def kept_of(requests: list[FaultRequest]) -> list[int]:
    return list(compact([record(request) for request in requests]))


def test_a_flapping_alarm_costs_one_record() -> None:
    assert kept_of([raised("a"), clear("a", exact=False)] * 50 + [raised("b")]) == [99, 100]


def test_the_last_word_on_each_alarm_stays_and_logs_stay() -> None:
    log = log_request("200.021", "host=a.command=unlock", {}, {})
    requests = [clear("a"), log, clear("b"), clear("a"), clear("c", exact=False), clear("a"), log, clear("cc")]
    assert kept_of(requests) == [1, 2, 4, 5, 6, 7]


def test_an_alarm_with_a_chosen_uuid_stays() -> None:
    chosen = raised("a", uuid="0f6cbb5e-2a0e-4c0e-8f0e-0d8c5c0a1b77")
    assert kept_of([chosen, raised("a"), raised("a")]) == [0, 2]


def test_what_cannot_be_understood_stays() -> None:
    assert list(compact(["{", record(raised("a")), "{}", record(raised("a"))])) == [0, 2, 3]


def test_a_record_of_a_later_version_is_understood() -> None:
    later = record(raised("a", time_to_live_s=60)).replace('"severity"', '"colour":"red","severity"')
    request = from_record(later)
    assert request is not None and isinstance(request.fault, Fault)
    assert (request.fault.severity, request.fault.alarm_state, request.fault.time_to_live_s) == (
        Severity.MAJOR, AlarmState.SET, 60)
