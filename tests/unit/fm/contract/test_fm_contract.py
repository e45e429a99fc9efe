# SPDX-License-Identifier: Apache-2.0
"""Entity ids, checks of fault records, times, causes."""
from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from fm.contract import entity
from fm.contract.causes import NUMBERED_CAUSES, snmp_cause
from fm.contract.enums import AlarmState, AlarmType, Severity, reaches
from fm.contract.errors import InvalidFault
from fm.contract.fault import Fault
from fm.contract.validation import checked_fault, parse_time
from tests.oracles.hiding import contains

FAULT = Fault("200.004", AlarmState.SET, "", "host=c0.port=p", Severity.MAJOR, "", AlarmType.OTHER, "unknown")


@pytest.mark.parametrize(("outer", "inner", "inside"), [
    ("host=a", "host=a", True), ("host=a", "host=a.port=p", True), ("peer_group=g", "peer_group=g,peer=p", True),
    ("host=a", "host=ab", False), ("host=a.ntp", "host=a.ntp=1.1.1.1", False), ("host=a.port=p", "host=a", False),
    ("subcloud=subcloud1", "subcloud=subcloud10", False), ("", "host=a", False)])
def test_containment(outer: str, inner: str, inside: bool) -> None:
    assert contains(outer, inner) is inside
    if inside:
        assert outer in entity.containers(inner)


@pytest.mark.parametrize(("ident", "kind"), [
    ("host=c0", "host"), ("host=c0.port=p", "host.port"), ("host=a.b.process=x=y", "host.process"),
    ("host=c0.ntp", "host"), ("cinder_io_monitor", "cinder_io_monitor"), ("peer_group=g,peer=u", "peer_group.peer"),
    ("host=c0.filesystem=/var/log.d", "host.filesystem")])
def test_entity_type(ident: str, kind: str) -> None:
    assert entity.entity_type(ident) == kind


@pytest.mark.parametrize(("templates", "parts", "text"), [
    (["host=<hostname>"], {"host": "c0"}, "host=c0"),
    (["host=<hostname>", "host=<hostname>.numa=node<number>"], {"host": "c0", "numa": "node1"}, "host=c0.numa=node1"),
    (["host=<hostname>.numa=node<number>"], {"host": "c0", "numa": "1"}, None),
    (["host=<h>.command=unlock", "host=<h>.command=swact"], {"host": "c0", "command": "swact"},
     "host=c0.command=swact"),
    (["host=<h>.command=unlock"], {"host": "c0", "command": "dance"}, None),
    (["host=<h>"], {"port": "p"}, None), (["peer_group=<g>,peer=<p>"], {"peer": "1", "peer_group": "2"},
                                          "peer_group=2,peer=1")])
def test_templates_are_filled(templates: list[str], parts: dict[str, str], text: str | None) -> None:
    assert entity.fill(templates, parts) == text


def test_a_checked_fault_is_in_stored_form() -> None:
    checked = checked_fault(replace(FAULT, alarm_state=AlarmState.LOG, uuid="short"))
    assert (checked.alarm_state, checked.entity_type_id, checked.uuid) == (AlarmState.MSG, "host.port", None)


@pytest.mark.parametrize(("field", "value"), [
    ("alarm_id", "1.2"), ("alarm_id", "200.004 "), ("alarm_id", "٢٠٠.٠٠٤"), ("entity_instance_id", ""),
    ("entity_instance_id", "x" * 256), ("entity_instance_id", "a\x00"), ("entity_type_id", "t" * 256),
    ("severity", "loud"), ("severity", Severity.CLEAR), ("severity", Severity.NOT_APPLICABLE), ("alarm_type", "x"),
    ("probable_cause", "bad luck"), ("reason_text", "r" * 2049), ("reason_text", "\ud800"), ("reason_text", None),
    ("proposed_repair_action", "\x00"), ("service_affecting", "yes"), ("suppression", 1), ("timestamp", "soon"),
    ("alarm_state", "x")])
