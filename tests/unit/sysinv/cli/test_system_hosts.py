# SPDX-License-Identifier: Apache-2.0
"""``system host-*`` against a table of answers: golden outputs, requests, exit codes."""
from __future__ import annotations

from typing import Any

import pytest

from flock.cli.wait import Outcome
from flock.testing.cli import Answer, FakeApi, Ran, Script, refusal, run_cli
from sysinv.client.waiting import LockJudge
from sysinv.cmd.shell import PROGRAM

CONTROLLER: dict[str, Any] = {
    "id": 1, "uuid": "11111111-1111-1111-1111-111111111111", "hostname": "controller-0", "personality": "controller",
    "subfunctions": "controller,worker", "subfunction_oper": "enabled", "subfunction_avail": "available",
    "administrative": "unlocked", "operational": "enabled", "availability": "available", "task": None,
    "mgmt_ip": "192.168.204.2", "capabilities": {"Personality": "Controller-Active"}, "location": {"locn": "rack 1"},
    "created_at": "2026-05-01T10:00:00.123456+00:00", "updated_at": None,
    "links": [{"href": "http://x/v1/ihosts/1", "rel": "self"}], "icpus": [{"href": "http://x", "rel": "self"}],
}
WORKER: dict[str, Any] = {
    **CONTROLLER, "id": 2, "uuid": "22222222-2222-2222-2222-222222222222", "hostname": "worker-0",
    "personality": "worker", "subfunctions": "worker", "capabilities": {},
}
DISCOVERED: dict[str, Any] = {
    **WORKER, "id": 3, "uuid": "33333333-3333-3333-3333-333333333333", "hostname": None, "personality": None,
    "subfunctions": None, "administrative": "locked", "operational": "disabled", "availability": "offline",
}
HOSTS = {"ihosts": [DISCOVERED, CONTROLLER, WORKER]}


def system(argv: str | list[str], table: dict[str, Any]) -> tuple[Ran, FakeApi]:
    api = FakeApi(table)
    return run_cli(PROGRAM, argv, api), api


@pytest.fixture(autouse=True)
def _surroundings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CLI_CONFIRMATIONS", raising=False)
    monkeypatch.setattr("flock.cli.wait.POLL_INTERVAL_S", 0.001)


def test_host_list_shows_discovered_hosts_as_none() -> None:
    ran, _ = system("host-list", {"/v1/ihosts": {"GET": HOSTS}})
    assert ran.code == 0
    assert ran.out == (
        "+----+--------------+-------------+----------------+-------------+--------------+\n"
        "| id | hostname     | personality | administrative | operational | availability |\n"
        "+----+--------------+-------------+----------------+-------------+--------------+\n"
        "| 1  | controller-0 | controller  | unlocked       | enabled     | available    |\n"
        "| 2  | worker-0     | worker      | unlocked       | enabled     | available    |\n"
        "| 3  | None         | None        | locked         | disabled    | offline      |\n"
        "+----+--------------+-------------+----------------+-------------+--------------+\n")


def test_host_list_json_is_the_api_object() -> None:
    ran, _ = system("host-list -f json", {"/v1/ihosts": {"GET": HOSTS}})
    first = ran.json()[0]
    assert first["mgmt_ip"] == "192.168.204.2"
    assert first["created_at"] == "2026-05-01T10:00:00.123456Z"
    assert {"links", "icpus"}.isdisjoint(first)


def test_host_list_of_nothing() -> None:
    assert system("host-list", {"/v1/ihosts": {"GET": {"ihosts": []}}})[0].out == "\n"
    assert system("host-list -f json", {"/v1/ihosts": {"GET": {"ihosts": []}}})[0].out == "[]\n"


@pytest.mark.parametrize(("host", "rows"), [
    (CONTROLLER, {"subfunctions", "subfunction_oper", "subfunction_avail"}),
    (WORKER, set()),
    ({**WORKER, "subfunctions": "worker,lowlatency"}, {"subfunctions"}),
    ({**WORKER, "peers": {"name": "group-0"}}, {"peers"}),
])
def test_host_show_rows_depend_on_the_host(host: dict[str, Any], rows: set[str]) -> None:
    ran, _ = system("host-show x", {"/v1/ihosts/x": {"GET": host}})
    shown = {line.split("|")[1].strip() for line in ran.out.splitlines() if line.startswith("|")}
    assert shown & {"subfunctions", "subfunction_oper", "subfunction_avail", "peers"} == rows
    assert {"hostname", "mgmt_ip", "task", "install_state"} <= shown


