# SPDX-License-Identifier: Apache-2.0
"""Machines whose programs see processes, a host name and run-time directories of their own."""
from __future__ import annotations

import shutil
import subprocess
from abc import abstractmethod
from collections.abc import Mapping
from pathlib import Path

from flock.testing.services.process import wait_for
from tests.bench.pairs.pair import LIFE_S, Pair
from tests.functional.sm.transport.conftest import Site

INIT = """set -e
mount --make-rprivate /
mount -t proc proc /proc
for place in $PLACES; do mkdir -p $place; mount -t tmpfs tmpfs $place; done
mount -t overlay overlay -o lowerdir=$AGENTS:/usr/sbin /usr/sbin
hostname "$NODE"
. "$SCRIPT"
"""


class Enclosed(Pair):
    """``needs``: programs without which the pair cannot run. ``places``: directories that are empty at every start."""

    needs: tuple[str, ...]
    places: tuple[str, ...] = ("/run", "/dev/shm", "/var/log")

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, Site(folder, LIFE_S))
        self._machines: dict[str, subprocess.Popen[bytes]] = {}

    @classmethod
    def available(cls) -> bool:
        """Whether the programs are installed."""
        return all(shutil.which(name, path="/usr/sbin:/usr/bin") for name in cls.needs)

    @abstractmethod
    def script(self, node: str) -> str:
        """What the first process of a machine does; when it ends, the machine is off."""

    def start_node(self, node: str) -> None:
        script = self.folder / f"{node}.sh"
        script.write_text(self.script(node))
        environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "NODE": node, "SCRIPT": str(script),
                       "PLACES": " ".join(self.places), "AGENTS": str(self.switch.agent.parent)}
        with (self.folder / f"{node}.log").open("ab") as log:
            self._machines[node] = subprocess.Popen(
                self.site.places[node].command("unshare", "--mount", "--pid", "--uts", "--ipc", "--fork",
                                               "--kill-child=SIGKILL", "sh", "-c", INIT),
                stdout=log, stderr=log, stdin=subprocess.DEVNULL, env=environment)

    def ended(self, node: str) -> None:
        super().ended(node)
        if node in self._machines:
            self._machines.pop(node).wait()

    def told(self, node: str, *words: str) -> str:
        """What a program says that is run on the machine; empty when it fails."""
        init = self._init(node)
        if not init:
            return ""
        done = subprocess.run(["nsenter", "--target", init, "--all", *words], capture_output=True, text=True,
                              check=False, env=_environment(), timeout=60)
        return done.stdout if done.returncode == 0 else ""

    def tell(self, node: str, *words: str) -> None:
        """Run a program on the machine as soon as it succeeds there."""
        def succeeds() -> bool:
            init = self._init(node)
            return bool(init) and subprocess.run(
                ["nsenter", "--target", init, "--all", *words], capture_output=True, check=False, env=_environment(),
                timeout=60).returncode == 0

        wait_for(succeeds, 60, f"{self.title}: {words[0]} on {node}")

    def _init(self, node: str) -> str:
        """The first process of the machine, as this one counts processes; empty when there is none."""
        outer = self._machines[node].pid
        try:
            return Path(f"/proc/{outer}/task/{outer}/children").read_text().strip()
        except OSError:
            return ""


def _environment() -> Mapping[str, str]:
    return {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
