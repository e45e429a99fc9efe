# SPDX-License-Identifier: Apache-2.0
"""Two controllers and a witness with real daemons in network namespaces, with three paths between them."""
from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from flock.core.errors import FlockError
from flock.testing.privileges import need_root
from flock.testing.services.process import ServiceFailed, wait_for
from sm.catalogue.rows import (
    ActionRow,
    Configured,
    DependencyRow,
    DomainMemberRow,
    DomainRow,
    GroupMemberRow,
    GroupRow,
    InstanceRow,
    InterfaceRow,
    ServiceRow,
)
from sm.client.control import ask
from sm.contract.control import Reply, Request, StatusReport, Verb
from sm.contract.states import PluginKind, ServiceAction, ServiceState
from sm.store.store import Store
from tests.functional.sm.transport.conftest import GROUP, LIFE_S, NUMBER, PATHS, PREFIX, Site
from tests.unit.sm.catalogue.sites import rows

HERE = Path(__file__).parent
COMPILED = Path(tempfile.gettempdir()) / "sm-compiled"
NODES = ("controller-0", "controller-1")
FLOATING = "10.10.10.100"
COMMANDS = {ServiceAction.ENABLE: "start", ServiceAction.DISABLE: "stop", ServiceAction.AUDIT_ENABLED: "monitor",
            ServiceAction.AUDIT_DISABLED: "monitor"}
# The timers of tests.sim.domainworld.lab.
TIMING = {"lease_ms": 3_000, "step_down_ms": 1_000, "grant_ms": 3_000, "current_ms": 10_000, "wait_ms": 3_000,
          "fence_delay_ms": 1_700}


def address(path: str, node: str) -> str:
    return f"{PREFIX[path]}{NUMBER[node]}"


def configured(node: str, folder: Path, program: Path) -> Configured:
    """A group of a floating address and a web server that needs it."""
    peer = next(name for name in NODES if name != node)

    def actions(service: str, plugin: PluginKind, name: str) -> tuple[ActionRow, ...]:
        return tuple(ActionRow(service, action, plugin, name, command, 10, interval_s=5 if command == "monitor" else 0)
                     for action, command in COMMANDS.items())

    names = {"mgmt": "management-interface", "oam": "oam-interface", "cluster-host": "cluster-host-interface"}
    return Configured(
        service_domains=(DomainRow("controller"),),
        service_domain_interfaces=tuple(
            InterfaceRow("controller", names[path], device=path, multicast=GROUP.get(path, ""),
                         network_type="ipv6-udp" if ":" in PREFIX[path] else "ipv4-udp",
                         address=address(path, node), peer_address=address(path, peer)) for path in PATHS),
        service_domain_members=(DomainMemberRow("controller", "web-services", aggregate="controller-aggregate"),),
        service_groups=(GroupRow("web-services"),),
        service_group_members=(GroupMemberRow("web-services", "oam-ip"), GroupMemberRow("web-services", "web")),
        services=(ServiceRow("oam-ip"), ServiceRow("web", pid_file=str(folder / f"{node}.pid"))),
        service_dependency=(
            DependencyRow("web", ServiceAction.ENABLE, "oam-ip", ServiceState.ENABLED_ACTIVE),
            DependencyRow("oam-ip", ServiceAction.DISABLE, "web", ServiceState.DISABLED)),
        service_instances=(
            InstanceRow("oam-ip", "oam-ip", {"ip": FLOATING, "cidr_netmask": "24", "nic": "oam", "arp_count": "2"}),
            InstanceRow("web", "web", {"NODE": node, "FOLDER": str(folder), "ADDRESS": FLOATING})),
        service_actions=(*actions("oam-ip", PluginKind.ADDRESS, "oam"), *actions("web", PluginKind.EXEC, str(program))),
        service_action_results=tuple(row for row in rows().service_action_results
                                     if row.plugin in (PluginKind.ADDRESS, PluginKind.EXEC)))


