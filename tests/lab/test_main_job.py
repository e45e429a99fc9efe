# SPDX-License-Identifier: Apache-2.0
"""The main job as its user sees it, then a crash and the recovery from it."""
import json
import time

from devstack.virtualcloud.cloudclient import wait_for, wait_states
from devstack.virtualcloud.mainjob import IN_SERVICE, boots, cli, lab

HOST = "host=worker-1"


def test_stack_ends_with_three_hosts_in_service(stack_output, cloud):
    for line in ("controller-0 is unlocked/enabled/available", "worker-0 is unlocked/enabled/available",
                 "worker-1 is unlocked/enabled/available", "devstack/lab crash worker-1"):
        assert line in stack_output
    hosts = {host["hostname"]: host for host in cloud.hosts()}
    assert set(hosts) == {"controller-0", "worker-0", "worker-1"}
    assert {host["invprovision"] for host in hosts.values()} == {"provisioned"}
    assert {host["inv_state"] for host in hosts.values()} == {"inventoried"}


def test_command_lines_give_wire_objects(cloud):
    rows = json.loads(cli("system", "host-list", "-f", "json", quiet=True))
    assert {"id", "hostname", "personality", "administrative", "operational", "availability"} <= set(rows[0])
    cpus = json.loads(cli("system", "host-cpu-list", "worker-0", "-f", "json", quiet=True))
    assert cpus and {"cpu", "core", "thread", "numa_node", "allocated_function"} <= set(cpus[0])
    memory = json.loads(cli("system", "host-memory-list", "worker-0", "-f", "json", quiet=True))
    assert memory[0]["node_memtotal_mib"] > 0 or memory[0]["memtotal_mib"] > 0
    ports = json.loads(cli("system", "host-port-list", "worker-0", "-f", "json", quiet=True))
    assert {"pxeboot0", "mgmt0", "cluster0"} <= {port["name"] for port in ports}
    alarms = json.loads(cli("fm", "alarm-list", "-f", "json", quiet=True))
    assert isinstance(alarms, list)


def test_crash_is_detected_alarmed_reset_and_recovered(cloud, healthy):
    before = boots("worker-1")
    begun = time.monotonic()
    lab("crash", "worker-1")
    wait_states(cloud, "worker-1", "unlocked/disabled/failed", 10)
    failed_s = time.monotonic() - begun
    wait_for("200.005", lambda: "200.005" in cloud.alarm_ids(HOST), 10)
    wait_for("200.004", lambda: any(alarm["alarm_id"] == "200.004" and alarm["severity"] == "critical"
                                    and alarm["entity_instance_id"] == HOST for alarm in cloud.alarms()), 20)
    alarmed_s = time.monotonic() - begun
    wait_states(cloud, "worker-1", IN_SERVICE, 120)
    recovered_s = time.monotonic() - begun
    wait_for("alarms cleared", lambda: not cloud.alarm_ids(HOST), 30)
    print(f"failed after {failed_s:.1f} s, 200.004 after {alarmed_s:.1f} s, recovered after {recovered_s:.1f} s")
    # The crashed machine kept its power: every boot since was a reset by its BMC.
    assert boots("worker-1") - before == 1
    story = [(event["event_log_id"], event["state"]) for event in reversed(cloud.events())
             if event["entity_instance_id"].startswith(HOST) and event["event_log_id"] in ("200.004", "200.005")]
    last = story[-4:] if len(story) >= 4 else story
    assert last.index(("200.005", "set")) < last.index(("200.004", "set")) < last.index(("200.004", "clear"))
    assert ("200.005", "clear") in last

