# SPDX-License-Identifier: Apache-2.0
"""Patches in service on real hosts, with real packages of dpkg and dnf: scenarios 9, 14, 17, 20 and 31 by number.

Scenario 10, whose patch needs a reboot, is in tests/simplex, on a host that runs from OSTree.
"""
import shlex

import pytest

from devstack.virtualcloud.cloudclient import wait_for
from devstack.virtualcloud.mainjob import boots
from tests.lab.software import Operator
from tests.unit.patching.backends import packages

pytestmark = pytest.mark.timeout(1200)
HOSTS = ("controller-0", "worker-0", "worker-1")
DEB = ("dpkg-query", "--show", "--showformat=${db:Status-Abbrev} ${Version}")
RPM = ("rpm", "--query", "--queryformat", "%{VERSION}")
ABSENT = "absent"
SLOW = "#!/bin/sh\ntouch /run/slow-package\nwhile [ -e /var/lib/slow-package ]; do sleep 0.2; done\n"


@pytest.fixture(scope="module")
def operator(cloud, on, tmp_path_factory):
    """An operator with a key that the cloud trusts."""
    return Operator(cloud, on, tmp_path_factory.mktemp("software"))


@pytest.fixture(autouse=True)
def settled(operator, healthy):
    """No deployment before a test, and none after it; software management knows all hosts."""
    assert operator.state() is None
    wait_for("all hosts to have reported",
             lambda: all(f"\n{host} " in operator.run("sw-patch", "query-hosts") for host in HOSTS), 120)
    yield
    assert operator.state() is None


def version(operator, host, query, name):
    """Version of a package on a host, as its own package tool tells it; and what its file holds agrees."""
    told = operator.on(host, *query, name, check=False).split()
    found = told[-1] if told and "installed" not in told else ABSENT
    held = operator.on(host, "sh", "-c", f"cat /opt/{shlex.quote(name)}/version || echo {ABSENT}").strip()
    assert found == held, (host, name, told)
    print(f"{host}# {name} is {found}", flush=True)
    return found


def versions(operator, query, name):
    return {version(operator, host, query, name) for host in HOSTS}


def rolled(operator, release):
    """A deployment from its start to its end."""
    operator.software("deploy", "start", release, "--wait")
    for host in HOSTS:
        operator.host(host)
    assert set(operator.hosts().values()) == {"deployed"}
    operator.finish()


def first(operator):
    return min(release for release, state in operator.releases().items() if state == "deployed")


def test_case_09_a_deb_patch_in_service_stays_over_a_reboot_and_case_11_keeps_the_order(operator):
    folder, base = operator.folder, first(operator)
    release = operator.patch(1, [packages.deb(folder, "debtool", "1.0")], "--no-reboot")
    operator.software("deploy", "precheck", release)
    operator.software("deploy", "start", release, "--wait")
    assert operator.hosts() == dict.fromkeys(HOSTS, "pending")
    assert "controller-0" in operator.software("deploy", "host", "worker-0", rc=1)
    count = {host: boots(host) for host in HOSTS}
    for host in HOSTS:
        operator.host(host)
        assert version(operator, host, DEB, "debtool") == "1.0"
    assert operator.hosts() == dict.fromkeys(HOSTS, "deployed")
    assert {operator.cloud.host(host)["administrative"] for host in HOSTS} == {"unlocked"}
    assert count == {host: boots(host) for host in HOSTS}
    operator.finish()
    assert operator.releases()[release] == "deployed"

    # Packages live on the disk of the host.
    operator.lock("worker-0")
    operator.unlock("worker-0")
    assert boots("worker-0") > count["worker-0"]
    assert version(operator, "worker-0", DEB, "debtool") == "1.0"

    rolled(operator, base)
    assert versions(operator, DEB, "debtool") == {ABSENT}
    assert operator.releases()[release] == "available"
    operator.software("delete", release)


def test_case_20_an_rpm_patch_is_really_downgraded_by_the_release_before(operator):
    folder, base = operator.folder, first(operator)
    old = operator.patch(1, [packages.rpm(folder, "rpmtool", "1.0")], "--no-reboot")
    new = operator.patch(2, [packages.rpm(folder, "rpmtool", "1.1")], "--no-reboot", "--requires", old)
    rolled(operator, old)
    assert versions(operator, RPM, "rpmtool") == {"1.0"}
    rolled(operator, new)
    assert versions(operator, RPM, "rpmtool") == {"1.1"}

    operator.software("deploy", "start", old, "--wait")
    assert operator.releases()[new] == "removing"
    for host in HOSTS:
        operator.host(host)
    operator.finish()
    assert operator.releases()[new] == "available"
    assert versions(operator, RPM, "rpmtool") == {"1.0"}
    rolled(operator, base)
    assert versions(operator, RPM, "rpmtool") == {ABSENT}
    operator.software("delete", new, old)


