# SPDX-License-Identifier: Apache-2.0
"""Two controllers and a witness in network namespaces, with a switch of one bridge per path between them."""
from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from flock.testing.services.process import wait_for
from sm.core.rotation import Key, Ring
from sm.transport.keyring import KeyFile, fresh_secret, witness_secret

PATHS = ("mgmt", "oam", "cluster-host")
PREFIX = {"mgmt": "192.168.204.", "oam": "10.10.10.", "cluster-host": "fd00:206::"}
GROUP = {"mgmt": "239.1.1.3", "cluster-host": "ff02::3:3"}
NUMBER = {"controller-0": 2, "controller-1": 3, "arbiter": 9, "attacker": 66}
SWITCH_NUMBER = 1
LIFE_S = 900
PLAYER = Path(__file__).with_name("player.py")


class Namespace:
    """A network namespace, held by a process that ends after ``life_s`` if nobody ends it before."""

    def __init__(self, life_s: int = LIFE_S) -> None:
        own = os.readlink("/proc/self/ns/net")
        self.holder = subprocess.Popen(["unshare", "--net", "sleep", str(life_s)])
        wait_for(lambda: os.readlink(f"/proc/{self.holder.pid}/ns/net") != own, 10, "namespace")
        self.ip("link", "set", "lo", "up")

    def command(self, *words: str) -> list[str]:
        return ["nsenter", "--net", "--target", str(self.holder.pid), *words]

    def ip(self, *words: str) -> None:
        subprocess.run(self.command("ip", *words), check=True)

    def close(self) -> None:
        self.holder.kill()
        self.holder.wait()


