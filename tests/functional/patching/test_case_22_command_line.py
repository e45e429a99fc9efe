# SPDX-License-Identifier: Apache-2.0
"""Scenario 22: the command line as a process, against the running API."""
from __future__ import annotations

import json

from flock.exec import Completed, run
from flock.testing.daemons import BIN
from tests.functional.patching.running import Cloud


def software(cloud: Cloud, *words: str) -> Completed:
    assert cloud.keystone is not None
    token = cloud.keystone.token("admin", "admin")
    return run([str(BIN / "software"), "--os-auth-token", token, "--software-url", cloud.base, *words], timeout_s=120,
               check=False)


def test_case_22_columns_and_exit_codes_of_the_command_line(cloud: Cloud) -> None:
    done = software(cloud, "upload", str(cloud.patch("10.0.1", reboot_required=True)))
    assert done.rc == 0, done.err
    assert "starlingx-10.0.1.patch is now uploaded\n" in done.out
    assert "| starlingx-10.0.1.patch | starlingx-10.0.1 |" in done.out
    assert software(cloud, "list").out.splitlines()[:5] == [
        "+------------------+------+-----------+",
        "| Release          | RR   |   State   |",
        "+------------------+------+-----------+",
        "| starlingx-10.0.0 | True | deployed  |",
        "| starlingx-10.0.1 | True | available |"]
    assert software(cloud, "deploy", "show").out == "No deploy in progress\n"
    shown = software(cloud, "show", "starlingx-10.0.1").out
    assert "| Property " in shown and "| State                | available " in shown
    done = software(cloud, "deploy", "start", "starlingx-10.0.1", "--wait")
    assert done.rc == 0 and done.out == "Deployment for starlingx-10.0.1 started\n\n", done.out + done.err
    assert "| 10.0.0       | 10.0.1     | True | deploy-start-done |" in software(cloud, "deploy", "show").out
    listed = software(cloud, "deploy", "host-list").out
    assert "| Host         | From Release | To Release |  RR  |        State        |" in listed
    assert "| controller-0 | 10.0.0       |   10.0.1   | True | deploy-host-pending |" in listed
    done = software(cloud, "deploy", "host", "controller-0")
    assert done.rc == 1 and done.out.startswith("Error: Host controller-0 must be locked")
    cloud.inventory.lock("controller-0")
    assert software(cloud, "deploy", "host", "controller-0", "--wait").rc == 0
    rows = json.loads(software(cloud, "deploy", "host-list", "-f", "json").out)
    assert [(row["hostname"], row["host_state"]) for row in rows] == [("controller-0", "deployed")]
    assert software(cloud, "is-deployed", "starlingx-10.0.1").rc == 1
    assert software(cloud, "is-deployed", "starlingx-10.0.0").out == "True\n"
    assert software(cloud, "list", "--nonsense").rc == 2
