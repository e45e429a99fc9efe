# SPDX-License-Identifier: Apache-2.0
"""Outputs of the real fm-manager: one that hangs, restarts, an Alertmanager, metrics. Costs about 20 s."""
from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator

import pytest
import requests

from flock.core.ids import new_uuid
from flock.testing.services.process import wait_for
from fm.contract.fault import AlarmKey
from fm.contract.rpc import FaultRequest
from tests.functional.fm_outputs.conftest import Outgoing, fault, request
from tests.functional.fm_outputs.receivers import HttpReceiver

Receivers = dict[str, HttpReceiver]


@pytest.fixture
def told(receivers: Receivers, fm: Outgoing) -> Iterator[Receivers]:
    """The receivers, all well and empty."""
    for receiver in receivers.values():
        receiver.recover()
    # What the test before left in the queues comes before this alarm.
    fm.raiser().apply_now([request(fault(0, entity_instance_id="host=mark")),
                           FaultRequest(new_uuid(), clear=AlarmKey("200.004", "host=mark"))])
    for receiver in receivers.values():
        wait_for(lambda: sum("host=mark" in json.dumps(body) for body in receiver.bodies) >= 2, 45,  # noqa: B023
                 "empty queues")
        receiver.forget()
    yield receivers
    for receiver in receivers.values():
        receiver.recover()


def metrics(fm: Outgoing) -> dict[str, float]:
    """The manager's samples by name and labels."""
    text = requests.get(f"http://127.0.0.1:{fm.metrics_port}/metrics", timeout=10).text
    return {name: float(value) for name, _, value in
            (line.rpartition(" ") for line in text.splitlines() if not line.startswith("#"))}


def reasons(receiver: HttpReceiver) -> list[str]:
    return [body["alerts"][0]["annotations"]["summary"] for body in receiver.bodies]


def of_bad(fm: Outgoing, family: str, receivers: Receivers) -> float:
    """A sample of the output that belongs to the receiver ``bad``."""
    good = sorted(name for name in metrics(fm) if name.startswith(f"{family}{{") and "webhook" in name)
    port = receivers["bad"].url
    assert len(good) == 2, (good, port)
    return max(metrics(fm)[name] for name in good)


def test_one_that_hangs_delays_neither_another_nor_a_raise_and_gets_everything_after_restarts(
        fm: Outgoing, told: Receivers) -> None:
    told["bad"].hang()
    raiser = fm.raiser()
    before = told["bad"].attempts
    raiser.apply_now([request(fault(0))])
    wait_for(lambda: told["bad"].attempts > before, 10, "the output to hang")
    longest_s = 0.0
    for number in range(1, 21):
        started = time.monotonic()
        raiser.apply_now([request(fault(number))])
        raised_at = time.monotonic()
        longest_s = max(longest_s, raised_at - started)
        wait_for(lambda: len(told["good"].bodies) == number + 1, 5, "the good output", 0.005)  # noqa: B023
        longest_s = max(longest_s, told["good"].times[-1] - raised_at)
    assert longest_s < 2.0, "a raise or the other output waited for the one that hangs"
    assert of_bad(fm, "fm_output_backlog", told) == 21
    assert of_bad(fm, "fm_output_lag_seconds", told) > 0
    # In good order, and then as a power cut would.
    fm.restart_manager()
    raiser.apply_now([request(fault(21))])
    fm.kill_manager()
    fm.start_manager()
    raiser.apply_now([request(fault(22))])
    expected = [f"reason {number}" for number in range(23)]
    told["bad"].recover()
    for name in ("good", "bad"):
        wait_for(lambda: len(set(reasons(told[name]))) == 23, 45, f"everything at {name}")  # noqa: B023
        assert list(dict.fromkeys(reasons(told[name]))) == expected, name
        assert len(reasons(told[name])) <= 25, "repeats only of what was in hand"
    prints = {body["alerts"][0]["fingerprint"] for body in told["good"].bodies}
    assert len(prints) == 23
    wait_for(lambda: of_bad(fm, "fm_output_backlog", told) == 0, 10, "empty queues")


