# SPDX-License-Identifier: Apache-2.0
"""Hosts are configured by Puppet: the whole of it while they boot at the unlock, a change while they run."""
import pytest

from devstack.virtualcloud.cloudclient import wait_for
from devstack.virtualcloud.mainjob import cli

HOSTS = ("controller-0", "worker-0", "worker-1")
ZONE = "Asia/Tokyo"


@pytest.fixture
def zone(cloud):
    """Sets the time zone of the system; it is UTC again afterwards."""
    def put(name):
        cli("system", "modify", "--timezone", name)

    yield put
    put("UTC")
    wait_for("all hosts are back in UTC", lambda: current(cloud), 90)


def current(cloud):
    """Whether each host has what it should have."""
    found = [cloud.host(name) for name in HOSTS]
    return all(host["config_target"] and host["config_applied"] == host["config_target"] for host in found)


def history(name):
    """Reason and state of a host's orders, oldest first."""
    return [tuple(line.replace('"', "").split(",")) for line in cli(
        "system", "host-config-history", name, "-f", "csv", "-c", "reason", "-c", "state").splitlines()[1:]]


def test_hosts_took_their_whole_configuration_when_they_booted(cloud, on, healthy):
    wait_for("every host has what it should have", lambda: current(cloud), 60)
    for name in HOSTS:
        assert ("unlock", "applied") in history(name)
        assert "PLATFORM_CPU_LIST=" in on(name, "cat", "/etc/platform/worker_reserved.conf")
        assert cli("system", "host-config-diff", name, "-f", "csv").splitlines()[1:] == []
    assert not [alarm for alarm in cloud.alarms() if alarm["alarm_id"] == "250.001"]


def test_a_change_reaches_hosts_that_run(cloud, on, healthy, zone):
    before = cloud.host("worker-1")["config_target"]
    zone(ZONE)
    wait_for("a new target", lambda: cloud.host("worker-1")["config_target"] != before, 10)
    wait_for("every host has it", lambda: current(cloud), 90)
    for name in HOSTS:
        assert on(name, "readlink", "/etc/localtime").strip() == f"/usr/share/zoneinfo/{ZONE}"
    assert not [alarm for alarm in cloud.alarms() if alarm["alarm_id"] == "250.001"]
