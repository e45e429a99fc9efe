# SPDX-License-Identifier: Apache-2.0
"""Two machines and perhaps a witness with the product's service management: a group of the address and a web server."""
from __future__ import annotations

import dataclasses
import json
import tempfile
from collections.abc import Mapping
from pathlib import Path

from sm.core.timing import Timing
from tests.bench.pairs.pair import LIFE_S, NODES, Pair
from tests.functional.sm.daemon.conftest import Machine, Yard

DEFAULTS = dataclasses.asdict(Timing())


class Services(Pair):
    """``timing``: durations of ``sm.core.timing`` that differ from the product's defaults. ``witness``: a third machine
    votes; without one, a fence takes ``fence_delay_ms`` longer."""

    def __init__(self, folder: Path, title: str, timing: Mapping[str, int], *, witness: bool = True) -> None:
        self._witness = witness
        # As /run: on a disk, a file that is written at every tick waits for the work of others.
        self._runtime = tempfile.TemporaryDirectory(dir="/dev/shm")  # noqa: S108 - a new directory of this user
        self.yard = Yard(folder, LIFE_S, Path(self._runtime.name))
        self.yard.build(**{**DEFAULTS, **timing})
        self.yard.prober.kill()  # of the functional tests; pairs have their own
        self.yard.prober.wait()
        super().__init__(folder, self.yard.site)
        self.title = title
        used = {**DEFAULTS, **timing}
        self.timers = ", ".join(f"{name} {used[name]}" for name in (
            "beat_ms", "silent_ms", "majority_delay_ms" if witness else "fence_delay_ms", "lease_ms"))
        for node in NODES:
            path = self.machine(node).folder / "sm.conf"
            conf = json.loads(path.read_text())
            conf["fencing"] = {self.other(node): {"program": str(self.switch.agent), "parameters": {
                "machine": self.other(node), "switch": str(self.switch.socket)}}}
            if not witness:
                del conf["witness"]
            path.write_text(json.dumps(conf))

    def machine(self, node: str) -> Machine:
        """The files and the daemon of a machine."""
        return self.yard.machines[node]

    def start(self) -> None:
        if self._witness:
            self.machine("arbiter").start()
        super().start()

    def start_node(self, node: str) -> None:
        self.machine(node).new_boot()
        self.machine(node).start()

    def configure(self) -> None:
        """The store has everything."""

    def ready(self, node: str) -> bool:
        return self.machine(node).state() == "standby" and self.machine(self.other(node)).state() == "active"

    def ended(self, node: str) -> None:
        super().ended(node)
        process = self.machine(node).process
        if process is not None:
            process.wait()

    def served(self, node: str, since_s: float) -> float | None:
        """When the web server of a machine first ran, after a moment."""
        return next((moment for moment in self.machine(node).alive() if moment > since_s), None)

    def journal(self, node: str, since_s: float) -> list[tuple[float, str]]:
        """What the daemon of a machine decided after a moment: when, and the sentence."""
        path = self.machine(node).folder / "journal" / "journal.jsonl"
        lines = [json.loads(line) for line in path.read_text().split("\n")[:-1]]
        return [(line["ms"] / 1_000, line["text"]) for line in lines if line["ms"] >= 1_000 * since_s]

    def close(self) -> None:
        if self._witness:
            self.machine("arbiter").power_off()
        super().close()
        self._runtime.cleanup()
