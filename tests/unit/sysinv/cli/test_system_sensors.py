# SPDX-License-Identifier: Apache-2.0
"""``system host-sensor-*`` and ``host-sensorgroup-*``: columns, requests, what cannot be meant."""
from __future__ import annotations

import shlex
from typing import Any

import pytest

from flock.testing.cli import FakeApi, Ran, refusal, run_cli
from sysinv.cmd.shell import PROGRAM

SENSOR = {"uuid": "s-1", "sensorname": "fan_1", "sensortype": "tachometer", "state": "enabled", "status": "critical",
          "value": "300", "suppress": False}
GROUP = {"uuid": "g-1", "sensorgroupname": "server fans", "sensortype": "tachometer", "sensors": "fan_1,fan_2",
         "audit_interval_group": 120, "state": "enabled", "suppress": False}
TABLE: dict[str, Any] = {
    "/v1/ihosts/w": {"GET": {"uuid": "h-1", "hostname": "worker-0"}},
    "/v1/ihosts/w/isensors": {"GET": {"isensors": [SENSOR]}},
    "/v1/ihosts/w/isensorgroups": {"GET": {"isensorgroups": [GROUP]}},
    "/v1/isensors/s-1": {"PATCH": SENSOR}, "/v1/isensorgroups/g-1": {"PATCH": GROUP},
    "/v1/isensorgroups/relearn": {"POST": {"host_uuid": "h-1"}}}


def system(argv: str, **more: Any) -> tuple[Ran, list[tuple[str, str, Any]]]:
    api = FakeApi({**TABLE, **more})
    ran = run_cli(PROGRAM, shlex.split(argv), api)
    return ran, [tuple(call[:3]) for call in api.calls if call[0] != "GET"]


def patch(**values: str) -> list[dict[str, str]]:
    return [{"op": "replace", "path": f"/{name}", "value": value} for name, value in values.items()]


@pytest.mark.parametrize(("argv", "titles"), [
    ("host-sensor-list w", "uuid,name,sensortype,state,status"),
    ("host-sensorgroup-list w", "uuid,name,sensortype,sensors,audit_interval_group,state")])
def test_titles_are_starlingxs(argv: str, titles: str) -> None:
    ran, _ = system(argv)
    assert [cell.strip() for cell in ran.out.splitlines()[1].strip("|").split("|")] == titles.split(",")


@pytest.mark.parametrize("ref", ["s-1", "fan_1"])
def test_a_sensor_is_shown_by_uuid_or_name(ref: str) -> None:
    ran, _ = system(f"host-sensor-show w {ref}")
    assert "| sensorname" in ran.out and "300" in ran.out


@pytest.mark.parametrize(("argv", "path", "values"), [
    ("host-sensor-modify w fan_1 suppress=True", "/v1/isensors/s-1", {"suppress": "True"}),
    ("host-sensorgroup-modify w g-1 audit_interval_group=60 actions_critical_group=reset", "/v1/isensorgroups/g-1",
     {"audit_interval_group": "60", "actions_critical_group": "reset"}),
    ("host-sensorgroup-modify w 'server fans' suppress=False", "/v1/isensorgroups/g-1", {"suppress": "False"})])
def test_changes_are_patches(argv: str, path: str, values: dict[str, str]) -> None:
    ran, calls = system(argv)
    assert ran.code == 0, ran.err
    assert calls == [("PATCH", path, patch(**values))]


@pytest.mark.parametrize(("argv", "text"), [
    ("host-sensor-modify w fan_1 value=3", "value=3 is not one of suppress=VALUE."),
    ("host-sensor-modify w fan_1 suppress", "suppress is not one of suppress=VALUE."),
    ("host-sensorgroup-modify w g-1 state=enabled", "state=enabled is not one of audit_interval_group=VALUE"),
    ("host-sensor-show w nose", "nose")])
def test_what_cannot_be_meant_asks_nothing(argv: str, text: str) -> None:
    ran, calls = system(argv)
    assert ran.code != 0 and text in ran.err and calls == []


def test_relearn_says_what_comes() -> None:
    ran, calls = system("host-sensorgroup-relearn w")
    assert calls == [("POST", "/v1/isensorgroups/relearn", {"host_uuid": "h-1"})]
    assert ran.out.startswith("worker-0: the sensor model is being relearnt.")
    busy = refusal(400, "HWMON has returned with a status of fail")
    ran, _ = system("host-sensorgroup-relearn w", **{"/v1/isensorgroups/relearn": {"POST": busy}})
    assert ran.code == 1 and "HWMON has returned" in ran.err
