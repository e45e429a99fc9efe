# SPDX-License-Identifier: Apache-2.0
"""How long the floating address and the API of a lab are away while its controllers change sides, and why."""
from __future__ import annotations

import contextlib
import json
import re
import subprocess
import threading
import time
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import requests

from devstack.virtualcloud.mainjob import STATE_DIR
from tests.lab.stack import REPO, token

FLOATING = "10.10.10.1"
HOSTS = "https://127.0.0.1:6385/v1/ihosts"
STEP_S = 0.1
LIMIT_S = 10.0
"""Long, so that requests which nobody waits for any more do not keep the API busy."""
AWAY_S = 0.5
PING = re.compile(r"^\[(\d+\.\d+)\] \d+ bytes from")
ENDED = re.compile(r"^(\S+): (enable|disable|go-active|go-standby) (\S+) after (\d+\.\d+) s")
JOURNAL = "/var/lib/sm/journal.jsonl"


@dataclass
class Probe:
    """When something answered well: ``(asked, answered)`` on the wall clock, in order."""

    name: str
    good: list[tuple[float, float]] = field(default_factory=list)

    def outage_s(self, since: float) -> float:
        """The longest time without a good answer after ``since``."""
        times = [since, *(answered for _, answered in self.good if answered >= since)]
        return max((later - earlier for earlier, later in zip(times, times[1:], strict=False)), default=float("inf"))

    def back_s(self, since: float) -> float:
        """From ``since`` to the first good answer after the longest outage."""
        times = [since, *(answered for _, answered in self.good if answered >= since)]
        gaps = [(later - earlier, later) for earlier, later in zip(times, times[1:], strict=False)]
        return max(gaps)[1] - since if gaps else float("inf")


class Watch:
    """Asks the floating address and the list of hosts all the time, while the context lasts."""

    def __init__(self, hosts: int) -> None:
        self.address, self.api = Probe("the floating address"), Probe("host-list with all hosts")
        self._hosts, self._token, self._over = hosts, token(), threading.Event()
        self._threads = [threading.Thread(target=self._ask), threading.Thread(target=self._ping)]
        self._pings: subprocess.Popen[str] | None = None

    def __enter__(self) -> Watch:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        if self._pings is not None:
            self._pings.terminate()
        for thread in self._threads:
            thread.join()

    def wait_good(self, since: float, limit_s: float) -> None:
        """Wait until both have answered well for two seconds after they were away, or not been away for ``limit_s``."""
        end = time.time() + limit_s
        while time.time() < end:
            if all(probe.outage_s(since) > AWAY_S and probe.good and probe.good[-1][1] > time.time() - 1.5
                   and probe.good[-1][1] - since > probe.back_s(since) + 2 for probe in (self.address, self.api)):
                return
            time.sleep(0.2)

    def _ask(self) -> None:
        with requests.Session() as client:
            client.trust_env = False
            client.verify = str(STATE_DIR / "ca.crt")
            headers = {"X-Auth-Token": self._token, "Connection": "close"}
            while not self._over.wait(STEP_S):
                asked = time.time()
                with contextlib.suppress(requests.RequestException, ValueError, KeyError):
                    reply = client.get(HOSTS, headers=headers, timeout=LIMIT_S)
                    if reply.status_code == 200 and len(reply.json()["ihosts"]) == self._hosts:
                        self.api.good.append((asked, time.time()))

    def _ping(self) -> None:
        self._pings = subprocess.Popen(
            [str(REPO / "devstack/lab"), "exec", "outside", "--", "ping", "-D", "-n", "-i", str(STEP_S), FLOATING],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        for line in self._pings.stdout or ():
            if found := PING.match(line):
                self.address.good.append((float(found[1]), float(found[1])))
        self._pings.wait()


def lines(node: str, since: float) -> list[tuple[float, str]]:
    """The decisions and actions of a node after ``since``: seconds after it, and the sentence."""
    done = subprocess.run([str(REPO / "devstack/lab"), "exec", node, "--", "cat", JOURNAL], capture_output=True,
                          text=True, timeout=60, check=False)
    found = []
    for line in done.stdout.splitlines():
        with contextlib.suppress(ValueError, KeyError):
            entry: dict[str, Any] = json.loads(line)
            at = datetime.fromisoformat(entry["at"]).timestamp() - since
            if at >= 0:
                found.append((at, str(entry["text"])))
    return found


def timeline(nodes: tuple[str, ...], since: float) -> str:
    """What the nodes did after ``since``, as a table: begin and end of each action, and each decision."""
    rows = []
    for node in nodes:
        for at, text in lines(node, since):
            ended = ENDED.match(text)
            begun = at - float(ended[4]) if ended else at
            rows.append((begun, f"{begun:7.2f} {at:7.2f}  {node}  {text[:150]}" if ended
                         else f"{at:7.2f}          {node}  {text[:150]}"))
    return "\n".join(["  begin     end  node          what", *(text for _, text in sorted(rows))])
