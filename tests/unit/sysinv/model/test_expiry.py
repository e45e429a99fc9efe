# SPDX-License-Identifier: Apache-2.0
"""Alarms of certificates: from when, which, with what text, and when they end."""
from __future__ import annotations

import datetime

import pytest

from sysinv.model.expiry import EXPIRED, SOON, WARN_DAYS, Watched, corrections, entity_of, expiry_alarms

NOW = datetime.datetime(2026, 11, 29, 12, tzinfo=datetime.UTC)
UUID = "6e6f6465-0000-4000-8000-000000000001"
ENTITY = f"system.certificate.mode=front.uuid={UUID}"


def of(end: datetime.datetime) -> Watched:
    return Watched("front", "controller-0", UUID, end, "Run 'flock-rotate certificates'.")


@pytest.mark.parametrize(("left", "expected"), [
    (datetime.timedelta(days=WARN_DAYS), None), (datetime.timedelta(days=WARN_DAYS, seconds=-1), SOON),
    (datetime.timedelta(seconds=1), SOON), (datetime.timedelta(0), EXPIRED), (datetime.timedelta(days=-9), EXPIRED)])
def test_alarm_by_the_time_that_is_left(left: datetime.timedelta, expected: str | None) -> None:
    assert list(expiry_alarms([of(NOW + left)], NOW)) == ([] if expected is None else [(expected, ENTITY)])


def test_the_text_names_days_date_and_what_to_do() -> None:
    [alarm] = expiry_alarms([of(NOW + datetime.timedelta(days=12, hours=1))], NOW).values()
    assert alarm.reason == "Certificate front of host controller-0 expires on 2026-12-11, in 12 days."
    assert "flock-rotate certificates" in alarm.remedy and alarm.severity == "major"
    [alarm] = expiry_alarms([of(NOW)], NOW).values()
    assert alarm.severity == "critical" and "expired on 2026-11-29" in alarm.reason


def test_fm_is_told_only_what_differs() -> None:
    wanted = expiry_alarms([of(NOW + datetime.timedelta(days=3))], NOW)
    [(key, alarm)] = wanted.items()
    assert corrections(wanted, {}) == ([(key, alarm)], [])
    assert corrections(wanted, {key: alarm.reason}) == ([], [])
    # A day later; a renewed certificate; a deleted host; and alarms of others.
    assert corrections(wanted, {key: "in 4 days"}) == ([(key, alarm)], [])
    gone = (SOON, entity_of("host", "6e6f6465-0000-4000-8000-000000000009"))
    assert corrections({}, {key: alarm.reason, gone: "x", (SOON, "namespace=a.certificate=b"): "x",
                            (SOON, "system.certificate.k8sRootCA"): "x"}) == ([], [key, gone])
    assert corrections(expiry_alarms([of(NOW)], NOW), {key: alarm.reason})[1] == [key]
