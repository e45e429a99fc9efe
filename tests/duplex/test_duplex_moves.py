# SPDX-License-Identifier: Apache-2.0
"""Acceptance scenarios of moves, locks and restarts, in the lab: 11-15, 18 and 27."""
import time

import pytest

from devstack.virtualcloud.cloudclient import wait_states
from devstack.virtualcloud.mainjob import IN_SERVICE, boots, cli
from tests.duplex.pair import FLOATING, answers

pytestmark = pytest.mark.timeout(900)

SM = "https://127.0.0.1:7777/v1/servicenode"
GROUPS = "controller-services"


@pytest.fixture
def scene(pair):
    return pair.leader()


def ask(api, host, action):
    """What sm-api says of a command about a controller, as sysinv asks it: status and body."""
    reply = api.patch(f"{SM}/{host}", timeout=30, json={"origin": "sysinv", "action": action, "admin": "unknown",
                                                       "oper": "unknown", "avail": ""})
    return reply.status_code, reply.json()


def shown(api, host):
    body = api.get(f"{SM}/{host}", timeout=30).json()
    return body["active_services"], body["swactable_services"]


def test_scenario_11_host_swact(pair, scene, api):
    active, standby = scene
    status, body = ask(api, active, "swact-pre-check")
    assert (status, body["error_code"], body.get("error_details")) == (200, "0", None)
    assert shown(api, active) == ("yes", "yes")
    cli("system", "host-swact", active, quiet=True)
    begun = time.monotonic()
    pair.wait(f"{FLOATING} at {standby}", lambda: pair.has(standby, FLOATING) and answers(), 120)
    pair.wait("the API answers", pair.hosts_answer, 120 - (time.monotonic() - begun))
    print(f"the API answers {time.monotonic() - begun:.1f} s after the order")
    pair.wait(f"{standby} has everything", lambda: pair.redundant(standby), 120 - (time.monotonic() - begun))
    assert pair.told(active, f"{GROUPS} is go-standby here") < pair.told(standby, f"{GROUPS} is go-active here")
    assert pair.told(active, f"{GROUPS} is standby here") <= pair.told(standby, f"{GROUPS} is go-active here")
    pair.wait("401.007", lambda: pair.events("401.007"), 60)
    assert [event["reason_text"] for event in pair.events("401.007")] == [f"Swact issued against host {active}"]
    # What runs on both goes on there; nothing is left for a swact.
    pair.wait("no active services", lambda: shown(api, active) == ("yes", "no"), 30)
    serving = {name for (name, node), state in pair.states(pair.status(standby)).items()
               if node == active and state == "active"}
    assert serving == {"probe-shared-services"}
    pair.wait("the end of the order", lambda: pair.host(active)["task"] in (None, "", "Swact: Complete"), 120)
    assert not pair.has(active, FLOATING)


def test_scenario_12_a_swact_is_refused_while_the_target_synchronizes_and_a_forced_one_proceeds(pair, scene, api):
    active, standby = scene
    pair.say(standby, "probe-data", "monitor", 35)
    pair.wait("degraded", lambda: pair.group(active, GROUPS, standby) == "standby-degraded", 20)
    status, body = ask(api, active, "swact-pre-check")
    assert (status, body["error_code"]) == (200, "-1001")
    assert body["error_details"] == f"{GROUPS} on {standby} is not ready to take service, service is syncing data"
    status, body = ask(api, active, "swact")
    assert status == 400
    pair.holds("it stays", lambda: pair.leads(active), 3)
    pair.sm(active, "sm", "swact", "--force")
    pair.wait(f"{standby} leads", lambda: pair.leads(standby), 60)
    pair.unsay(standby)
    pair.wait(f"{standby} has everything", lambda: pair.redundant(standby), 120)


def test_scenario_13_a_swact_whose_target_does_not_start_goes_back(pair, scene):
    active, standby = scene
    pair.say(standby, "probe", "start", 1)
    pair.sm(active, "sm", "swact")
    pair.wait("the start fails there", lambda: pair.told(standby, f"{GROUPS} is go-active here, failed action-failure")
              is not None, 120)
    pair.wait(f"{active} leads again", lambda: pair.leads(active), 60)
    pair.unsay(standby)
    pair.wait(f"{active} has everything", lambda: pair.redundant(active), 120)
    pair.holds("it stays", lambda: pair.leads(active), 5)


def test_scenario_14_a_host_that_alone_provides_services_cannot_be_locked(pair, scene, api):
    active, standby = scene
    pair.say(active, "probe-shared", "start", 1)
    pair.kill_probe(active, "probe-shared")
    pair.wait("it does not run here", lambda: (line := pair.service(active, "probe-shared")) and
              line["state"] not in ("enabled-active",), 20)

    def refused():
        status, body = ask(api, standby, "lock-pre-check")
        return status == 200 and body["error_code"] == "-1003" and body
    pair.wait("the lock is refused", refused, 20)
    body = refused()
    assert "probe-shared" in str(body["impact_service_list"])
    assert body["error_details"] == f"{standby} is the sole provider of some services."
    assert ask(api, standby, "lock")[0] == 400
    pair.unsay(active)
    pair.wait("it may be locked", lambda: ask(api, standby, "lock-pre-check")[1]["error_code"] == "0", 120)


def test_scenario_15_lock_and_unlock_of_the_standby(pair, scene):
    active, standby = scene
    cli("system", "host-lock", standby, quiet=True)
    pair.wait("what runs on both has ended there", lambda: pair.group(active, "probe-shared-services", standby)
              == "disabled", 60)
    known = pair.status(active)
    states, movable = pair.states(known), pair.movable(known)
    assert {states[name, standby] for name in movable} == {"standby"}
    pair.wait("400.002 of all", lambda: len(pair.alarms("400.002")) == len({name for name, _ in states}), 30)
    # No write waits for a node out of service.
    assert pair.leads(active) and set(known["current"]) == {active}
    cli("system", "host-unlock", standby, quiet=True)
    wait_states(pair.cloud, standby, IN_SERVICE, 240)
    pair.wait("redundant", lambda: pair.redundant(active), 240)
    pair.wait("cleared", lambda: not pair.alarms("400.002"), 30)
    assert not any("fences" in line.text for line in pair.lines()), "an ordered boot is no death"


def test_scenario_27_the_daemon_of_the_standby_restarts(pair, scene):
    active, standby = scene
    started = boots(standby), boots(active)
    for host in (standby, active):
        pair.on(host, "systemctl", "restart", "flock-sm.service")
        pair.wait("redundant", lambda: pair.redundant(active), 60)
    assert (boots(standby), boots(active)) == started
    moved = [line.text for line in pair.lines() if "fences" in line.text or "leads in term" in line.text
             and line.node == standby]
    assert not moved, moved