class Machine:
    """One controller, or the witness: its files, its daemon, and its power."""

    def __init__(self, yard: Yard, name: str) -> None:
        self.yard, self.name = yard, name
        self.place = yard.site.add(name)
        self.folder = yard.folder / name
        self.folder.mkdir()
        self.run = (yard.runtime or yard.folder) / name / "run"
        self.boot = self.folder / "boot_id"
        self.process: subprocess.Popen[bytes] | None = None
        self.plug = self.folder / "plug.json"
        self.plug.write_text(json.dumps({
            "net": os.readlink(f"/proc/{self.place.holder.pid}/ns/net"), "holder": self.place.holder.pid,
            "switch": yard.site.switch.holder.pid, "ports": [yard.site.port(name, path) for path in PATHS]}))
        self.new_boot()

    def new_boot(self) -> None:
        """The machine has been off: what memory held is gone."""
        self.boot.write_text(f"{uuid.uuid4()}\n")
        shutil.rmtree(self.run, ignore_errors=True)
        (self.yard.folder / f"{self.name}.pid").unlink(missing_ok=True)
        self.place.ip("address", "flush", "dev", "oam", "to", f"{FLOATING}/32")
        for path in PATHS:
            self.yard.site.carrier(self.name, path, True)

    def start(self, *options: str) -> None:
        module, config = ("witness", "witness.conf") if self.name == "arbiter" else ("daemon", "sm.conf")
        words = [sys.executable, "-m", f"sm.cmd.{module}", "--config", str(self.folder / config), *options]
        shell = f"mount --bind {self.boot} /proc/sys/kernel/random/boot_id && exec \"$@\""
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                self.place.command("unshare", "--mount", "sh", "-c", shell, "sh", *words), stdout=log, stderr=log,
                # As installed: compiled once, not at every start.
                env={**os.environ, "PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": str(COMPILED)})

    def signal(self, number: int) -> None:
        assert self.process is not None
        self.process.send_signal(number)
        if number in (signal.SIGKILL, signal.SIGTERM):
            self.process.wait(20)

    def power_off(self) -> None:
        """All processes end at once, and the ports go down."""
        subprocess.run([sys.executable, str(HERE / "power.py")], check=True, text=True,
                       input=f"action=off\nplug={self.plug}\npassword=secret\n")
        assert self.process is not None
        self.process.wait()

    def ask(self, verb: Verb, **fields: Any) -> Reply:
        return ask(Request("", verb, **fields), str(self.run / "control"))

    def status(self) -> StatusReport:
        report = self.ask(Verb.STATUS).status
        assert report is not None
        return report

    def state(self, group: str = "web-services") -> str:
        try:
            return next(line.state for line in self.status().groups if (line.name, line.node) == (group, self.name))
        except (FlockError, StopIteration):
            return "silent"

    def states(self, group: str = "web-services") -> list[str]:
        """Of the group on all nodes, as this machine knows them; empty when it does not answer."""
        try:
            return [str(line.state) for line in self.status().groups if line.name == group]
        except FlockError:
            return []

    def alive(self) -> list[float]:
        """The times at which the web server of this machine was active."""
        path = self.yard.folder / f"{self.name}.alive"
        return [float(line) for line in path.read_text().splitlines()[:-1]] if path.exists() else []

    def spans(self) -> list[tuple[float, float]]:
        """From when to when it was active; it says so every 10 ms, and half a second without a word ends a span."""
        found: list[tuple[float, float]] = []
        for moment in self.alive():
            if found and moment - found[-1][1] < 0.5:
                found[-1] = (found[-1][0], moment)
            else:
                found.append((moment, moment))
        return found

    def log(self) -> str:
        return (self.folder / "log").read_text()[-6_000:]


