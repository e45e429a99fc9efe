# SPDX-License-Identifier: Apache-2.0
"""A node that does nothing but send and hear beats: ``python player.py CONFIG``, in a network namespace of its own.

Prints a JSON line for each change of a path's state, carrier and reachability; ``ask`` on standard input prints counts
and the longest gap between beats on each path since it was asked last, ``pause MS`` announces a silence.
"""
from __future__ import annotations

import asyncio
import json
import logging
import resource
import sys
import time
import uuid
from pathlib import Path
from typing import Any

from sm.contract.messages import AssignmentReport, Beat, Echo, Snapshot
from sm.core import paths
from sm.transport.carrier import CarrierWatch
from sm.transport.exchange import Exchange
from sm.transport.keyring import KeyFile, Keyring
from sm.transport.probes import Prober
from sm.transport.settings import PathLink, Peer


def now_ms() -> int:
    return time.monotonic_ns() // 1_000_000


def resident_kb() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() // 1024


def say(**fields: Any) -> None:
    print(json.dumps(fields), flush=True)


class Player:
    def __init__(self, config: dict[str, Any]) -> None:
        self.node, self.boot = config["node"], uuid.uuid4().hex
        links = tuple(PathLink(**{**row, "peers": tuple(Peer(**peer) for peer in row["peers"]),
                                  "targets": tuple(row.get("targets", ()))}) for row in config["links"])
        witnesses = {peer.name for link in links for peer in link.peers if peer.witness}
        self.keyring = Keyring(KeyFile(Path(config["key"])), self.node, witnesses)
        self.exchange = Exchange(self.node, self.boot, links, self.keyring, now_ms, self.on_beat)
        self.devices = {link.device: link.name for link in links}
        self.carriers: dict[str, bool] = {}
        self.reachable: dict[str, bool] = {}
        self.watch = CarrierWatch(self.devices, self.on_carrier, self.exchange.recheck)
        self.prober = Prober(links, self.on_reachable)
        self.settings = paths.PathSettings(
            self.node, {name: device for device, name in self.devices.items()},
            tuple(sorted({peer.name for link in links for peer in link.peers if not peer.witness})))
        self.view = paths.begin(self.settings, now_ms())
        self.groups = config.get("groups", 0)
        self.sequence = self.snapshots = self.pausing_ms = 0
        self.heard: dict[str, Beat] = {}
        self.last_ms: dict[str, int] = {}
        self.gaps_ms: dict[str, int] = {}

    def step(self, event: paths.Event) -> None:
        self.view, actions = paths.step(self.settings, self.view, event, False, now_ms())
        for action in actions:
            if isinstance(action, paths.PathChange):
                say(path=action.path, state=action.state)

    def on_beat(self, path: str, beat: Beat, is_new: bool) -> None:
        now = now_ms()
        self.gaps_ms[path] = max(self.gaps_ms.get(path, 0), now - self.last_ms.get(path, now))
        self.last_ms[path] = now
        former = self.heard.get(beat.node)
        if former is None or former.boot != beat.boot:
            say(boot=beat.boot, node=beat.node)
        if is_new:
            self.heard[beat.node] = beat
        if beat.snapshot is not None:
            self.snapshots = len(beat.snapshot.assignments)
        self.step(paths.Heard(path, beat))

    def on_carrier(self, device: str, up: bool) -> None:
        self.carriers[self.devices[device]] = up
        say(carrier=up, device=device)
        self.step(paths.Carrier(self.devices[device], up))

    def on_reachable(self, path: str, reachable: bool | None) -> None:
        say(path=path, reachable=reachable)
        if reachable is None:
            self.reachable.pop(path, None)
        else:
            self.reachable[path] = reachable

    def beat(self) -> None:
        now = now_ms()
        self.step(paths.Tick())
        self.sequence += 1
        snapshot = Snapshot(1, assignments=tuple(AssignmentReport(f"group-{number}", reason=uuid.uuid4().hex)
                                                 for number in range(self.groups)))
        self.exchange.send(Beat(
            self.node, self.boot, self.sequence, now, echoes={node: Echo(beat.boot, beat.sent_ms)
                                                              for node, beat in self.heard.items()},
            carriers=self.carriers, reachable=self.reachable, pausing_ms=self.pausing_ms,
            heard=paths.heard_lately(self.settings, self.view, now),
            snapshot=snapshot if self.groups and self.sequence % 10 == 0 else None))

    def answer(self) -> None:
        line = sys.stdin.readline().split()
        if not line:
            asyncio.get_running_loop().remove_reader(sys.stdin)
        elif line[0] == "pause":
            self.pausing_ms = int(line[1])
        else:
            used = resource.getrusage(resource.RUSAGE_SELF)
            say(taken=dict(self.exchange.taken), gaps_ms=self.gaps_ms, problems=self.exchange.problems(),
                dropped=self.exchange.dropped(),
                refused={f"{path} {why}": count for (path, why), count in self.exchange.refused.items()},
                cpu_s=used.ru_utime + used.ru_stime, memory_kb=resident_kb(), at_s=time.monotonic(),
                keys=len(self.keyring.ring.keys), used=self.keyring.ring.used, rows=self.snapshots)
            self.gaps_ms = {}

    async def run(self) -> None:
        self.exchange.start()
        self.watch.start()
        self.prober.start()
        loop = asyncio.get_running_loop()
        loop.add_reader(sys.stdin, self.answer)
        due = loop.time()
        while True:
            self.beat()
            due = max(due + self.settings.timing.beat_ms / 1_000, loop.time())
            await asyncio.sleep(due - loop.time())


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, stream=sys.stderr)
    asyncio.run(Player(json.loads(Path(sys.argv[1]).read_text())).run())
