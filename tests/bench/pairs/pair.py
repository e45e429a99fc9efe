# SPDX-License-Identifier: Apache-2.0
"""What all pairs have in common: their machines, how one dies and comes back, and who has the floating address."""
from __future__ import annotations

import os
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from pathlib import Path
from typing import IO

from flock.testing.services.process import wait_for
from tests.bench.pairs.switch import Switch
from tests.functional.sm.transport.conftest import PATHS, PREFIX, Site

HERE = Path(__file__).parent
NODES = ("controller-0", "controller-1")
FLOATING, PORT = f"{PREFIX['oam']}100", 7777
LINKS = ("mgmt", "oam")
"""The two links; the address is on the second."""
LIFE_S = 8 * 3600


class Pair(ABC):
    """Two machines, of which one has the address. ``title`` names the pair in the table, ``timers`` its timers.
    ``struck``: machines that the pair itself has switched off although they were in order; they are switched on again.
    """

    title: str
    timers: str

    def __init__(self, folder: Path, site: Site) -> None:
        self.folder, self.site = folder, site
        for node in NODES:
            if node not in site.places:
                site.add(node)
        self.switch = Switch(folder, {node: {
            "net": os.readlink(f"/proc/{site.places[node].holder.pid}/ns/net"),
            "holder": site.places[node].holder.pid, "switch": site.switch.holder.pid,
            "ports": [site.port(node, path) for path in PATHS]} for node in NODES})
        self.struck: list[str] = []
        self._residents: dict[str, subprocess.Popen[bytes]] = {}
        self._asker: subprocess.Popen[bytes] | None = None

    @abstractmethod
    def start_node(self, node: str) -> None:
        """Start the programs of one machine."""

    @abstractmethod
    def configure(self) -> None:
        """What is told the pair once, when both machines run."""

    @abstractmethod
    def ready(self, node: str) -> bool:
        """Whether the machine without the address would take it over."""

    def start(self) -> None:
        """Start everything; returns when one machine has the address and the other one is ready.

        What a pair does to itself while it is told what it is counts against nobody.
        """
        with (self.folder / "asked").open("wb") as out:
            self._asker = self._program("asker.py", out, self.site.switch.command())
        for node in NODES:
            self.revive(node)
        self.configure()
        self.active()
        self.struck.clear()

    def active(self) -> tuple[str, str]:
        """The machine with the address and the other one, as soon as that is ready to take over."""
        def settled() -> bool:
            for node in NODES:
                if self.switch.is_off(node):
                    self.struck.append(node)
                    self.ended(node)
                    self.revive(node)
            having = self.holders()
            return len(having) == 1 and self.answering() == having[0] and self.ready(self.other(having[0]))

        wait_for(settled, 180, f"{self.title} to settle; the address is on {self.holders()}")
        holder = self.holders()[0]
        return holder, self.other(holder)

    def kill(self, node: str) -> float:
        """All ports of the machine go down and all its processes end; returns the moment before."""
        died = time.monotonic()
        self.switch.off(node)
        self.ended(node)
        return died

    def ended(self, node: str) -> None:
        """Collect what was started on the machine, which is off."""
        self._residents.pop(node).wait()

    def revive(self, node: str) -> None:
        """The machine is switched on: its ports are up, and its programs start."""
        self.site.places[node].ip("address", "flush", "dev", "oam", "to", f"{FLOATING}/32")
        for path in PATHS:
            self.site.carrier(node, path, True)
        with (self.folder / f"{node}.address").open("ab") as out:
            self._residents[node] = self._program("resident.py", out, self.site.places[node].command(), node)
        self.start_node(node)

    def holders(self) -> list[str]:
        """The machines that have the address now."""
        found = []
        for node in NODES:
            # A fence kills it, too.
            said = subprocess.run(self.site.places[node].command("ip", "-o", "address", "show", "to", f"{FLOATING}/32"),
                                  check=False, capture_output=True, text=True)
            found += [node] if said.stdout.strip() and not self.switch.is_off(node) else []
        return found

    def answering(self) -> str:
        """The machine that answered last."""
        told = self.answers()
        return told[-1][2] if told else ""

    def answers(self) -> list[tuple[float, float, str]]:
        """Each change of the answering machine and each pause: the answer after it, that before it, and who answers."""
        lines = (self.folder / "asked").read_text().split("\n")[:-1]
        return [(float(first), float(before), name) for first, before, name in (line.split(" ") for line in lines)]

    def answered(self, since_s: float, node: str) -> float | None:
        """When the machine first answered after a moment."""
        return next((first for first, _, name in self.answers() if name == node and first > since_s), None)

    def wait_answered(self, since_s: float, node: str, seconds: float = 60) -> float:
        """The same, as soon as it has."""
        wait_for(lambda: self.answered(since_s, node) is not None, seconds, f"{self.title}: answers of {node}")
        found = self.answered(since_s, node)
        assert found is not None
        return found

    def got_address(self, since_s: float, node: str) -> float | None:
        """When the machine got the address, after a moment."""
        lines = (self.folder / f"{node}.address").read_text().split("\n")[:-1]
        return next((float(moment) for moment, _, sign in (line.partition(" ") for line in lines)
                     if sign == "+" and float(moment) > since_s), None)

    def other(self, node: str) -> str:
        """The other machine."""
        return next(name for name in NODES if name != node)

    def close(self) -> None:
        """End everything."""
        for node in NODES:
            self.switch.off(node)
            if node in self._residents:
                self.ended(node)
        self.switch.close()
        if self._asker is not None:
            self._asker.kill()
            self._asker.wait()
        self.site.close()

    def _program(self, name: str, out: IO[bytes], place: list[str], *words: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen([*place, sys.executable, "-S", str(HERE / name), *words, FLOATING, str(PORT)],
                                stdout=out)
