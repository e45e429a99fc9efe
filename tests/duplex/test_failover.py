# SPDX-License-Identifier: Apache-2.0
"""The active controller dies: the other one switches it off, takes over with all data, and gets it back as standby."""
import re
import subprocess
import time

import pytest

from devstack.virtualcloud.cloudclient import wait_for
from devstack.virtualcloud.mainjob import PROGRAMS, lab
from tests.lab.stack import REPO

CONTROLLERS = ("controller-0", "controller-1")
FLOATING = "10.10.10.1"
LOCATION = {"locn": "before the failover"}


def status(on, host):
    return on(host, f"{PROGRAMS}/sm", "status")


def groups(on, host):
    """What service management of ``host`` says of the groups: ``{(group, node): (desired, state)}``."""
    return {(words[0], words[1]): (words[2], words[3]) for line in status(on, host).splitlines()
            if len(words := line.split()) >= 4 and words[0].endswith("-services")}


def active(on):
    """The controller that leads, and the other one."""
    for host in CONTROLLERS:
        found = re.match(r"(controller-[01]) leads", status(on, host))
        if found:
            return found[1], next(name for name in CONTROLLERS if name != found[1])
    raise AssertionError("no controller leads")


def redundant(on, leader, other):
    states = groups(on, leader)
    return {state for (_, node), state in states.items() if node == leader} == {("active", "active")} and {
        state for (_, node), state in states.items() if node == other} == {("standby", "standby")}


def answers():
    """Whether the floating address answers from outside."""
    done = subprocess.run([str(REPO / "devstack/lab"), "exec", "outside", "--", "ping", "-c1", "-W1", FLOATING],
                          capture_output=True, timeout=30, check=False)
    return done.returncode == 0


def has(on, host, address):
    return f" {address}/" in on(host, "ip", "-br", "address")


@pytest.mark.timeout(2400)  # with the lab's start
def test_the_active_controller_dies(cloud, api, on):
    leader, other = active(on)
    wait_for("both controllers in service", lambda: redundant(on, leader, other), 120)
    reply = api.patch("https://127.0.0.1:6385/v1/ihosts/worker-0", timeout=30,
                      json=[{"op": "replace", "path": "/location", "value": LOCATION}])
    assert reply.status_code == 200, reply.text
    hosts = {host["hostname"] for host in cloud.hosts()}
    lab("crash", leader)
    dead = time.monotonic()
    wait_for(f"{FLOATING} at {other}", lambda: has(on, other, FLOATING) and answers(), 90)
    print(f"the floating address answers from {other} after {time.monotonic() - dead:.1f} s")
    wait_for("all hosts by the API", lambda: reached(cloud) == hosts, 180)
    print(f"the API answers with all hosts after {time.monotonic() - dead:.1f} s")
    assert cloud.host("worker-0")["location"] == LOCATION, "what was acknowledged is there"
    assert active(on)[0] == other
    wait_for("worker-0 heard by the bus", lambda: ":5671" in on("worker-0", "ss", "-Htn", "state", "established"), 120)
    wait_for(f"{leader} back on standby", lambda: lab_is_up(leader) and redundant(on, other, leader), 240)
    print(f"redundant again after {time.monotonic() - dead:.1f} s")
    assert not has(on, leader, FLOATING)


def reached(cloud):
    try:
        return {host["hostname"] for host in cloud.hosts()}
    except Exception:
        return set()


def lab_is_up(name):
    return next(host["stage"] for host in lab("status")["hosts"] if host["name"] == name) == "up"
