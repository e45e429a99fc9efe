# SPDX-License-Identifier: Apache-2.0
"""Memory and CPU at rest of a running lab: every process of each host, the host agents apart."""
from __future__ import annotations

import json
import subprocess
from pathlib import Path

from tests.bench.measure import Figure

LAB = Path(__file__).resolve().parents[2] / "devstack" / "lab"
SAMPLE_S = 10
# Runs inside a host: proportional memory of each process and CPU ticks before and after a pause.
PROBE = """
import json, os, time
def sample():
    found = {}
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            stat = open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()
            pss = next(int(line.split()[1]) for line in open(f"/proc/{pid}/smaps_rollup") if line.startswith("Pss:"))
            command = open(f"/proc/{pid}/cmdline").read().replace("\\0", " ")
        except (OSError, StopIteration):
            continue
        found[pid] = (command, pss, int(stat[11]) + int(stat[12]))
    return found
first = sample(); time.sleep(SAMPLE_S); second = sample()
print(json.dumps([(command, pss, ticks - first[pid][2])
                  for pid, (command, pss, ticks) in second.items() if pid in first]))
""".replace("SAMPLE_S", str(SAMPLE_S))


def run() -> list[Figure]:
    """Figures of controller-0 and of each worker; empty when no lab runs."""
    status = subprocess.run([str(LAB), "--json", "status"], capture_output=True, text=True, timeout=60, check=False)
    if status.returncode != 0:
        return []
    figures: list[Figure] = []
    for host in json.loads(status.stdout)["hosts"]:
        if host["power"]:
            figures += _host(host["name"])
    return figures


def _host(name: str) -> list[Figure]:
    done = subprocess.run([str(LAB), "exec", name, "--", "/usr/bin/python3", "-c", PROBE], capture_output=True,
                          text=True, timeout=60 + SAMPLE_S, check=True)
    processes = [(command, pss, ticks) for command, pss, ticks in json.loads(done.stdout) if PROBE[:20] not in command]
    agents = [entry for entry in processes
              if any(word in entry[0] for word in ("sysinv-agent", "mtce-agent", "patching-agent", "mtce-heartbeat"))]
    controller = name.startswith("controller")
    figures = [Figure(f"{name} memory, all processes", sum(entry[1] for entry in processes) / 1024, "MiB",
                      goal=1536 if controller else None, note="PSS"),
               Figure(f"{name} CPU at rest", sum(entry[2] for entry in processes) / SAMPLE_S, "% of a core")]
    figures += [Figure(f"{name} agents, memory", sum(entry[1] for entry in agents) / 1024, "MiB",
                       goal=None if controller else 150, note="PSS"),
                Figure(f"{name} agents, CPU at rest", sum(entry[2] for entry in agents) / SAMPLE_S, "% of a core",
                       goal=None if controller else 2)]
    for command, pss, ticks in sorted(processes, key=lambda entry: -entry[1])[:12]:
        label = " ".join(word.rsplit("/", 1)[-1] for word in command.split()[:2]) or "?"
        figures.append(Figure(f"{name}   {label}"[:60], pss / 1024, "MiB", note=f"{ticks / SAMPLE_S:.1f} % CPU"))
    return figures
