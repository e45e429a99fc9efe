# SPDX-License-Identifier: Apache-2.0
"""The lab as its user waits for it: a warm stack.sh, a worker that joins, a crash until it is noticed and healed.

Takes a lab that runs down first and leaves a new one running; needs root.
"""
from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

from devstack.virtualcloud.cloudclient import CloudClient, wait_for, wait_states
from devstack.virtualcloud.mainjob import IN_SERVICE, STATE_DIR, cli, discover, lab, provision, unlock
from tests.bench.measure import Figure

DEVSTACK = Path(__file__).resolve().parents[2] / "devstack"
STACK_TIMEOUT_S = 900
NAME = "worker-9"
VICTIM = "worker-1"


def run() -> list[Figure]:
    """Seconds of each wait; nothing without root."""
    if os.geteuid() != 0:
        return []
    _script("unstack.sh")
    begun = time.monotonic()
    _script("stack.sh")
    figures = [Figure("stack.sh, packages and image there", time.monotonic() - begun, "s", goal=60)]
    cloud = CloudClient(STATE_DIR / "admin-password")
    figures.append(Figure("a worker joins: power to in service", _join(cloud), "s", goal=20))
    return figures + _crash(cloud)


def _script(name: str) -> None:
    subprocess.run([str(DEVSTACK / name)], check=True, timeout=STACK_TIMEOUT_S, stdout=subprocess.DEVNULL)


def _join(cloud: CloudClient) -> float:
    lab("add", NAME)
    machine = next(host for host in lab("status")["hosts"] if host["name"] == NAME)
    begun = time.monotonic()
    discover(cloud, machine)
    provision(cloud, machine)
    unlock(cloud, NAME)
    taken_s = time.monotonic() - begun
    cli("system", "host-lock", "-f", NAME, quiet=True)
    wait_for("locked", lambda: (cloud.host(NAME) or {}).get("administrative") == "locked", 120)
    lab("power", "off", NAME)
    cli("system", "host-delete", NAME, quiet=True)
    wait_for("deleted", lambda: cloud.host(NAME) is None, 60)
    lab("remove", NAME)
    return taken_s


def _crash(cloud: CloudClient) -> list[Figure]:
    begun = time.monotonic()
    lab("crash", VICTIM)
    wait_states(cloud, VICTIM, "unlocked/disabled/failed", 10)
    failed_s = time.monotonic() - begun
    wait_for("200.004", lambda: "200.004" in cloud.alarm_ids(f"host={VICTIM}"), 30)
    alarmed_s = time.monotonic() - begun
    wait_states(cloud, VICTIM, IN_SERVICE, 120)
    healed_s = time.monotonic() - begun
    return [Figure("crash to disabled/failed", failed_s, "s", goal=2),
            Figure("crash to 200.004", alarmed_s, "s", goal=10),
            Figure("crash to in service again", healed_s, "s")]