def test_what_breaks_a_rule_is_named(field: str, value: object) -> None:
    with pytest.raises(InvalidFault) as refused:
        checked_fault(replace(FAULT, **{field: value}))
    assert refused.value.params["field"] == field


@pytest.mark.parametrize(("text", "moment"), [
    ("2026-03-01 10:20:30.6789", datetime(2026, 3, 1, 10, 20, 30, 678900, UTC)),
    ("2026-03-01 10:20:30.1", datetime(2026, 3, 1, 10, 20, 30, 100000, UTC)),
    ("2026-03-01 10:20:30.12", datetime(2026, 3, 1, 10, 20, 30, 120000, UTC)),
    ("2026-03-01 10:20:30.000456", datetime(2026, 3, 1, 10, 20, 30, 456, UTC)),
    ("2026-03-01 10:20:30.123456789", datetime(2026, 3, 1, 10, 20, 30, 123456, UTC)),
    ("0001-01-01", datetime(1, 1, 1, tzinfo=UTC)),
    ("9999-12-31 23:59:59.999999", datetime(9999, 12, 31, 23, 59, 59, 999999, UTC)),
    ("2026-03-01T10:20:30", datetime(2026, 3, 1, 10, 20, 30, 0, UTC)),
    ("2026-03-01T12:20:30+02:00", datetime(2026, 3, 1, 10, 20, 30, 0, UTC)),
    ("20160131 10:23:45", datetime(2016, 1, 31, 10, 23, 45, 0, UTC)), ("2026-02-01", datetime(2026, 2, 1, tzinfo=UTC))])
def test_times(text: str, moment: datetime) -> None:
    assert parse_time("timestamp", text) == moment


@pytest.mark.parametrize("text", [
    "0001-01-01T00:00:00+02:00", "9999-12-31T23:59:59-05:00", "10000-01-01", "0000-01-01", "2026-02-30", "", " ",
    "2026-03-01 25:00:00", "1769900000", "now"])
def test_what_is_no_time(text: str) -> None:
    with pytest.raises(InvalidFault) as refused:
        parse_time("timestamp", text)
    assert refused.value.params["field"] == "timestamp"


@pytest.mark.parametrize("field", ["entity_instance_id", "entity_type_id"])
def test_ids_have_at_most_255_characters(field: str) -> None:
    assert getattr(checked_fault(replace(FAULT, **{field: "i" * 255})), field) == "i" * 255
    with pytest.raises(InvalidFault, match="at most 255"):
        checked_fault(replace(FAULT, **{field: "i" * 256}))


@pytest.mark.parametrize("ttl_s", [-1, 366 * 86400 + 1, True, "60", None])
def test_a_time_to_live_is_a_bounded_number(ttl_s: object) -> None:
    with pytest.raises(InvalidFault, match="time_to_live_s"):
        checked_fault(replace(FAULT, time_to_live_s=ttl_s))  # type: ignore[arg-type]
    assert checked_fault(replace(FAULT, time_to_live_s=60)).time_to_live_s == 60


def test_numbers_of_causes() -> None:
    assert len(NUMBERED_CAUSES) == 77 and len(set(NUMBERED_CAUSES)) == 77
    assert [snmp_cause(cause) for cause in ("adaptor-error", "out-of-memory", "out-of-hours-activity", "key-expired",
                                            "certificate-expiration", "unknown", "not-applicable")] == [
        1, 32, 74, 73, 0, 0, 0]


@pytest.mark.parametrize(("severity", "threshold", "reached"), [
    ("critical", "warning", True), ("major", "major", True), ("minor", "major", False), ("critical", "none", False),
    ("warning", "warning", True), ("not-applicable", "warning", False)])
def test_thresholds(severity: str, threshold: str, reached: bool) -> None:
    assert reaches(severity, threshold) is reached
