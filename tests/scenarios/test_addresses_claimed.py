# SPDX-License-Identifier: Apache-2.0
"""worker-0 tells worker-1 that it has the controller's addresses: worker-1 does not believe it, and is never reset."""
import json
import time

import pytest

from devstack.virtualcloud.cloudclient import wait_for, wait_states
from devstack.virtualcloud.mainjob import IN_SERVICE, boots, lab

ENTITY = "host=controller-0.network="
# ARP replies, 30 a second: both addresses of the controller on both networks are at worker-0's MAC.
ATTACK = """
import json, socket, struct, sys, time
claims, seconds = json.loads(sys.argv[1]), float(sys.argv[2])
made = []
for interface, address, to_address, to_mac in claims:
    packets = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    packets.bind((interface, 0x0806))
    own, to = packets.getsockname()[4], bytes.fromhex(to_mac.replace(":", ""))
    made.append((packets, to + own + b"\\x08\\x06" + struct.pack(">HHBBH", 1, 0x800, 6, 4, 2)
                 + own + socket.inet_aton(address) + to + socket.inet_aton(to_address)))
end = time.time() + seconds
while time.time() < end:
    for packets, frame in made:
        packets.send(frame)
    time.sleep(0.033)
"""


def links(on, host):
    """Interface, address and MAC address of a host by network."""
    found = {}
    for link in json.loads(on(host, "ip", "-json", "address", "show")):
        for entry in link.get("addr_info", ()):
            for network in ("204", "206"):
                if entry["local"].startswith(f"192.168.{network}."):
                    found[network] = (link["ifname"], entry["local"], link["address"])
    return found


def attack(on, seconds, to=None):
    ours, victim = links(on, "worker-0"), links(on, "worker-1")
    claims = [(ours[network][0], f"192.168.{network}.{last}", victim[network][1], to or victim[network][2])
              for network in ("204", "206") for last in (1, 2)]
    on("worker-0", "systemd-run", "--collect", "--unit=claims", "/opt/flock/venv/bin/python", "-c", ATTACK,
       json.dumps(claims), str(seconds))


def filtered(on, host):
    return "elements" in on(host, "nft", "list", "table", "arp", "flock-neighbours", check=False)


@pytest.fixture
def calm(on):
    yield
    on("worker-0", "systemctl", "stop", "claims.service", check=False)
    on("worker-1", "systemctl", "start", "flock-sysinv-agent.service")


def claimed(cloud):
    return {alarm["entity_instance_id"] for alarm in cloud.alarms() if alarm["alarm_id"] == "400.005"}


def test_the_hosts_have_the_filter(cloud, on, healthy):
    for host in ("controller-0", "worker-0", "worker-1"):
        wait_for(f"the filter of {host}", lambda host=host: filtered(on, host), 90)
    known = on("worker-1", "nft", "list", "set", "arp", "flock-neighbours", "known")
    for address in ("192.168.204.1", "192.168.204.2", "192.168.206.2"):
        assert address in known


def test_claims_towards_a_worker_change_nothing(cloud, on, healthy, calm):
    wait_for("the filter", lambda: filtered(on, "worker-1"), 90)
    before = boots("worker-1")
    attack(on, 40)
    wait_for("the alarm", lambda: any(entity.startswith("host=worker-1.") for entity in claimed(cloud)), 20)
    for _ in range(12):
        host = cloud.host("worker-1")
        assert (host["administrative"], host["operational"]) == ("unlocked", "enabled"), host["task"]
        time.sleep(2)
    assert boots("worker-1") == before


def test_a_worker_without_the_filter_is_lost_but_not_reset(cloud, on, healthy, calm):
    """The claims are broadcast: the controller must see them, because the worker's report cannot arrive."""
    before = boots("worker-1")
    on("worker-1", "systemctl", "stop", "flock-sysinv-agent.service")
    on("worker-1", "nft", "delete", "table", "arp", "flock-neighbours")
    attack(on, 130, to="ff:ff:ff:ff:ff:ff")
    wait_for("the alarm", lambda: any(entity.startswith(ENTITY) for entity in claimed(cloud)), 20)
    wait_states(cloud, "worker-1", "unlocked/disabled/failed", 30)
    wait_for("the task text", lambda: str(cloud.host("worker-1")["task"]).startswith("No reset: MAC "), 30)
    # Longer than what the worker reported before counts.
    end = time.monotonic() + 60
    while time.monotonic() < end:
        assert boots("worker-1") == before
        time.sleep(2)
    on("worker-0", "systemctl", "stop", "claims.service", check=False)
    wait_states(cloud, "worker-1", IN_SERVICE, 180)
    assert boots("worker-1") == before


def test_a_worker_that_dies_afterwards_is_reset(cloud, healthy):
    """The alarm still stands; who claimed the addresses is silent."""
    assert claimed(cloud)
    before = boots("worker-1")
    lab("crash", "worker-1")
    wait_for("the reset", lambda: boots("worker-1") > before, 150)
    wait_states(cloud, "worker-1", IN_SERVICE, 120)
