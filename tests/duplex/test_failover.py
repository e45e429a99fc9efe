# SPDX-License-Identifier: Apache-2.0
"""The active controller dies: the other one switches it off, takes over with all data, and gets it back as standby."""
import time

import pytest

from devstack.virtualcloud.mainjob import lab
from tests.duplex.pair import FLOATING, answers

LOCATION = {"locn": "before the failover"}


@pytest.mark.timeout(2400)  # with the lab's start
def test_the_active_controller_dies(pair, cloud, api, on):
    leader, other = pair.leader()
    reply = api.patch("https://127.0.0.1:6385/v1/ihosts/worker-0", timeout=30,
                      json=[{"op": "replace", "path": "/location", "value": LOCATION}])
    assert reply.status_code == 200, reply.text
    hosts = {host["hostname"] for host in cloud.hosts()}
    lab("crash", leader)
    dead = time.monotonic()
    pair.wait(f"{FLOATING} at {other}", lambda: pair.has(other, FLOATING) and answers(), 90)
    pair.wait("the API answers", pair.hosts_answer, 180)
    print(f"the API answers with all hosts after {time.monotonic() - dead:.1f} s")
    assert {host["hostname"] for host in cloud.hosts()} == hosts
    assert cloud.host("worker-0")["location"] == LOCATION, "what was acknowledged is there"
    assert pair.leader()[0] == other
    pair.wait("worker-0 is heard by the bus",
              lambda: ":5671" in on("worker-0", "ss", "-Htn", "state", "established"), 120)
    pair.wait(f"{leader} back on standby", lambda: pair.redundant(other), 240)
    print(f"redundant again after {time.monotonic() - dead:.1f} s")
    assert not pair.has(leader, FLOATING)
