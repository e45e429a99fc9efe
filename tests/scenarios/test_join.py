# SPDX-License-Identifier: Apache-2.0
"""A third worker joins while daemons are killed under it, is locked, and leaves without a trace."""
import threading
import time

import pytest

from devstack.virtualcloud.cloudclient import wait_for, wait_states
from devstack.virtualcloud.mainjob import IN_SERVICE, cli, discover, lab, provision, unlock

NAME = "worker-2"


@pytest.fixture
def machine(cloud, healthy):
    """A new machine without power; afterwards host and machine are gone."""
    lab("add", NAME)
    yield next(host for host in lab("status")["hosts"] if host["name"] == NAME)
    if cloud.host(NAME) is not None:
        if cloud.host(NAME)["administrative"] == "unlocked":
            cli("system", "host-lock", "-f", NAME, quiet=True)
            wait_for("locked", lambda: cloud.host(NAME)["administrative"] == "locked", 120)
        # A machine that goes on asking for an address would be discovered anew.
        lab("power", "off", NAME)
        cli("system", "host-delete", NAME, quiet=True)
        wait_for("deleted", lambda: cloud.host(NAME) is None, 60)
    lab("remove", NAME)


@pytest.mark.parametrize("kills", [
    [("flock-dnsmasq", 0.3), ("flock-sysinv-conductor", 4.0)],
    [("flock-sysinv-api", 3.0), ("flock-mtce-conductor", 9.0), ("flock-fm-manager", 10.0)],
], ids=["dhcp-and-conductor", "api-and-maintenance"])
def test_a_worker_joins_while_daemons_are_killed(cloud, on, machine, kills):
    begun = time.monotonic()
    killers = [threading.Timer(moment_s, on, ("controller-0", "systemctl", "kill", "--signal=SIGKILL", unit))
               for unit, moment_s in kills]
    for killer in killers:
        killer.start()
    discover(cloud, machine)
    retried(lambda: provision(cloud, machine))
    retried(lambda: unlock(cloud, NAME))
    for killer in killers:
        killer.join(60)
    assert wait_states(cloud, NAME, IN_SERVICE, 120)["invprovision"] == "provisioned"
    print(f"joined after {time.monotonic() - begun:.1f} s")


def retried(action):
    """An operator repeats a command that met a killed API; anything else must not need it."""
    attempts = iter(range(20))

    def attempt():
        try:
            action()
        except Exception:
            if next(attempts, None) is None:
                raise
            return False
        return True

    wait_for("command taken", attempt, 180)


def test_lock_and_unlock_keep_the_operator_informed(cloud, healthy):
    cli("system", "host-lock", "worker-1", quiet=True)
    wait_states(cloud, "worker-1", "locked/disabled/online", 90)
    wait_for("alarm of the lock", lambda: "200.001" in cloud.alarm_ids("host=worker-1"), 30)
    cli("system", "host-unlock", "worker-1", quiet=True)
    wait_states(cloud, "worker-1", IN_SERVICE, 120)
    wait_for("no alarm", lambda: not cloud.alarm_ids("host=worker-1"), 30)
