# SPDX-License-Identifier: Apache-2.0
"""A patch of the operating system that needs a reboot, on a host that really runs from OSTree.

What the host runs is told by its own /etc/os-release, and by the deployment that OSTree marks as booted.
"""
import json
import subprocess
from pathlib import Path

import pytest

from devstack.virtualcloud.mainjob import STATE_DIR, boots
from tests.lab.software import Trees, renamed

pytestmark = pytest.mark.timeout(1800)
NAME = "controller-0"
BASE_BRANCH = "lab/base"


@pytest.fixture(scope="module")
def trees(operator):
    """Patched operating systems for this lab."""
    root = Path(json.loads((STATE_DIR / "lab.json").read_text())["image"])
    (repo,) = root.parent.glob("ostree-*/ostree/repo")
    base = subprocess.run(["ostree", f"--repo={repo}", "rev-parse", BASE_BRANCH], capture_output=True, text=True,
                          check=True).stdout.strip()
    return Trees(operator.folder, repo, base)


def booted(operator):
    """The commit that the host runs."""
    told = operator.show(NAME, "ostree", "admin", "status")
    return next(line.split()[2].partition(".")[0] for line in told.splitlines() if line.startswith("*"))


def test_case_10_an_os_patch_is_there_after_the_reboot_and_a_rollback_boots_the_old_one(operator, trees):
    operator.quiet()
    before, base = operator.os_name(NAME), booted(operator)
    assert base == trees.base
    commit, delta = trees.delta("10.0.1", operator.on(NAME, "cat", "/etc/os-release"))
    release = operator.patch(1, [delta], "--summary", "A newer kernel")
    operator.software("deploy", "precheck", release)
    operator.software("deploy", "start", release, "--wait")

    # Scenario 10: nothing happens on an unlocked host.
    assert "must be locked" in operator.software("deploy", "host", NAME, rc=1)
    assert operator.hosts() == {NAME: "pending"}
    operator.lock(NAME)
    operator.host(NAME)
    assert operator.hosts() == {NAME: "deployed"}
    assert "900.020" in {alarm["alarm_id"] for alarm in operator.cloud.alarms()}

    # What is configured on the locked host counts after the boot too.
    operator.on(NAME, "sh", "-c", "echo late > /etc/flock-lab-late")

    # Installed is not running: the host has not booted.
    assert operator.os_name(NAME) == before and booted(operator) == base
    count = boots(NAME)
    operator.unlock(NAME)
    assert boots(NAME) == count + 1
    assert operator.os_name(NAME) == "Edge Linux 10.0.1" != before
    assert booted(operator) == commit
    assert operator.show(NAME, "cat", "/etc/flock-lab-late") == "late\n"
    assert operator.show(NAME, "tool") == "10.0.1\n"
    assert operator.hosts() == {NAME: "deployed"}

    # The rollback.
    operator.software("deploy", "abort")
    operator.lock(NAME)
    operator.host(NAME, "host-rollback")
    assert operator.os_name(NAME) == "Edge Linux 10.0.1"
    operator.unlock(NAME)
    assert operator.os_name(NAME) == before and booted(operator) == base
    assert operator.hosts() == {NAME: "rollback-deployed"}
    operator.software("deploy", "delete")
    assert operator.releases()[release] == "available"


def test_case_20_a_finished_os_patch_is_taken_away_by_deploying_the_release_before(operator, trees):
    operator.quiet()
    before, os_release = operator.os_name(NAME), operator.on(NAME, "cat", "/etc/os-release")
    first = next(release for release, state in operator.releases().items() if state == "deployed")
    _, delta = trees.delta("10.0.2", os_release)
    release = operator.patch(2, [delta])
    operator.software("deploy", "start", release, "--wait")
    # What an operator has configured, and what programs have stored, is there on both systems.
    operator.on(NAME, "sh", "-c", "echo configured > /etc/flock-lab-note; echo stored > /var/lib/flock-lab-note")
    operator.lock(NAME)
    operator.host(NAME)
    operator.unlock(NAME)
    operator.finish()
    assert operator.os_name(NAME) == "Edge Linux 10.0.2" in renamed(os_release, "10.0.2")
    assert operator.on(NAME, "cat", "/etc/flock-lab-note", "/var/lib/flock-lab-note") == "configured\nstored\n"
    assert operator.releases()[release] == "deployed"

    operator.quiet()
    operator.software("deploy", "start", first, "--wait")
    assert operator.releases()[release] == "removing"
    operator.lock(NAME)
    operator.host(NAME)
    operator.unlock(NAME)
    operator.finish()
    assert operator.os_name(NAME) == before
    assert operator.on(NAME, "cat", "/etc/flock-lab-note", "/var/lib/flock-lab-note") == "configured\nstored\n"
    assert operator.releases()[release] == "available"