def test_host_not_found() -> None:
    ran, _ = system("host-show nobody", {})
    assert (ran.code, ran.out, ran.err) == (1, "", "host not found: nobody\n")


def test_a_name_cannot_leave_its_path_segment() -> None:
    _, api = system(["host-show", "../isystems?x=1"], {})
    assert api.calls[0][1] == "/v1/ihosts/..%2Fisystems%3Fx%3D1"


def test_host_add_sends_only_what_was_given() -> None:
    argv = ["host-add", "-n", "worker-0", "-p", "worker", "-m", "08:00:27:bf:29:39", "-c", "", "-l", "row 4 rack 7"]
    ran, api = system(argv, {"/v1/ihosts": {"POST": WORKER}})
    assert ran.code == 0
    assert api.calls == [("POST", "/v1/ihosts", {
        "hostname": "worker-0", "personality": "worker", "mgmt_mac": "08:00:27:bf:29:39", "console": "",
        "location": {"locn": "row 4 rack 7"}}, None)]


def test_host_update_is_a_json_patch() -> None:
    _, api = system(["host-update", "3", "personality=worker", "hostname=worker-0", "location=a=b"],
                    {"/v1/ihosts/3": {"PATCH": WORKER}})
    assert api.calls[0][2] == [
        {"op": "replace", "path": "/personality", "value": "worker"},
        {"op": "replace", "path": "/hostname", "value": "worker-0"},
        {"op": "replace", "path": "/location", "value": {"locn": "a=b"}}]


@pytest.mark.parametrize("argv", ["host-update 3 personality", "host-update 3", "host-lock worker-0 -u",
                                  "host-lock worker-0 --timeout 0", "modify"])
def test_usage_errors(argv: str) -> None:
    ran, api = system(argv, {})
    assert (ran.code, ran.out, api.calls) == (2, "", [])


def test_delete_goes_on_after_an_error_and_fails() -> None:
    table = {"/v1/ihosts/a": {"DELETE": Answer(None, 204)},
             "/v1/ihosts/b": {"DELETE": refusal(400, "Host b is unlocked.")},
             "/v1/ihosts/c": {"DELETE": Answer(None, 204)}}
    ran, _ = system("host-delete a b c", table)
    assert (ran.code, ran.out, ran.err) == (1, "Deleted host a\nDeleted host c\n", "b: Host b is unlocked.\n")


@pytest.mark.parametrize(("argv", "action"), [
    ("host-lock w", "lock"), ("host-lock w -f", "force-lock"), ("host-lock w -f -u", "force-unsafe-lock"),
    ("host-unlock w", "unlock"), ("host-unlock w -f", "force-unlock"),
    ("host-swact w", "swact"), ("host-swact w --force", "force-swact"),
    ("host-reboot w", "reboot"), ("host-reset w", "reset"), ("host-reinstall w", "reinstall"),
    ("host-power-on w", "power-on"), ("host-power-off w", "power-off"),
])
def test_actions_on_the_wire(argv: str, action: str) -> None:
    ran, api = system(argv, {"/v1/ihosts/w": {"PATCH": WORKER}})
    assert ran.code == 0
    assert api.calls == [("PATCH", "/v1/ihosts/w", [{"op": "replace", "path": "/action", "value": action}], None)]
    assert "| hostname " in ran.out


def test_a_refused_lock_prints_the_servers_sentence() -> None:
    text = "controller-0 : Rejected: Can not lock an active controller."
    ran, _ = system("host-lock controller-0", {"/v1/ihosts/controller-0": {"PATCH": refusal(400, text)}})
    assert (ran.code, ran.out, ran.err) == (1, "", text + "\n")


