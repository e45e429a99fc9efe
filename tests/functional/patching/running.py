# SPDX-License-Identifier: Apache-2.0
"""A running software management: conductor and API as processes on a real bus, database and Keystone; agents that
answer as those of hosts do, and obey the test; patches that a trusted maker has signed."""
from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import requests

from flock.core.records import replace
from flock.rpc import Server, client
from flock.testing.services.keystone import KeystoneServer
from flock.testing.services.process import Process, wait_for
from flock.testing.subsystem import RunningSubsystem
from patching.artifact import build
from patching.artifact.metadata import Metadata
from patching.content.holding import Holding
from patching.contract.records import HostFacts, InstallOrder, InstallResult, Mirrored
from patching.contract.rpc import AgentReports, PatchingAgent
from patching.contract.states import AgentState, ReleaseStatus
from patching.contract.version import Version
from tests.functional.patching.inventory import Inventory
from tests.functional.patching.signer import Authority

WAIT_S = 30.0


class Agent:
    """The agent of a host. ``mood``: ``works``, ``fails`` (each installation), ``waits`` (for ``finish``), ``silent``,
    ``lies`` (about the content that it has).
    """

    def __init__(self, cloud: Cloud, hostname: str, number: int) -> None:
        self.hostname, self.mood = hostname, "works"
        self.orders: list[InstallOrder] = []
        self.cleaned: list[list[str]] = []
        self._reports = client(AgentReports, cloud.bus())
        self._lock = threading.Lock()
        kind = "controller" if hostname.startswith("controller") else "worker"
        self.facts = HostFacts(hostname, f"10000000-0000-4000-8000-{number:012}", "10.0.0", nodetype=kind)
        self._server = Server(cloud.bus(), hostname, {PatchingAgent: self})
        self._server.start()

    def install(self, *, order: InstallOrder) -> None:
        with self._lock:
            known = any((one.deploy_id, one.attempt) == (order.deploy_id, order.attempt) for one in self.orders)
            if self.mood == "silent":
                return
            if not known:
                self.orders.append(order)
            if self.mood == "waits":
                self.report(state=AgentState.INSTALLING)
                return
            self._end(order, "it was told to fail" if self.mood == "fails" else "")

    def finish(self, error: str = "") -> None:
        with self._lock:
            self.mood = "works"
            self._end(self.orders[-1], error)

    def report_now(self, *, query_id: str) -> None:
        if self.mood != "silent":
            self.report(query_id=query_id)

    def clean_up(self, *, deploy_id: str, keep: list[str]) -> None:
        self.cleaned.append(keep)

    def report(self, **changes: Any) -> None:
        self.facts = replace(self.facts, **changes)
        self._reports.report(facts=self.facts)

    def tell_mirror(self, feed: Path) -> None:
        """What a controller's agent says of the content there."""
        self._reports.mirrored(mirrored=Mirrored(self.hostname, Holding(feed).digests()))

    def stop(self) -> None:
        self._server.stop(2)

    def _end(self, order: InstallOrder, error: str) -> None:
        digests = {one.release_id: "f" * 64 if self.mood == "lies" else one.digest for one in order.contents}
        result = InstallResult(order.deploy_id, self.hostname, order.attempt, error, order.version,
                               digests=None if error else digests)
        self._reports.install_ended(result=result)
        version = self.facts.version if error else order.version
        self.report(result=result, version=version, digests=self.facts.digests if error else digests,
                    state=AgentState.INSTALL_FAILED if error else AgentState.IDLE)


