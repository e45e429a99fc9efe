# SPDX-License-Identifier: Apache-2.0
"""Two controllers of a lab that runs change sides: how long the address and the API are away, by command and by crash.

``stack.sh --controllers 2`` makes the lab. FLOCK_BENCH_MOVES says what to do, such as ``swact,swact,crash``. The lines
of both nodes' journals show what the time goes into.
"""
from __future__ import annotations

import os
import re
import statistics
import subprocess
import time

from devstack.virtualcloud.cloudclient import CloudClient, wait_for
from devstack.virtualcloud.mainjob import PROGRAMS, STATE_DIR, lab
from flock.service.standby import STANDS_BY
from tests.bench.measure import Figure
from tests.lab.outage import Watch, timeline
from tests.lab.stack import REPO

CONTROLLERS = ("controller-0", "controller-1")
MOVES = "swact,swact,swact,crash"
BACK_S = 240
SETTLED_S = 300


def run() -> list[Figure]:
    """Seconds of each outage; nothing without root and a lab of two controllers."""
    if os.geteuid() != 0 or not (STATE_DIR / "lab.sock").exists():
        return []
    hosts = len(CloudClient(STATE_DIR / "admin-password").hosts())
    taken: dict[str, list[float]] = {}
    for move in os.environ.get("FLOCK_BENCH_MOVES", MOVES).split(","):
        leader = wait_for("redundant", redundant, SETTLED_S)
        other = next(name for name in CONTROLLERS if name != leader)
        wait_for(f"daemons that stand by on {other}", lambda on_it=other: stands_by(on_it), SETTLED_S)
        with Watch(hosts) as watch:
            time.sleep(2)
            since = time.time()
            if move == "crash":
                lab("crash", leader)
            else:
                on(leader, f"{PROGRAMS}/sm", "swact")
            watch.wait_good(since, BACK_S)
        for probe in (watch.address, watch.api):
            taken.setdefault(f"{move}: {probe.name} away", []).append(probe.outage_s(since))
            taken.setdefault(f"{move}: {probe.name} is back", []).append(probe.back_s(since))
            print(f"{move} from {leader}: {probe.name} away for {probe.outage_s(since):.2f} s, back after "
                  f"{probe.back_s(since):.2f} s", flush=True)
        settled = wait_for("redundant", redundant, SETTLED_S)
        print(f"redundant after {time.time() - since:.1f} s; {settled} leads")
        print(timeline(CONTROLLERS, since), flush=True)
    return [Figure(name, statistics.median(values), "s", max(values), note=f"of {len(values)}")
            for name, values in taken.items()]


def on(host: str, *argv: str) -> str:
    """The output of a command in a host; empty when it fails."""
    done = subprocess.run([str(REPO / "devstack/lab"), "exec", host, "--", *argv], capture_output=True, text=True,
                          timeout=90, check=False)
    return done.stdout if done.returncode == 0 else ""


def stands_by(host: str) -> bool:
    """Whether all daemons of a standby controller have loaded their programs."""
    texts = on(host, "sh", "-c", "for unit in $(ls /run/sm/standby); do systemctl show -P StatusText $unit; done")
    return bool(texts) and set(texts.split()) == {STANDS_BY}


def redundant() -> str:
    """The leader, when all its groups are active and those of the other controller on standby; else empty."""
    for host in CONTROLLERS:
        status = on(host, f"{PROGRAMS}/sm", "status")
        found = re.match(r"(controller-[01]) leads", status)
        rows = [words for line in status.splitlines() if len(words := line.split()) >= 4
                and words[0].endswith("-services")]
        if found and rows:
            wanted = {name: "active" if name == found[1] else "standby" for name in CONTROLLERS}
            return found[1] if all(words[2] == words[3] == wanted.get(words[1]) for words in rows) else ""
    return ""