def states(host: dict[str, Any], *steps: str) -> Script:
    """Host bodies from ``administrative/operational/availability[/task][@what mtce does][^last error]``.

    ``!`` stands for an API that is away.
    """
    bodies: list[Any] = []
    for step in steps:
        if step == "!":
            bodies.append(refusal(503, "starting"))
            continue
        rest, _, error = step.partition("^")
        rest, _, mtce_action = rest.partition("@")
        administrative, operational, availability, *task = rest.split("/")
        bodies.append({**host, "administrative": administrative, "operational": operational,
                       "availability": availability, "task": task[0] if task else None, "inv_state": "inventoried",
                       "mtce_action": mtce_action or None, "last_error": error or None,
                       "last_error_at": "2026-05-01T10:00:00+00:00" if error else None})
    return Script(*bodies)


def waiting(argv: str, *steps: str, operations: Any = None) -> Ran:
    """Run with the states before the action first, then those seen while waiting."""
    done = {"operations": [{"kind": "configure", "state": "failed"}, {"kind": "action", "state": "done"}]}
    table = {"/v1/ihosts/w": {"GET": states(WORKER, steps[0]), "PATCH": WORKER},
             f"/v1/ihosts/{WORKER['uuid']}": {"GET": states(WORKER, *steps[1:])},
             f"/v1/ihosts/{WORKER['uuid']}/operations": {"GET": operations or done}}
    return system(argv, table)[0]


def test_unlock_waits_for_enabled_and_shows_the_host_at_the_end() -> None:
    ran = waiting("host-unlock w --wait", "locked/disabled/online", "locked/disabled/online/Unlocking@enable",
                  "unlocked/disabled/offline/Booting@enable", "!", "unlocked/disabled/intest/Enabling@enable",
                  "unlocked/enabled/available/Testing@enable", "unlocked/enabled/available/Gracefully Recovered")
    assert ran.code == 0
    assert ran.err.splitlines() == [
        "Unlock worker-0: locked/disabled/online, Unlocking",
        "Unlock worker-0: unlocked/disabled/offline, Booting",
        "Unlock worker-0: API not answering (starting)",
        "Unlock worker-0: unlocked/disabled/intest, Enabling",
        "Unlock worker-0: unlocked/enabled/available, Testing",
        "Unlock worker-0: unlocked/enabled/available, Gracefully Recovered",
    ]
    assert "unlocked" in ran.out


FAILED_ONCE = "unlocked/disabled/failed/In-Test Failed, re-enabling@enable^In-Test Failed, re-enabling"


@pytest.mark.parametrize(("argv", "steps", "reason"), [
    ("host-unlock w --wait",
     (FAILED_ONCE, "unlocked/disabled/failed/In-Test Failure, threshold reached^In-Test Failed"),
     "failed: unlocked/disabled/failed, In-Test Failure, threshold reached: In-Test Failed"),
    ("host-unlock w --wait", ("unlocked/disabled/offline@enable", "locked/disabled/offline"), "failed: locked"),
    ("host-lock w --wait", ("unlocked/enabled/available@lock", "unlocked/enabled/available"), "failed: unlocked"),
    ("host-lock w --wait --timeout 0.05", ("unlocked/enabled/available/Locking@lock",), "did not finish within 0.05 s"),
    ("host-reset w --wait", ("locked/disabled/online/Reset Failed - retry 1 of 10@reset",
                             "locked/disabled/online^Reset Failed - BMC is not accessible"), "BMC is not accessible"),
    ("host-reinstall w --wait", ("locked/disabled/offline@reinstall", "locked/disabled/offline^Reinstall Failed ; x"),
     "Reinstall Failed ; x"),
    ("host-power-off w --wait", ("locked/disabled/online@power-off", "locked/disabled/online^BMC refused"), "refused"),
])
def test_waits_that_fail(argv: str, steps: tuple[str, ...], reason: str) -> None:
    ran = waiting(argv, "unlocked/enabled/available", *steps)
    assert (ran.code, ran.out) == (1, "")
    assert reason in ran.err.splitlines()[-1]


@pytest.mark.parametrize("argv", [f"host-{verb} w --wait" for verb in (
    "lock", "unlock", "reboot", "reset", "reinstall", "power-on", "power-off")])
def test_a_wait_ends_with_the_operation_that_failed(argv: str) -> None:
    operations = {"operations": [{"kind": "action", "state": "undone", "error": "Operation Rejected: busy."}]}
    ran = waiting(argv, "locked/disabled/offline", "locked/disabled/offline", operations=operations)
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.splitlines()[-1].endswith("Operation Rejected: busy.")