class Cloud(RunningSubsystem):
    """Releases, hosts and operators of one system."""

    def __init__(self, kind: str, folder: Path, url: str, rabbit_url: str, keystone: KeystoneServer) -> None:
        super().__init__("patching", folder, url, rabbit_url, keystone)
        self.inventory = Inventory(kind)
        self.maker = Authority("maker", folder / "trusted")
        self.developer = Authority("developer", folder / "development")
        self.stranger = Authority("stranger", folder / "strange")
        self.conductor_options: dict[str, Any] = {}
        self.agents: dict[str, Agent] = {}
        self.conductor: Process | None = None

    @property
    def software(self) -> Path:
        return self.folder / "software"

    def begin(self) -> None:
        self.configure({"conductor": {
            "hostname": "controller-0", "software_dir": self.software, "trusted_cert_dir": self.maker.file.parent,
            "development_cert": self.developer.file, "inventory_url": self.inventory.url, "install_repeat_s": 1,
            "containers_free_gib": 0, "system_free_gib": 0,
            "agent_answer_ms": 2000, **self.conductor_options}, "api": {
                "bind_host": "127.0.0.1", "bind_port": self.port, "threads": 8}})
        self.make_tables()
        self.start_conductor()
        self.start_api()
        self.agents = {name: Agent(self, name, number) for number, name in enumerate(self.inventory.hosts, 1)}
        for agent in self.agents.values():
            agent.report()
        self.as_admin = self.http()

    def start_conductor(self) -> None:
        self.conductor = self.daemon("patching-conductor", self._is_begun)

    def _is_begun(self) -> bool:
        return "patching-conductor is ready" in self.log()

    def end(self) -> None:
        for agent in self.agents.values():
            agent.stop()
        self.stop()
        self.inventory.stop()

    # What operators do.

    def patch(self, text: str, signer: Authority | None = None, software: dict[str, bytes] | None = None,
              scripts: dict[str, str] | None = None, hook_files: dict[str, Path] | None = None,
              **fields: Any) -> Path:
        """A signed patch file; ``scripts``: activation scripts by name."""
        folder = self.folder / "made" / text
        folder.mkdir(parents=True, exist_ok=True)
        files = {}
        for name, data in (software or {f"tool_{text}.fake": f'{{"name": "tool", "version": "{text}"}}'.encode()}
                           ).items():
            (folder / name).write_bytes(data)
            files[name] = folder / name
        extra = {}
        for name, script in (scripts or {}).items():
            (folder / name).write_text(f"#!/bin/sh\n{script}\n")
            (folder / name).chmod(0o755)
            extra[name] = folder / name
        metadata = Metadata(f"starlingx-{text}", Version.parse(text), "starlingx", **{
            "summary": "A fix", "status": ReleaseStatus.RELEASED, "reboot_required": False,
            "packages": tuple(sorted(files)), "activation_scripts": tuple(sorted(extra)), **fields})
        return build.build(metadata, files, folder, (signer or self.maker).key, hooks=hook_files, extra=extra or None)

    def upload(self, *paths: Path) -> requests.Response:
        """As StarlingX's client does: the field is named like the file."""
        opened = [(str(path), (str(path), path.open("rb"))) for path in paths]
        try:
            return self.as_admin.post(f"{self.base}/v1/release", files=opened)
        finally:
            for _, (_, stream) in opened:
                stream.close()

    def call(self, method: str, path: str, body: Any = None) -> requests.Response:
        return self.as_admin.request(method, f"{self.base}{path}", json=body)

    def get(self, path: str) -> Any:
        found = self.call("GET", path)
        assert found.status_code == 200, found.text
        return found.json()

    def done(self, method: str, path: str, body: Any = None) -> dict[str, Any]:
        """An order that must be accepted."""
        reply = self.call(method, path, body)
        assert reply.status_code == 200, reply.text
        told: dict[str, Any] = reply.json()
        assert told["error"] == "", told
        return told

    def refused(self, method: str, path: str, body: Any = None) -> str:
        """The sentence of an order that must be refused."""
        reply = self.call(method, path, body)
        assert reply.status_code == 406, f"{reply.status_code} {reply.text}"
        told = reply.json()
        assert told["info"] == "" and told["request_id"] and told["code"]
        return str(told["error"])

    def state(self) -> str | None:
        found = self.get("/v1/deploy")
        return found[0]["state"] if found else None

    def hosts(self) -> dict[str, str]:
        return {row["hostname"]: row["host_state"] for row in self.get("/v1/deploy_host")}

    def releases(self) -> dict[str, str]:
        return {row["release_id"]: row["state"] for row in self.get("/v1/release")}

    def reaches(self, state: str | None) -> None:
        wait_for(lambda: self.state() == state, WAIT_S, f"deploy state {state} instead of {self.state()}")

    def start_release(self, text: str) -> None:
        self.done("POST", f"/v1/deploy/starlingx-{text}/start")
        self.reaches("start-done")

    def deploy_host(self, name: str, *, back: bool = False) -> None:
        self.done("POST", f"/v1/deploy_host/{name}{'/rollback' if back else ''}")
        ends = ("rollback-deployed", "rollback-failed") if back else ("deployed", "failed")
        self.wait(lambda: self.hosts()[name] in ends, f"{name} to end")

    def wait(self, condition: Callable[[], bool], what: str) -> None:
        wait_for(condition, WAIT_S, what)
