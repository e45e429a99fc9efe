# SPDX-License-Identifier: Apache-2.0
"""A running cloud with orchestrator and orchestration API as processes, beside conductor, API and agents."""
from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import requests
import sqlalchemy as sa

from flock.rpc import Server
from flock.testing.daemons import api_serves, write_conf
from flock.testing.services.keystone import KeystoneServer
from flock.testing.services.process import Process, free_port, wait_for
from fm.contract.rpc import FaultOutcome, FaultRequest, FmManager
from patching.db.tables import STRATEGY
from tests.functional.patching.neighbours import Neighbours
from tests.functional.patching.running import Cloud

LIMIT_S = 240.0
ENDED = ("applied", "aborted", "apply-failed", "abort-failed", "build-failed", "apply-timeout", "abort-timeout")
BODY = {"controller-apply-type": "serial", "storage-apply-type": "serial", "worker-apply-type": "serial",
        "default-instance-action": "stop-start", "release": ["starlingx-10.0.1"]}


class Faults(FmManager):
    """Takes faults as fm-manager does. ``story``: what alarms of orchestration became, in their order."""

    def __init__(self) -> None:
        self.active: set[str] = set()
        self.story: list[str] = []

    def apply(self, *, requests: list[FaultRequest]) -> list[FaultOutcome]:
        for request in requests:
            if request.fault is not None and request.fault.alarm_id.startswith("900.2"):
                word = "log" if request.fault.alarm_state == "msg" else "set"
                self.story.append(f"{word} {request.fault.alarm_id}")
                if word == "set":
                    self.active.add(request.fault.alarm_id)
            elif request.clear is not None and request.clear.alarm_id in self.active:
                self.active.discard(request.clear.alarm_id)
                self.story.append(f"clear {request.clear.alarm_id}")
        return [FaultOutcome(request.request_id) for request in requests]


class OrchestratedCloud(Cloud):
    """The cloud with ``vim``, the URL of the orchestration API."""

    def __init__(self, kind: str, folder: Path, url: str, rabbit_url: str, keystone: KeystoneServer,
                 workers: int = 3) -> None:
        super().__init__(kind, folder, url, rabbit_url, keystone)
        for number in range(3, workers):
            name = f"compute-{number}"
            self.inventory.hosts[name] = {**self.inventory.hosts["compute-0"], "id": 10 + number, "hostname": name,
                                          "uuid": f"20000000-0000-4000-8000-{number:012}"}
        self.neighbours = self.make_neighbours()
        self.orchestrator_options: dict[str, Any] = {"instances": "nova", "nova_url": self.neighbours.url}
        self.faults = Faults()
        self.percent: list[int] = []
        self.vim_port = free_port()
        self.vim = f"http://127.0.0.1:{self.vim_port}/api/orchestration"
        self.orchestrator: Process | None = None

    def make_neighbours(self) -> Neighbours:
        """The services beside the software service."""
        return Neighbours(self.inventory)

    def begin(self) -> None:
        self._recorder = Server(self.bus(), "recorder", {FmManager: self.faults})
        self._recorder.start()
        super().begin()
        base = self.neighbours.url
        write_conf(self.conf_dir / "patching-orchestrator.conf", {"orchestrator": {
            "hostname": "controller-0", "sysinv_url": base, "fm_url": base, "poll_interval_s": 1, "alarms_quiet_s": 0,
            "stable_max_s": 0, "retry_pause_max_s": 0, **self.orchestrator_options}})
        write_conf(self.conf_dir / "patching-vim-api.conf", {"api": {"bind_port": self.vim_port}})
        self.start_orchestrator()
        self.daemon("patching-vim-api", lambda: api_serves(f"http://127.0.0.1:{self.vim_port}"))

    def end(self) -> None:
        self._recorder.stop(2)
        super().end()
        self.neighbours.stop()

    def start_orchestrator(self) -> None:
        before = self.log().count("patching-orchestrator is ready")
        self.orchestrator = self.daemon(
            "patching-orchestrator", lambda: self.log().count("patching-orchestrator is ready") > before)

    def kill_orchestrator(self) -> None:
        assert self.orchestrator is not None
        self.orchestrator.kill()

    def ask(self, method: str, path: str, body: Any = None) -> requests.Response:
        return self.as_admin.request(method, f"{self.vim}/{path}", json=body)

    def strategy(self) -> dict[str, Any]:
        found: dict[str, Any] = self.ask("GET", "sw-upgrade/strategy").json()["strategy"]
        return found

    def create(self, **fields: Any) -> dict[str, Any]:
        """Create a strategy; returns it when it is built."""
        body = {**BODY, **{name.replace("_", "-"): value for name, value in fields.items()}}
        reply = self.ask("POST", "sw-upgrade/strategy", body)
        assert reply.status_code == 200 and reply.json()["strategy"]["state"] == "building", reply.text
        return self.when(lambda now: now["state"] != "building")

    def act(self, action: str, stage: str | None = None) -> requests.Response:
        return self.ask("POST", "sw-upgrade/strategy/actions", {"action": action, "stage-id": stage})

    def apply(self) -> dict[str, Any]:
        """Apply all; returns the strategy at its end."""
        reply = self.act("apply-all")
        assert reply.status_code == 202, reply.text
        return self.when(lambda now: now["state"] in ENDED)

    def when(self, holds: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """The strategy as soon as this holds."""
        seen: list[dict[str, Any]] = []

        def look() -> bool:
            seen[:] = [self.strategy()]
            self.percent.append(seen[0]["current-phase-completion-percentage"])
            return holds(seen[0])

        wait_for(look, LIMIT_S, "the strategy")
        return seen[0]

    def delete(self, force: bool = False) -> requests.Response:
        return self.ask("DELETE", "sw-upgrade/strategy", {"force": force})

    def actions(self, *words: str) -> list[str]:
        return [line for line in self.neighbours.log if line.split()[0] in words]

    def told(self, *story: str) -> None:
        """Fault management was told this, soon: it hears of changes over the spool.

        What stands is raised again at times, which changes nothing.
        """
        wait_for(lambda: changes(self.faults.story) == list(story), LIMIT_S, f"{story} instead of {self.faults.story}")

    def rows(self) -> int:
        with self.db.reader() as conn:
            return int(conn.execute(sa.select(sa.func.count()).select_from(STRATEGY)).scalar_one())


def changes(story: Sequence[str]) -> list[str]:
    """The story without the alarms that are raised while they stand."""
    standing: set[str] = set()
    found = []
    for line in story:
        word, _, alarm = line.partition(" ")
        if word == "set" and alarm in standing:
            continue
        found.append(line)
        if word in ("set", "clear"):
            (standing.add if word == "set" else standing.discard)(alarm)
    return found


def stages(strategy: dict[str, Any]) -> list[str]:
    """The stages of the apply phase with their hosts."""
    found = []
    for stage in strategy["apply-phase"]["stages"]:
        hosts = [name for step in stage["steps"] if step["entity-type"] == "hosts" for name in step["entity-names"]]
        found.append(" ".join((stage["stage-name"].removeprefix("sw-upgrade-"), *dict.fromkeys(hosts))))
    return found
