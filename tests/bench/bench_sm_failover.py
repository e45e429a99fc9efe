# SPDX-License-Identifier: Apache-2.0
"""From the death of all processes of the active controller until the floating address answers from the other one,
through a confirmed fence; and false moves while nothing happens, under load, and with one path cut.

The daemons run in network namespaces with three paths, a witness and a fence agent (``tests/functional/sm/daemon``).
``SM_FAILOVERS``: how many deaths; ``SM_SOAK_S``: seconds of each of the three times without a death.
"""
from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.bench.measure import Figure, latency
from tests.functional.sm.daemon.conftest import Yard, now_s

GOAL_MS = 1_500
# A power switch that answers within half a second permits these; the product's defaults wait for a BMC.
TIMING = {"silent_ms": 400, "fence_delay_ms": 400}
LOAD = "while True: pass"


def run() -> list[Figure]:
    """Milliseconds from death to answer, where the time goes, and the number of moves that nothing called for."""
    if os.geteuid() != 0:
        return []
    with tempfile.TemporaryDirectory() as folder:
        yard = Yard(Path(folder))
        try:
            yard.build(**TIMING)
            yard.start()
            return [*deaths(yard, int(os.environ.get("SM_FAILOVERS", "10"))),
                    *quiet(yard, float(os.environ.get("SM_SOAK_S", "20")))]
        finally:
            yard.close()


def deaths(yard: Yard, count: int) -> list[Figure]:
    """The active controller dies again and again."""
    took = []
    for _ in range(count):
        active, standby = yard.active()
        died = now_s()
        active.power_off()
        took.append(1_000 * (yard.wait_served(died, standby.name) - died))
        active.new_boot()
        active.start()
    yard.active()
    yard.never_both()
    note = f"{count} deaths, {' '.join(f'{name} {value}' for name, value in yard.timing.items())}"
    return [latency("death of the active controller until the address answers", took, GOAL_MS, note),
            Figure("the slowest of them", max(took), "ms"), Figure("the fastest", min(took), "ms")]


def quiet(yard: Yard, seconds: float) -> list[Figure]:
    """Moves and fences in three times in which there is no cause for one."""
    found = []
    for name in ("idle", "under load", "with one path cut"):
        active, standby = yard.active()
        noted = [machine.status().journal for machine in (active, standby)]
        burners = [subprocess.Popen([sys.executable, "-c", LOAD]) for _ in range(8)] if name == "under load" else []
        if name == "with one path cut":
            yard.site.cut(active.name, "mgmt")
        until = time.monotonic() + seconds
        moves = 0
        while time.monotonic() < until:
            moves += active.state() != "active"
            time.sleep(0.5)
        for burner in burners:
            burner.kill()
            burner.wait()
        yard.site.heal(active.name, "mgmt")
        fences = sum("fences" in line for machine, before in zip((active, standby), noted, strict=True)
                     for line in machine.status().journal if line not in before)
        moves += yard.active() != (active, standby)
        found.append(Figure(f"false moves and fences, {name} for {seconds:g} s", float(moves + fences), "moves"))
    return found
