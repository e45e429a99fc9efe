# SPDX-License-Identifier: Apache-2.0
"""Two servers that are controller and worker at once: both come into service, and the active one dies."""
import time

import pytest

from devstack.virtualcloud.cloudclient import wait_for, wait_states
from devstack.virtualcloud.mainjob import cli, lab
from tests.duplex.journals import CONTROLLERS
from tests.duplex.pair import FLOATING, answers

IN_SERVICE = "unlocked/enabled/available"
NOTE = {"locn": "before the failover"}
HOST = "https://127.0.0.1:6385/v1/ihosts/controller-0"


def shown(cloud, leader):
    """Whether ``system servicegroup-list`` has each group once per server, active on the leader, standby on the other.
    Groups that run on both are active on both."""
    rows = [[cell.strip() for cell in line.split("|")[2:5]]
            for line in cli("system", "servicegroup-list", quiet=True).splitlines() if "-services" in line]
    states = {(group, node): state for group, node, state in rows}
    groups = {group for group, _ in states}
    return len(rows) == len(states) == 2 * len(groups) > 0 and all(
        states[group, node] == ("active" if node == leader else "standby") for group, node in states)


def in_service(cloud):
    """Both servers, as controllers and as workers."""
    for name in CONTROLLERS:
        host = wait_states(cloud, name, IN_SERVICE, 300)
        assert host["subfunctions"] == "controller,worker"
        wait_for(f"the worker in {name}", lambda name=name: (cloud.host(name)["subfunction_oper"],
                 cloud.host(name)["subfunction_avail"]) == ("enabled", "available"), 120)


@pytest.mark.timeout(2400)  # with the lab's start
def test_two_servers_share_the_work(cloud, pair):
    in_service(cloud)
    assert {host["hostname"] for host in cloud.hosts()} == set(CONTROLLERS)
    leader = wait_for("both with all data", pair.redundant, 300)
    wait_for("groups active on one and standby on the other", lambda: shown(cloud, leader), 60)


@pytest.mark.timeout(2400)
def test_the_active_server_dies(cloud, pair, api):
    leader = wait_for("both with all data", pair.redundant, 300)
    other = next(name for name in CONTROLLERS if name != leader)
    reply = api.patch(HOST, timeout=30, json=[{"op": "replace", "path": "/location", "value": NOTE}])
    assert reply.status_code == 200, reply.text
    pair.begin()
    lab("crash", leader)
    dead = time.monotonic()
    pair.wait(f"{FLOATING} at {other}", lambda: pair.has(other, FLOATING) and answers(), 120)
    pair.wait("the API answers", pair.hosts_answer, 180)
    print(f"the API answers with both servers after {time.monotonic() - dead:.1f} s")
    assert cloud.host("controller-0")["location"] == NOTE, "what was acknowledged is there"
    assert pair.leads(other)
    pair.wait(f"{leader} back on standby", lambda: pair.redundant(other), 420)
    print(f"redundant again after {time.monotonic() - dead:.1f} s")
    in_service(cloud)
    wait_for("groups active on the other one", lambda: shown(cloud, other), 60)
    pair.check()