@pytest.mark.parametrize(("argv", "before", "steps"), [
    ("host-unlock w --wait", "locked/disabled/online", (FAILED_ONCE, "unlocked/disabled/offline/Rebooting@enable",
                                                        "unlocked/enabled/degraded")),
    ("host-lock w --wait", "unlocked/enabled/available", ("unlocked/enabled/available/Locking@lock",
                                                          "locked/disabled/offline", "locked/disabled/online")),
    ("host-lock w --wait", "unlocked/disabled/failed", ("locked/disabled/offline",)),
    ("host-reboot w --wait", "locked/disabled/online", ("locked/disabled/online/Reboot Failed, retry 1 of 5@reboot",
                                                        "locked/disabled/offline", "locked/disabled/online")),
    ("host-reset w --wait", "locked/disabled/online^an old failure", (
        "locked/disabled/online/Reset Failed - BMC not accessible, retry 1 of 10@reset^an old failure",
        "locked/disabled/offline/Reset Completed", "locked/disabled/online")),
    ("host-power-off w --wait", "locked/disabled/online", ("locked/disabled/online/Powering-off@power-off",
                                                           "locked/disabled/power-off")),
    ("host-power-on w --wait", "locked/disabled/power-off", ("locked/disabled/offline@power-on",
                                                             "locked/disabled/online")),
    ("host-reinstall w --wait", "locked/disabled/online", ("locked/disabled/online/Reinstalling@reinstall",
                                                           "locked/disabled/offline", "locked/disabled/online")),
])
def test_waits_that_succeed_see_every_step(argv: str, before: str, steps: tuple[str, ...]) -> None:
    ran = waiting(argv, before, *steps)
    assert ran.code == 0, ran.err
    assert len(ran.err.splitlines()) == len(steps)


@pytest.mark.parametrize("busy", [
    {"ihost_action": "lock"}, {"mtce_action": "lock"}, {"operation": {"state": "pending"}},
    {"operation": {"state": "running"}}, {"operation": {"state": "undoing"}}])
def test_nothing_is_over_while_somebody_works_on_the_host(busy: dict[str, Any]) -> None:
    host = {**WORKER, "administrative": "locked", "operational": "disabled", "availability": "online"}
    assert LockJudge(host)(host).outcome is Outcome.DONE
    assert LockJudge(host)({**host, **busy}).outcome is Outcome.PENDING


def test_swact_waits_for_the_other_controller() -> None:
    other = {**CONTROLLER, "id": 4, "uuid": "4", "hostname": "controller-1", "capabilities": {}}
    after = [{**CONTROLLER, "capabilities": {"Personality": "Controller-Standby"}},
             {**other, "capabilities": {"Personality": "Controller-Active"}}]
    table = {"/v1/ihosts/controller-0": {"GET": CONTROLLER, "PATCH": CONTROLLER},
             f"/v1/ihosts/{CONTROLLER['uuid']}": {"GET": CONTROLLER},
             "/v1/ihosts": {"GET": Script({"ihosts": [{**CONTROLLER, "task": "Swacting"}, other]},
                                          refusal(503, "moving"), {"ihosts": after})}}
    ran, _ = system("host-swact controller-0 --wait", table)
    assert ran.code == 0
    assert ran.err.splitlines()[0] == "Swact of controller-0: active controller is controller-0, Swacting"
    assert ran.err.splitlines()[-1] == "Swact of controller-0: active controller is controller-1"


def test_add_waits_for_the_installation() -> None:
    steps = states(WORKER, "locked/disabled/offline", "locked/disabled/online")
    table = {"/v1/ihosts": {"POST": WORKER}, f"/v1/ihosts/{WORKER['uuid']}": {"GET": steps}}
    ran, _ = system("host-add -n worker-0 -p worker -m 08:00:27:bf:29:39 --wait", table)
    assert ran.code == 0
    failed = {"/v1/ihosts": {"POST": WORKER},
              f"/v1/ihosts/{WORKER['uuid']}": {"GET": {**WORKER, "install_state": "failed"}}}
    ran, _ = system("host-add -n worker-0 -p worker -m 08:00:27:bf:29:39 --wait", failed)
    assert ran.code == 1
    assert "failed" in ran.err
