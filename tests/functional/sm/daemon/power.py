# SPDX-License-Identifier: Apache-2.0
"""A fence agent for network namespaces: reads ``key=value`` lines, as Debian's fence agents do.

``plug`` is a file that describes the machine. Exit status of ``action=status``: 0 on, 2 off.
"""
from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any


def inside(machine: dict[str, Any]) -> list[int]:
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if (entry.name.isdecimal() and os.readlink(entry / "ns/net") == machine["net"]
                    and int(entry.name) != machine["holder"]
                    and (entry / "stat").read_text().rpartition(")")[2].split()[0] not in "ZX"):
                found.append(int(entry.name))
        except OSError:
            continue
    return found


def off(machine: dict[str, Any]) -> None:
    for port in machine["ports"]:
        subprocess.run(["nsenter", "--net", "--target", str(machine["switch"]), "ip", "link", "set", port, "down"],
                       check=True)
    while pids := inside(machine):
        for pid in pids:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue


def main() -> int:
    given = dict(line.split("=", 1) for line in sys.stdin.read().splitlines())
    if given.get("password") != "secret":
        return 1
    machine = json.loads(Path(given["plug"]).read_text())
    if given["action"] == "off":
        off(machine)
        return 0
    return 0 if inside(machine) else 2


if __name__ == "__main__":
    sys.exit(main())