def test_case_14_an_agent_killed_in_the_middle_of_dpkg_fails_its_host_and_a_retry_succeeds(operator):
    folder, base = operator.folder, first(operator)
    release = operator.patch(1, [packages.deb(folder, "slowtool", "1.0", preinst=SLOW)], "--no-reboot")
    operator.software("deploy", "start", release, "--wait")
    operator.host("controller-0")
    operator.on("worker-0", "touch", "/var/lib/slow-package")
    operator.software("deploy", "host", "worker-0")
    wait_for("dpkg in the middle", lambda: "slow" in operator.on("worker-0", "ls", "/run"), 60)
    operator.show("worker-0", "systemctl", "kill", "--signal=SIGKILL", "flock-patching-agent")
    operator.on("worker-0", "rm", "/var/lib/slow-package")
    wait_for("the host to fail", lambda: operator.hosts()["worker-0"] == "failed", 120)
    assert operator.state() == "host-failed"
    wait_for("alarm 900.021", lambda: "900.021" in {one["alarm_id"] for one in operator.cloud.alarms()}, 30)
    operator.host("worker-0")
    assert operator.hosts()["worker-0"] == "deployed"
    wait_for("no alarm", lambda: "900.021" not in {one["alarm_id"] for one in operator.cloud.alarms()}, 30)
    operator.host("worker-1")
    operator.finish()
    assert versions(operator, DEB, "slowtool") == {"1.0"}
    rolled(operator, base)
    assert versions(operator, DEB, "slowtool") == {ABSENT}
    operator.software("delete", release)


def test_case_17_two_of_three_hosts_are_rolled_back(operator):
    folder = operator.folder
    release = operator.patch(1, [packages.deb(folder, "halftool", "1.0")], "--no-reboot")
    operator.software("deploy", "start", release, "--wait")
    for host in HOSTS[:2]:
        operator.host(host)
    operator.software("deploy", "abort")
    assert operator.state() == "host-rollback"
    shown = operator.hosts()
    assert shown["worker-1"] == "rollback-deployed"
    for host in reversed(HOSTS[:2]):
        operator.host(host, "host-rollback")
    assert operator.hosts() == dict.fromkeys(HOSTS, "rollback-deployed")
    assert operator.state() == "host-rollback-done"
    operator.software("deploy", "delete")
    wait_for("no deployment", lambda: operator.state() is None, 60)
    assert versions(operator, DEB, "halftool") == {ABSENT}
    assert operator.releases()[release] == "available"
    operator.software("delete", release)


def test_case_31_an_rpm_patch_comes_and_goes_with_sw_patch(operator):
    folder = operator.folder

    def sw_patch(*words, rc=0):
        return operator.run("sw-patch", *words, rc=rc)

    def patch_state():
        return next(line.split()[-1] for line in sw_patch("query").splitlines() if line.startswith(f"{release} "))

    release = operator.built(1, [packages.rpm(folder, "classictool", "1.0")], "--no-reboot")
    sw_patch("upload", str(folder / f"{release}.patch"))
    assert patch_state() == "Available"
    sw_patch("apply", release)
    assert patch_state() == "Partial-Apply"
    titles, _, *rows = sw_patch("query-hosts").splitlines()
    assert titles.split()[0] == "Hostname" and len(rows) == len(HOSTS)
    for host in HOSTS:
        sw_patch("host-install", host)
        assert version(operator, host, RPM, "classictool") == "1.0"
    assert patch_state() == "Applied"
    wait_for("no deployment", lambda: operator.state() is None, 60)
    sw_patch("remove", release)
    assert patch_state() == "Partial-Remove"
    for host in HOSTS:
        sw_patch("host-install", host)
    assert patch_state() == "Available"
    assert versions(operator, RPM, "classictool") == {ABSENT}
    wait_for("no deployment", lambda: operator.state() is None, 60)
    sw_patch("delete", release)
    assert release not in operator.releases()
