# SPDX-License-Identifier: Apache-2.0
"""Masking, summary, catalogue synchronisation, retention and query filters as tables."""
from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from fm.contract import catalogue
from fm.contract.enums import AlarmState, AlarmType, Severity
from fm.contract.errors import InvalidFault
from fm.contract.fault import Fault
from fm.core import filters, lifecycle, retention, summary
from fm.core.filters import BadFilter, Match, Op
from fm.core.records import Alarm
from fm.core.suppression import SuppressionRow, plan_sync, wanted_row
from tests.oracles.hiding import masked_uuids

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def alarm(uuid: str, entity: str, *, suppression: bool = False, inhibit: bool = False) -> Alarm:
    fault = Fault("200.001", AlarmState.SET, "host", entity, Severity.WARNING, "", AlarmType.OTHER, "unknown",
                  suppression=suppression, inhibit_alarms=inhibit)
    return lifecycle.decide_set(None, fault, NOW, NOW, uuid).alarm


@pytest.mark.parametrize(("alarms", "masked"), [
    ([], set()),
    ([alarm("lock", "host=a", inhibit=True), alarm("x", "host=a", suppression=True)], {"x"}),
    ([alarm("x", "host=a.port=p", suppression=True), alarm("lock", "host=a", inhibit=True)], {"x"}),
    ([alarm("lock", "host=a", inhibit=True), alarm("x", "host=ab", suppression=True)], set()),
    ([alarm("lock", "host=a.port=p", inhibit=True), alarm("x", "host=a", suppression=True)], set()),
    ([alarm("lock", "host=a", inhibit=True), alarm("x", "host=a")], set()),
    ([alarm("self", "host=a", inhibit=True, suppression=True)], set()),
    ([alarm("one", "host=a", inhibit=True, suppression=True), alarm("two", "host=a", inhibit=True)], {"one"})])
def test_masking(alarms: list[Alarm], masked: set[str]) -> None:
    assert masked_uuids(alarms) == masked


@pytest.mark.parametrize(("counts", "status"), [
    ({}, "OK"), ({"warning": 9}, "OK"), ({"minor": 1}, "degraded"), ({"major": 1, "warning": 1}, "degraded"),
    ({"critical": 1, "minor": 1}, "critical")])
def test_status_of_the_cloud(counts: dict[str, int], status: str) -> None:
    assert summary.summary(counts) == {
        "critical": counts.get("critical", 0), "major": counts.get("major", 0), "minor": counts.get("minor", 0),
        "warnings": counts.get("warning", 0), "status": status}


def test_catalogue_synchronisation() -> None:
    entries = catalogue.load().alarms()[:3]
    kept, changed, new = entries
    stored = [wanted_row(kept), replace(wanted_row(changed), description="old"),
              SuppressionRow("998.001", "", "none", "none", False),
              SuppressionRow("998.002", "", "none", "none", False),
              SuppressionRow("998.003", "", "none", "none", True)]
    plan = plan_sync(entries, stored, {"998.001", "998.003"})
    assert [row.alarm_id for row in plan.inserted] == [new.alarm_id]
    assert [row.alarm_id for row in plan.refreshed] == [changed.alarm_id]
    assert (plan.marked, plan.deleted) == (("998.001",), ("998.002",))


def test_an_id_that_comes_back_is_no_longer_marked() -> None:
    entry = catalogue.load().alarms()[0]
    plan = plan_sync([entry], [replace(wanted_row(entry), set_for_deletion=True)], ())
    assert [row.set_for_deletion for row in plan.refreshed] == [False]


def test_retention() -> None:
    assert [retention.prune_every(retention.Limits(size)) for size in (10, 20, 1000, 10000)] == [1, 1, 10, 100]
    assert retention.age_cutoff(retention.Limits(10), NOW) is None
    assert retention.age_cutoff(retention.Limits(10, 28), NOW) == datetime(2026, 2, 1, tzinfo=UTC)


KNOWN = {"severity": Match.SEVERITY, "alarm_id": Match.SUBSTRING, "start": Match.NOT_BEFORE}


def test_filters_are_paired_and_default_to_equal() -> None:
    assert filters.parse(["severity", "alarm_id"], ["ge", ""], ["major", "200"], KNOWN) == [
        filters.Filter("severity", Match.SEVERITY, Op.GE, "major"),
        filters.Filter("alarm_id", Match.SUBSTRING, Op.EQ, "200")]
    assert filters.parse(["alarm_id"], [], ["200"], KNOWN)[0].op is Op.EQ


@pytest.mark.parametrize(("fields", "ops", "values"), [
    (["severity"], [], []), (["severity"], ["eq", "eq"], ["x"]), (["what"], [], ["x"]), (["severity"], ["like"], ["x"]),
    (["severity"], ["lt"], ["loud"]), (["start"], ["ge"], ["2026-01-01"]), (["alarm_id"], [], ["\x00"]),
    (["alarm_id"] * 51, [], ["x"] * 51), (["alarm_id"], [], ["x" * 3000])])
def test_bad_filters_are_refused(fields: list[str], ops: list[str], values: list[str]) -> None:
    with pytest.raises(BadFilter):
        filters.parse(fields, ops, values, KNOWN)


def test_a_date_that_is_none_is_refused() -> None:
    with pytest.raises(InvalidFault):
        filters.parse(["start"], ["eq"], ["tomorrow"], KNOWN)
