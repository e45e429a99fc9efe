# SPDX-License-Identifier: Apache-2.0
"""A standard system grows by three workers from one file, which are configured as a role profile says."""
import json
from xml.sax.saxutils import escape

import pytest

from devstack.virtualcloud.cloudclient import NotInTime, wait_for, wait_states
from devstack.virtualcloud.mainjob import IN_SERVICE, INSTALL_TIMEOUT_S, ONLINE, cli, lab, unlock
from tests.lab.stack import rows

SOURCE, NAMES, PROFILE = "worker-0", ("worker-5", "worker-6", "worker-7"), "compute-large"
PAGES, MTU, NETWORK = 8, 1400, "physnet-file"
DISK, PARTITION_GIB = "/dev/sdb", 2


def to_locked(cloud, name):
    if cloud.host(name)["administrative"] == "unlocked":
        cli("system", "host-lock", name, quiet=True)
        wait_states(cloud, name, ONLINE, 180)


@pytest.fixture
def machines(cloud):
    """New machines without power, by name; afterwards hosts and machines are gone."""
    for name in NAMES:
        lab("add", name)
    yield {host["name"]: host for host in lab("status")["hosts"] if host["name"] in NAMES}
    for name in NAMES:
        if cloud.host(name) is not None:
            to_locked(cloud, name)
            # A machine that goes on asking for an address would be discovered anew.
            lab("power", "off", name)
            cli("system", "host-delete", name, quiet=True)
            wait_for(f"{name} deleted", lambda name=name: cloud.host(name) is None, 120)
        lab("remove", name)


@pytest.fixture
def source(pair, cloud):
    """worker-0 with an isolated core, huge pages and a data interface; afterwards as it was."""
    to_locked(cloud, SOURCE)
    cli("system", "host-cpu-modify", SOURCE, "-f", "application-isolated", "-c", "1")
    cli("system", "host-memory-modify", SOURCE, "0", "-2M", str(PAGES))
    cli("system", "datanetwork-add", NETWORK, "vlan", "-m", str(MTU))
    cli("system", "host-if-modify", SOURCE, "data0", "-c", "data", "-m", str(MTU))
    cli("system", "interface-datanetwork-assign", SOURCE, "data0", NETWORK)
    unlock(cloud, SOURCE)
    cli("system", "roleprofile-add", PROFILE, SOURCE)
    yield SOURCE
    cli("system", "roleprofile-delete", PROFILE)
    to_locked(cloud, SOURCE)
    for row in rows("system", "interface-datanetwork-list", SOURCE):
        cli("system", "interface-datanetwork-remove", row["uuid"])
    cli("system", "host-if-modify", SOURCE, "data0", "-c", "none", "-m", "1500")
    cli("system", "datanetwork-delete", NETWORK)
    cli("system", "host-memory-modify", SOURCE, "0", "-2M", "0")
    cli("system", "host-cpu-modify", SOURCE, "-f", "application-isolated", "-p0", "0")
    unlock(cloud, SOURCE)


def file_of(machines):
    """The hosts as XML: role and configuration come from the profile, their power from their BMCs."""
    hosts = []
    for name, machine in machines.items():
        bmc = machine["bmc"]
        told = {"hostname": name, "mgmt_mac": machine["mac"], "bm_type": "redfish", "bm_ip": bmc["address"],
                "bm_username": bmc["username"], "bm_password": bmc["password"], "profile": PROFILE}
        elements = "".join(f"<{key}>{escape(value)}</{key}>" for key, value in told.items())
        hosts.append(f"<host>{elements}<power_on/></host>")
    return f'<?xml version="1.0" encoding="UTF-8"?><hosts version="1.0">{"".join(hosts)}</hosts>'


@pytest.mark.timeout(1500)
def test_three_workers_from_a_file_are_configured_as_their_profile_says(cloud, on, source, machines, tmp_path):
    path = tmp_path / "hosts.xml"
    path.write_text(file_of(machines))
    assert {row["status"] for row in rows("system", "host-bulk-add", str(path), "--dry-run")} == {"added"}
    assert not any(cloud.host(name) for name in NAMES)
    assert {row["status"] for row in rows("system", "host-bulk-add", str(path))} == {"added"}
    for name in NAMES:
        wait_states(cloud, name, ONLINE, INSTALL_TIMEOUT_S * 2)
        wait_for(f"{name} has its inventory", lambda name=name: cloud.host(name)["inv_state"] == "inventoried", 180)
    for name in NAMES:
        wait_for(f"{name} has its profile", lambda name=name: any(
            row["allocated_function"] == "Application-isolated"
            for row in rows("system", "host-cpu-list", name)), 60)
        add_partition(name)
    for name in NAMES:
        unlock(cloud, name)
    for name in NAMES:
        shows_it(cloud, on, name)


def add_partition(name):
    """A partition on a disk that never had a table."""
    cli("system", "host-disk-wipe", "--confirm", name, DISK)

    def is_added():
        try:
            return cli("system", "host-disk-partition-add", name, DISK, str(PARTITION_GIB))
        except NotInTime as refusal:
            # The disk has no space before its table is reported.
            assert "Retry when that has ended." in str(refusal) or "MiB available" in str(refusal), refusal
            return False

    wait_for(f"a partition on {DISK} of {name}", is_added, 120)


def shows_it(cloud, on, name):
    """The host itself has cores, pages, interface and partition; nothing is left to be applied."""
    host = wait_states(cloud, name, IN_SERVICE, 60)
    assert host["invprovision"] == "provisioned"
    wait_for(f"nothing differs on {name}", lambda: not rows("system", "host-config-diff", name), 60)
    assert f"node0 2048kB {PAGES}" in on(name, "cat", "/etc/platform/hugepages.conf")
    assert on(name, "cat", "/sys/class/net/data0/mtu").strip() == str(MTU)
    assert on(name, "sh", "-c", ". /etc/platform/worker_reserved.conf; echo $ISOLATED_CPU_LIST").strip() == "1"
    # /sys of the lab's hosts has no partitions, so only the table on the disk shows this one.
    table = json.loads(on(name, "sfdisk", "--json", DISK))["partitiontable"]
    assert [part["size"] * table["sectorsize"] for part in table["partitions"]] == [PARTITION_GIB * 2**30]
