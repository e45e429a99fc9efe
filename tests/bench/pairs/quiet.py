# SPDX-License-Identifier: Apache-2.0
"""Times in which nothing may move: moves and fences, pauses of the address's answers, and what the daemons cost."""
from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator

from tests.bench.measure import Figure
from tests.bench.neighbours import cpu_s, resident_mib
from tests.bench.pairs.pair import LINKS, NODES
from tests.bench.pairs.services import Services

GOAL_MIB, GOAL_PERCENT = 40, 1
REST_S = 60.0
BURN = "while True: pass"
BURNERS_PER_CORE = 4
DECISIVE = ("fences ", "leads in term", "stops leading", "stands for election", " is out: ")


def quiet(pair: Services, seconds: float) -> list[Figure]:
    """Three times of ``seconds``: idle, under load, with the link cut that does not carry the address."""
    active, _ = pair.active()
    figures = [*_watched(pair, "idle", seconds, costs=True)]
    with _load():
        figures += _watched(pair, f"under {BURNERS_PER_CORE} busy loops per core", seconds)
    pair.site.cut(active, LINKS[0])
    figures += _watched(pair, "with one link cut", seconds)
    pair.site.heal(active, LINKS[0])
    return figures


def _watched(pair: Services, name: str, seconds: float, *, costs: bool = False) -> list[Figure]:
    """False moves in one time, the longest pause of the answers, and at rest what each daemon costs."""
    active, _ = pair.active()
    begun, until = time.monotonic(), time.monotonic() + seconds
    figures = _rest(pair, min(seconds, REST_S)) if costs else []
    time.sleep(max(0.0, until - time.monotonic()))
    noted = [text for node in NODES for _, text in pair.journal(node, begun) if any(mark in text for mark in DECISIVE)]
    others = [answer for answer in pair.answers() if answer[0] > begun and answer[2] != active]
    pauses = [1_000 * (first - before) for first, before, _ in pair.answers() if before > begun]
    note = f"longest pause of the answers {max(pauses, default=0):.0f} ms"
    return [Figure(f"false moves and fences, {name}, {time.monotonic() - begun:.0f} s",
                   float(len(noted) + len(others) + (pair.holders() != [active])), "moves",
                   note="; ".join([note, *noted[:3]])), *figures]


def _rest(pair: Services, seconds: float) -> list[Figure]:
    """CPU, with that of the programs that audits start, and memory of the daemons and of the witness."""
    processes = {name: machine.process.pid for name, machine in pair.yard.machines.items()
                 if machine.process is not None}
    before = {name: (cpu_s(pid), _children_s(pid)) for name, pid in processes.items()}
    time.sleep(seconds)
    figures = []
    for name, pid in processes.items():
        own, programs = cpu_s(pid) - before[name][0], _children_s(pid) - before[name][1]
        figures += [
            Figure(f"daemon of {name} at rest", 100 * own / seconds, "% of a core", goal=GOAL_PERCENT,
                   note=f"and {100 * programs / seconds:.2f} % for programs that audits start; over {seconds:g} s"),
            Figure(f"daemon of {name}", resident_mib(pid), "MiB", goal=GOAL_MIB,
                   note=f"RSS; {resident_mib(pid, 'Pss'):.0f} MiB PSS")]
    return figures


def _children_s(pid: int) -> float:
    """CPU seconds of children that have ended."""
    with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    return (int(fields[13]) + int(fields[14])) / os.sysconf("SC_CLK_TCK")


@contextlib.contextmanager
def _load() -> Iterator[None]:
    burners = [subprocess.Popen([sys.executable, "-S", "-c", BURN])
               for _ in range(BURNERS_PER_CORE * (os.cpu_count() or 1))]
    try:
        yield
    finally:
        for burner in burners:
            burner.kill()
            burner.wait()
