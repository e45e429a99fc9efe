# SPDX-License-Identifier: Apache-2.0
"""Faults under the main job: the bus away, daemons killed at any moment, bad input against the running APIs."""
import json
import random
import time

import pytest
import requests

from devstack.virtualcloud.cloudclient import wait_for, wait_states
from devstack.virtualcloud.mainjob import IN_SERVICE, boots, lab
from tests.lab.stack import AUTHORITY

# dnsmasq and the API have no part in a recovery; test_join kills them where they have one.
CONTROLLER_DAEMONS = ["flock-mtce-conductor", "flock-mtce-heartbeat", "flock-fm-manager", "flock-sysinv-conductor",
                      "rabbitmq-server"]
WORKER_DAEMONS = ["flock-mtce-agent", "flock-sysinv-agent", "flock-patching-agent", "flock-mtce-heartbeat"]
RAISE = """
from flock.conf import setup
import sys
from flock.rpc import transport
from fm.raiser import Raiser
from oslo_config import cfg
setup("lab-test", "fm", [])
raiser = Raiser(transport(cfg.CONF), "/var/lib/flock/fm/lab-test-spool")
for number in range(5):
    raiser.raise_alarm(alarm_id="100.103", entity_instance_id=f"host=controller-0.memory=test{number}",
                       severity="major", reason_text="raised while the bus was away")
raiser.flush(timeout_s=180)
"""


def faultstring(reply):
    return json.loads(reply.json()["error_message"])["faultstring"]


HOSTS = "https://127.0.0.1:6385/v1/ihosts"


@pytest.mark.parametrize("method, url, body, status", [
    ("get", f"{HOSTS}/no-such-host", None, 404),
    ("get", f"{HOSTS}/not-a-uuid'--", None, 404),
    ("patch", f"{HOSTS}/worker-0", [{"op": "replace", "path": "/no_such_path", "value": "x"}], 400),
    ("patch", f"{HOSTS}/worker-0", [{"op": "replace", "path": "/mgmt_mac", "value": "zz"}], 400),
    ("patch", f"{HOSTS}/worker-0", {"not": "a list"}, 400),
    ("patch", f"{HOSTS}/worker-0", [{"op": "replace", "path": "/action", "value": "explode"}], 400),
    ("post", HOSTS, {"personality": "worker", "hostname": "worker-9", "mgmt_mac": "not-a-mac"}, 400),
    ("post", HOSTS, {"personality": 7, "hostname": ["x"], "mgmt_mac": "08:00:27:00:00:99"}, 400),
    ("post", HOSTS, {"colour": "blue"}, 400),
    ("patch", f"{HOSTS}/controller-0", [{"op": "replace", "path": "/action", "value": "lock"}], 400),
])
def test_bad_requests_are_refused_with_a_sentence(api, cloud, method, url, body, status):
    before = cloud.hosts()
    reply = api.request(method, url, json=body, timeout=30)
    assert reply.status_code == status, reply.text
    assert faultstring(reply)
    after = cloud.hosts()
    keep = ("uuid", "hostname", "personality", "administrative", "mgmt_mac")
    assert [[host[name] for name in keep] for host in after] == [[host[name] for name in keep] for host in before]


@pytest.mark.parametrize("text", ["'; DROP TABLE i_host; --", "x" * 1_000_000, "nul\x00byte", "%s%n", "ünï\U0001f600"])
@pytest.mark.parametrize("field", ["location", "serialid", "hostname", "bm_ip", "console", "rootfs_device"])
def test_hostile_strings_never_break_the_server(api, field, text):
    value = {"locn": text} if field == "location" else text
    reply = api.patch(f"{HOSTS}/worker-0", json=[{"op": "replace", "path": f"/{field}", "value": value}], timeout=30)
    assert reply.status_code < 500, reply.text
    if reply.status_code == 200:
        assert reply.json()[field] in (value, text)
        api.patch(f"{HOSTS}/worker-0", json=[{"op": "replace", "path": f"/{field}",
                                              "value": {} if field == "location" else ""}], timeout=30)


def test_no_token_and_body_too_large(cloud):
    assert requests.get(HOSTS, timeout=20, verify=AUTHORITY).status_code == 401
    reply = requests.post(HOSTS, data=b"x" * 4_000_000, timeout=30, verify=AUTHORITY)
    assert reply.status_code in (401, 413)


def test_bus_stopped_for_a_minute(api, cloud, on, unmanaged, healthy):
    services = ["flock-mtce-conductor", "flock-fm-manager", "flock-sysinv-conductor", "flock-mtce-agent"]
    pids = on("controller-0", "systemctl", "show", "-P", "MainPID", *services)
    with unmanaged("rabbit"):
        on("controller-0", "systemctl", "stop", "rabbitmq-server")
        try:
            on("controller-0", "systemd-run", "--unit=lab-raise", "/opt/flock/venv/bin/python", "-c", RAISE)
            on("controller-0", "sleep", "60")
        finally:
            on("controller-0", "systemctl", "start", "rabbitmq-server")
    wait_for("the five alarms", lambda: len(_test_alarms(cloud)) == 5, 120)
    sets = [event for event in cloud.events(500) if event["event_log_id"] == "100.103" and event["state"] == "set"
            and ".memory=test" in event["entity_instance_id"]]
    assert len(sets) == 5
    assert on("controller-0", "systemctl", "show", "-P", "MainPID", *services) == pids
    for alarm in _test_alarms(cloud):
        assert api.delete(f"https://127.0.0.1:18002/v1/alarms/{alarm['uuid']}", timeout=20).status_code == 204


def _test_alarms(cloud):
    return [alarm for alarm in cloud.alarms() if ".memory=test" in alarm["entity_instance_id"]]


@pytest.mark.parametrize("host, unit", [("controller-0", unit) for unit in CONTROLLER_DAEMONS]
                         + [("worker-1", unit) for unit in WORKER_DAEMONS])
def test_a_daemon_is_killed_during_recovery(cloud, on, healthy, host, unit):
    """Crash worker-0, kill one daemon at a moment drawn from the unit's name: the story still completes."""
    moment_s = random.Random(unit).uniform(0.2, 9.0)
    before = boots("worker-0")
    lab("crash", "worker-0")
    on(host, "sleep", f"{moment_s:.1f}")
    on(host, "systemctl", "kill", "--signal=SIGKILL", unit)
    killed = time.monotonic()
    wait_for("reset of worker-0", lambda: boots("worker-0") > before, 150)
    print(f"reset of worker-0 {time.monotonic() - killed:.1f} s after the kill of {unit} at {moment_s:.1f} s")
    wait_states(cloud, "worker-0", IN_SERVICE, 150)
    wait_for("alarms cleared", lambda: not cloud.alarm_ids("host=worker-0"), 60)
    assert boots("worker-0") == before + 1

