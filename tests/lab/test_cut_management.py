# SPDX-License-Identifier: Apache-2.0
"""A healthy worker loses its management network: it is held and asked, never struck, and taken back in its boot."""
import time

from devstack.virtualcloud.cloudclient import wait_for, wait_states
from devstack.virtualcloud.mainjob import IN_SERVICE, boots, lab

HOST = "host=worker-1"
ALIVE = "No heartbeat on Management, alive on cluster-host"


def boot_id(on):
    return on("worker-1", "cat", "/proc/sys/kernel/random/boot_id").strip()


def cut_and_watch(cloud, on, seconds):
    """Cut management of worker-1 for ``seconds``; the host, its alarms and its boots all the while."""
    before, boot = boots("worker-1"), boot_id(on)
    lab("cut", "worker-1", "mgmt")
    end = time.monotonic() + seconds
    try:
        wait_states(cloud, "worker-1", "unlocked/disabled/failed", 20)
        wait_for("the text that it lives", lambda: cloud.host("worker-1")["task"] == ALIVE, 25,
                 lambda: str(cloud.host("worker-1")["task"]))
        while time.monotonic() < end:
            host = cloud.host("worker-1")
            assert (host["administrative"], host["operational"], host["availability"]) == (
                "unlocked", "disabled", "failed")
            assert boots("worker-1") == before
            time.sleep(2)
        assert [(alarm["alarm_id"], alarm["entity_instance_id"]) for alarm in cloud.alarms()
                if alarm["entity_instance_id"].startswith(HOST)] == [("200.005", f"{HOST}.network=Management")]
    finally:
        lab("heal", "worker-1")
    begun = time.monotonic()
    wait_states(cloud, "worker-1", IN_SERVICE, 90)
    print(f"in service {time.monotonic() - begun:.1f} s after the cable was back")
    wait_for("alarms cleared", lambda: not cloud.alarm_ids(HOST), 30)
    assert boots("worker-1") == before
    assert boot_id(on) == boot


def test_management_cut_for_half_a_minute_strikes_nobody(cloud, on, healthy):
    cut_and_watch(cloud, on, 30)