def test_what_a_receiver_gets_for_one_alarm(fm: Outgoing, told: Receivers) -> None:
    raiser = fm.raiser()
    raiser.apply_now([request(fault(1))])
    raiser.apply_now([request(fault(1, reason_text="worse"))])
    raiser.apply_now([FaultRequest(new_uuid(), clear=AlarmKey("200.004", "host=c1"))])
    wait_for(lambda: len(told["good"].bodies) == 3, 10, "three messages")
    alerts = [body["alerts"][0] for body in told["good"].bodies]
    assert [alert["status"] for alert in alerts] == ["firing", "firing", "resolved"]
    assert len({alert["fingerprint"] for alert in alerts}) == len({alert["startsAt"] for alert in alerts}) == 1
    assert alerts[2]["endsAt"] > alerts[2]["startsAt"]
    expected = "Basic " + base64.b64encode(b"fm:hidden word").decode()
    assert told["good"].headers[0]["Authorization"] == expected


def test_an_alertmanager_is_told_changes_and_again_what_is_active(fm: Outgoing, told: Receivers) -> None:
    raiser = fm.raiser()
    raiser.apply_now([request(fault(number)) for number in (1, 2)])
    raiser.apply_now([FaultRequest(new_uuid(), clear=AlarmKey("200.004", "host=c1"))])

    def told_again() -> bool:
        lists = [body for body in told["am"].bodies if [item["labels"]["entity_instance_id"] for item in body]
                 == ["host=c2"]]
        return len(lists) >= 2

    wait_for(told_again, 20, "the active alarm to be told again")
    cleared = [item for body in told["am"].bodies for item in body
               if item["labels"]["entity_instance_id"] == "host=c1"]
    assert cleared[-1]["endsAt"] <= told["am"].bodies[-1][0]["endsAt"]
    assert told["am"].headers[0]["Authorization"] == "Basic " + base64.b64encode(b"u:secret").decode()


def test_metrics_and_health_of_the_manager(fm: Outgoing, told: Receivers) -> None:
    before = metrics(fm)
    fm.raiser().apply_now([request(fault(1)), FaultRequest(new_uuid(), clear=AlarmKey("200.004", "host=c1"))])
    after = metrics(fm)
    for name in ('fm_alarms_raised_total{severity="major"}', "fm_alarms_cleared_total", 'fm_events_total{state="set"}'):
        assert after[name] - before.get(name, 0.0) == 1, name
    wait_for(lambda: sum(value for name, value in metrics(fm).items() if name.startswith("fm_output_delivered_total"))
             > sum(value for name, value in before.items() if name.startswith("fm_output_delivered_total")), 10,
             "deliveries to be counted")
    answer = requests.get(f"http://127.0.0.1:{fm.metrics_port}/healthz", timeout=10)
    assert answer.status_code == 200 and answer.json()["status"] == "ok"


def test_no_secret_is_in_the_log(fm: Outgoing, told: Receivers) -> None:
    chosen = [told["good"], told["am"]]
    before = [receiver.attempts for receiver in chosen]
    for receiver in chosen:
        receiver.hang()
    fm.raiser().apply_now([request(fault(1))])
    for receiver, attempts in zip(chosen, before, strict=True):
        wait_for(lambda: receiver.attempts > attempts, 20, "an attempt")  # noqa: B023
        receiver.recover()  # closes the connection without an answer
    log_path = fm.folder / "fm-manager.log"
    wait_for(lambda: all(f"outbox {kind}-127.0.0.1-" in log_path.read_text() for kind in ("webhook", "alertmanager")),
             10, "the failures to be logged")
    log = log_path.read_text()
    assert "secret" not in log and "hidden word" not in log
