# SPDX-License-Identifier: Apache-2.0
"""What an operator chooses for a locked host is shown as a difference, and is on the host after the unlock."""

import pytest

from devstack.virtualcloud.cloudclient import wait_for, wait_states
from devstack.virtualcloud.mainjob import IN_SERVICE, ONLINE, cli, unlock
from tests.lab.stack import rows

HOST = "worker-1"
PREFIX = "platform::"
PAGES, NETWORK = f"{PREFIX}compute::hugepage::params::nr_hugepages_2M", f"{PREFIX}network::interfaces::network_config"


@pytest.fixture
def locked(cloud, healthy):
    """worker-1 locked; unlocked again afterwards."""
    cli("system", "host-lock", HOST)
    wait_states(cloud, HOST, ONLINE, 120)
    yield
    if cloud.host(HOST)["administrative"] == "locked":
        unlock(cloud, HOST)
    wait_states(cloud, HOST, IN_SERVICE, 240)


def test_huge_pages_and_a_data_interface_are_there_after_the_unlock(cloud, on, locked):
    cli("system", "host-memory-modify", HOST, "0", "-2M", "8")
    cli("system", "datanetwork-add", "physnet-1", "vlan", "-m", "1400")
    cli("system", "host-if-modify", HOST, "data0", "-c", "data", "-m", "1400")
    cli("system", "interface-datanetwork-assign", HOST, "data0", "physnet-1")
    changes = {row["key"]: (row["applied"], row["wanted"]) for row in rows("system", "host-config-diff", HOST)}
    assert changes[f"{PAGES}[0]"] == ("0", "8")
    assert changes[f"{NETWORK}[data0][mtu]"] == ("", "1400")
    assert "MTUBytes" not in on(HOST, "sh", "-c", "cat /etc/systemd/network/40-flock-* 2> /dev/null || true")
    unlock(cloud, HOST)
    wait_states(cloud, HOST, IN_SERVICE, 240)
    wait_for("nothing differs", lambda: not rows("system", "host-config-diff", HOST), 60)
    host = cloud.host(HOST)
    assert host["config_applied"] == host["config_target"]
    assert "node0 2048kB 8" in on(HOST, "cat", "/etc/platform/hugepages.conf")
    assert on(HOST, "cat", "/sys/class/net/data0/mtu").strip() == "1400"
    assert rows("system", "host-config-history", HOST)[-1]["state"] == "applied"


def test_a_configuration_that_cannot_be_applied_fails_the_host_and_says_why(cloud, on, locked):
    # A directory where Puppet puts a file.
    on(HOST, "sh", "-c", "rm -f /etc/platform/worker_reserved.conf && mkdir -p /etc/platform/worker_reserved.conf/x")
    cli("system", "host-unlock", HOST, quiet=True)
    wait_for("alarm 200.011", lambda: "200.011" in cloud.alarm_ids(f"host={HOST}"), 240)
    wait_for("the reason", lambda: "platform::compute::cpus" in (
        rows("system", "host-config-history", HOST)[-1]["error"] or ""), 60)
    on(HOST, "rm", "-rf", "/etc/platform/worker_reserved.conf")
    wait_states(cloud, HOST, IN_SERVICE, 600)
    wait_for("alarms cleared", lambda: not cloud.alarm_ids(f"host={HOST}"), 90)