class Playing:
    """A player in a namespace and what it says."""

    def __init__(self, folder: Path, place: Namespace, name: str, config: dict[str, Any]) -> None:
        self.file = folder / f"{name}-{len(list(folder.iterdir()))}.out"
        configured = self.file.with_suffix(".json")
        configured.write_text(json.dumps(config))
        with self.file.open("w") as out, self.file.with_suffix(".err").open("w") as err:
            self.process = subprocess.Popen(place.command(sys.executable, str(PLAYER), str(configured)), stdout=out,
                                            stderr=err, stdin=subprocess.PIPE, text=True)

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.file.read_text().splitlines() if line.endswith("}")]

    def errors(self) -> str:
        return self.file.with_suffix(".err").read_text()

    def state(self, path: str) -> str:
        return next((line["state"] for line in reversed(self.lines())
                     if line.get("path") == path and "state" in line), "unknown")

    def reachable(self, path: str) -> bool | None:
        return next((line["reachable"] for line in reversed(self.lines())
                     if line.get("path") == path and "reachable" in line), None)

    def states(self) -> dict[str, str]:
        return {path: self.state(path) for path in PATHS}

    def boots(self) -> list[str]:
        return [line["boot"] for line in self.lines() if "boot" in line]

    def ask(self) -> dict[str, Any]:
        def answers() -> list[dict[str, Any]]:
            return [line for line in self.lines() if "taken" in line]

        before = len(answers())
        self.tell("ask")
        wait_for(lambda: len(answers()) > before, 20, f"answer\n{self.errors()}")
        return answers()[-1]

    def tell(self, text: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{text}\n")
        self.process.stdin.flush()

    def wait_states(self, seconds: float = 10, **wanted: str) -> None:
        full = {**dict.fromkeys(PATHS, "ok"), **{name.replace("_", "-"): state for name, state in wanted.items()}}
        wait_for(lambda: self.states() == full, seconds, f"{full}, not {self.states()}\n{self.errors()}")

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()


class Site:
    """All namespaces, cables and players of a test."""

    def __init__(self, folder: Path, life_s: int = LIFE_S) -> None:
        self.folder, self._life_s = folder, life_s
        self.switch = Namespace(life_s)
        self.places: dict[str, Namespace] = {}
        self.players: list[Playing] = []
        for path in PATHS:
            self.switch.ip("link", "add", f"br-{path}"[:15], "type", "bridge", "mcast_snooping", "0")
            self.switch.ip("address", "add", self._address(path, SWITCH_NUMBER), "dev", f"br-{path}"[:15],
                           *self._nodad(path))
            self.switch.ip("link", "set", f"br-{path}"[:15], "up")
        tag, secret = fresh_secret()
        self.ring = Ring((Key(1, tag, secret),), tag)

    def add(self, node: str) -> Namespace:
        """A machine with a port on every path."""
        self.places[node] = Namespace(self._life_s)
        for path in PATHS:
            self.plug(node, path)
        return self.places[node]

    def plug(self, node: str, path: str) -> None:
        """Put a new network card into a machine, with the device name and address of the old one."""
        place, port = self.places[node], self.port(node, path)
        place.ip("link", "add", path, "type", "veth", "peer", "name", port)
        place.ip("link", "set", port, "netns", str(self.switch.holder.pid))
        self.switch.ip("link", "set", port, "master", f"br-{path}"[:15], "up")
        place.ip("address", "add", self._address(path, NUMBER[node]), "dev", path, *self._nodad(path))
        place.ip("link", "set", path, "up")

    def unplug(self, node: str, path: str) -> None:
        """Take the network card out."""
        self.places[node].ip("link", "del", path)

    def port(self, node: str, path: str) -> str:
        return f"p{NUMBER[node]}-{path}"[:15]

    def carrier(self, node: str, path: str, up: bool) -> None:
        """Pull the cable, or put it in again."""
        self.switch.ip("link", "set", self.port(node, path), "up" if up else "down")

    def cut(self, node: str, path: str) -> None:
        """The switch passes nothing any more; the carrier stays."""
        self.switch.ip("link", "set", self.port(node, path), "nomaster")

    def heal(self, node: str, path: str) -> None:
        self.switch.ip("link", "set", self.port(node, path), "master", f"br-{path}"[:15])

    def play(self, node: str, *others: str, ring: Ring | None = None, **more: Any) -> Playing:
        """Start a node that expects ``others``; ``targets`` and ``groups`` are passed on."""
        key = self.folder / f"{node}.key"
        if ring is not None or not key.exists():
            key.unlink(missing_ok=True)
            self._create(key, node, ring or self.ring)
        targets = more.pop("targets", {})
        links = [{"name": path, "device": path, "address": f"{PREFIX[path]}{NUMBER[node]}",
                  "group": GROUP.get(path) if node != "arbiter" else None, "targets": targets.get(path, ()),
                  "port": 2223 if node == "arbiter" else 2222,
                  "peers": [{"name": other, "address": f"{PREFIX[path]}{NUMBER[other]}", "witness": other == "arbiter",
                             "port": 2223 if other == "arbiter" else 2222} for other in others]}
                 for path in PATHS]
        player = Playing(self.folder, self.places[node], node, {"node": node, "key": str(key), "links": links, **more})
        self.players.append(player)
        return player

    def pair(self, **more: Any) -> tuple[Playing, Playing]:
        """Both controllers, started together, that hear each other on all paths."""
        for node in ("controller-0", "controller-1"):
            self.add(node)
        players = (self.play("controller-0", "controller-1", **more), self.play("controller-1", "controller-0", **more))
        for player in players:
            player.wait_states(20)
        return players

    def close(self) -> None:
        for player in self.players:
            player.stop()
        for place in (*self.places.values(), self.switch):
            place.close()

    @staticmethod
    def _create(key: Path, node: str, ring: Ring) -> None:
        if node == "arbiter":
            ring = Ring(tuple(Key(each.number, each.tag, witness_secret(each.secret, node)) for each in ring.keys),
                        ring.used)
        KeyFile(key).create(ring, node if node == "arbiter" else "")

    @staticmethod
    def _address(path: str, number: int) -> str:
        return f"{PREFIX[path]}{number}/{64 if ':' in PREFIX[path] else 24}"

    @staticmethod
    def _nodad(path: str) -> tuple[str, ...]:
        return ("nodad",) if ":" in PREFIX[path] else ()


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    if os.geteuid() != 0 or shutil.which("unshare") is None:
        pytest.skip("only root can make network namespaces")
    made = Site(tmp_path)
    try:
        yield made
    finally:
        made.close()