class Yard:
    """All machines, and somebody on the OAM network who asks the floating address. ``runtime``: a directory in memory,
    for what is below /run where the product is installed."""

    def __init__(self, folder: Path, life_s: int = LIFE_S, runtime: Path | None = None) -> None:
        self.folder, self.runtime = folder, runtime
        keys = folder / "keys"
        keys.mkdir()
        self.site = Site(keys, life_s)
        self.program = folder / "web.py"
        self.program.write_text(f"#!{sys.executable} -S\n{(HERE / 'web.py').read_text()}")
        self.agent = folder / "power.py"
        self.agent.write_text(f"#!{sys.executable} -S\n{(HERE / 'power.py').read_text()}")
        self.machines: dict[str, Machine] = {}
        for path in (self.program, self.agent):
            path.chmod(0o755)
        self.answers = folder / "answers"
        with self.answers.open("w") as out:
            self.prober = subprocess.Popen(
                self.site.switch.command(sys.executable, str(HERE / "prober.py"), FLOATING), stdout=out)

    def build(self, *, fencing: bool = True, alone: bool = False, **timing: int) -> None:
        """``alone``: there are only the two controllers, and the first one does not know of the second one yet."""
        self.timing = {**TIMING, **timing}
        voters = NODES if alone else (*NODES, "arbiter")
        for name in voters:
            self.machines[name] = Machine(self, name)
            key = self.machines[name].folder / "key"
            self.site._create(key, name, self.site.ring)
        for name in NODES:
            self.configure(self.machines[name], fencing, witness=not alone, nodes=NODES[:1] if alone else NODES)
        if alone:
            return
        arbiter = self.machines["arbiter"].folder
        (arbiter / "witness.conf").write_text(json.dumps({
            "name": "arbiter", "nodes": NODES, "timing": self.timing, "store": str(arbiter / "witness.db"),
            "key": str(arbiter / "key"),
            "paths": {path: {"device": path, "address": address(path, "arbiter"),
                             "nodes": {node: address(path, node) for node in NODES}} for path in PATHS}}))

    def configure(self, machine: Machine, fencing: bool, *, witness: bool = True,
                  nodes: Sequence[str] = NODES) -> None:
        """Write the settings of a controller, and its store if there is none."""
        folder, peer = machine.folder, next(name for name in NODES if name != machine.name)
        Store.open(folder / "sm.db", lambda: configured(machine.name, self.folder, self.program)).close()
        settings: dict[str, Any] = {
            "node": machine.name, "nodes": nodes, "timing": self.timing, "ready_files": [],
            "unhealthy_file": str(folder / "unhealthy"), "degraded_file": str(folder / "degraded"),
            "reboot": ["/bin/false"], "store": str(folder / "sm.db"), "key": str(folder / "key"),
            "journal": str(folder / "journal"), "runtime": str(machine.run), "stop_s": 20}
        if witness:
            settings["witness"] = {"name": "arbiter", "addresses": {path: address(path, "arbiter") for path in PATHS}}
        if fencing:
            settings["fencing"] = {peer: {"program": str(self.agent),
                                          "parameters": {"plug": str(self.machines[peer].plug), "password": "secret"}}}
        (folder / "sm.conf").write_text(json.dumps(settings))

    def start(self, *names: str) -> None:
        for name, machine in self.machines.items():
            if not names or name in names:
                machine.start()

    @property
    def nodes(self) -> tuple[Machine, Machine]:
        return self.machines[NODES[0]], self.machines[NODES[1]]

    def active(self) -> tuple[Machine, Machine]:
        """The active controller and the other one, as soon as both are, and each knows it of the other."""
        def settled() -> bool:
            return all(sorted(node.states()) == ["active", "standby"] for node in self.nodes)

        self.wait(settled, 20, "an active and a standby controller")
        first, second = self.nodes
        return (first, second) if first.state() == "active" else (second, first)

    def served(self, since_s: float, by: str) -> float | None:
        """When the floating address first answered by ``by`` after a moment."""
        for line in self.answers.read_text().splitlines()[:-1]:
            moment, _, name = line.partition(" ")
            if name == by and float(moment) > since_s:
                return float(moment)
        return None

    def wait_served(self, since_s: float, by: str, seconds: float = 20) -> float:
        self.wait(lambda: self.served(since_s, by) is not None, seconds, f"answers of {by}")
        found = self.served(since_s, by)
        assert found is not None
        return found

    def cut(self, name: str) -> None:
        for path in PATHS:
            self.site.cut(name, path)

    def heal(self, name: str) -> None:
        for path in PATHS:
            self.site.heal(name, path)

    def wait(self, condition: Callable[[], object], seconds: float, what: str) -> None:
        """Wait for the condition; when it does not come, tell all that the daemons say."""
        try:
            wait_for(condition, seconds, what)
        except ServiceFailed as error:
            raise ServiceFailed(f"{error}\n{self.story()}") from None

    def story(self) -> str:
        return "\n".join(f"--- {name}\n{machine.log()}" for name, machine in self.machines.items())

    def never_both(self) -> None:
        """At no moment were both web servers active; each was at some."""
        self.wait(lambda: all(node.spans() for node in self.nodes), 10, "the first words of both web servers")
        one, other = (node.spans() for node in self.nodes)
        both = [(max(a, c), min(b, d)) for a, b in one for c, d in other if max(a, c) < min(b, d)]
        assert not both, f"both were active: {both}\n{self.story()}"

    def close(self) -> None:
        for machine in self.machines.values():
            if machine.process is not None and machine.process.poll() is None:
                machine.process.send_signal(signal.SIGCONT)
                machine.power_off()
        self.prober.kill()
        self.prober.wait()
        self.site.close()


Builder = Callable[..., Yard]


@pytest.fixture
def yards(tmp_path: Path) -> Iterator[Builder]:
    need_root("unshare")
    made: list[Yard] = []

    def build(**options: Any) -> Yard:
        made.append(Yard(tmp_path))
        made[0].build(**options)
        made[0].start(*NODES[:1] if options.get("alone") else ())
        return made[0]

    try:
        yield build
    finally:
        for yard in made:
            yard.close()


def now_s() -> float:
    return time.monotonic()
