# SPDX-License-Identifier: Apache-2.0
"""Software management: a strategy over 200 hosts, a rolling patch of them, an upload of 1 GiB, the command line, an
agent at rest."""
from __future__ import annotations

import contextlib
import hashlib
import http.client
import json
import os
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from flock.db import Database
from patching.contract.records import OrderKind
from patching.core.events import Tick
from patching.core.strategy import build
from patching.core.strategy.picture import Instance, Picture, PlannedHost
from tests.bench.measure import Figure, latency, statements, timed_ms
from tests.bench.neighbours import ROOT, cpu_s, family, resident_mib, running
from tests.functional.patching.hostagent import HostAgent
from tests.functional.patching.running import Cloud as RunningCloud
from tests.unit.patching.conductor.office import Office
from tests.unit.patching.core.strategy.pictures import asked
from tests.unit.patching.core.systems import a_release
from tests.unit.patching.orchestrator.cloud import Cloud
from tests.unit.patching.orchestrator.driven import Driven

HOSTS, FEW_HOSTS, AT_ONCE = 200, 50, 10
GROUP_S, REPORT_S, TICK_S = 120, 30, 5
UPLOAD_BYTES, BLOCK = 1 << 30, 1 << 20
REST_S = 60.0
COMMANDS = 15
RELEASES = [{"release_id": f"starlingx-10.0.{number}", "reboot_required": True, "state": "deployed"}
            for number in range(20)]


def run() -> list[Figure]:
    """All figures; those that need services only where they are installed."""
    with tempfile.TemporaryDirectory(prefix="flock-bench-") as name:
        folder = Path(name)
        figures = [*_strategy(), *_orchestrator(folder), *_conductor(folder), *_command_line()]
    with running() as around:
        if around is not None:
            place = around.folder / "patching"
            place.mkdir()
            cloud = RunningCloud("SX", place, f"sqlite:///{place}/test.sqlite", around.rabbit.new_vhost_url(),
                                 around.keystone)
            try:
                cloud.begin()
                figures += [*_upload(cloud), *_agent(cloud)]
            finally:
                cloud.end()
    return figures


def _strategy() -> list[Figure]:
    workers = [f"compute-{number}" for number in range(HOSTS - 2)]
    hosts = [PlannedHost(number, f"controller-{number - 1}", "controller", is_active=number == 1) for number in (1, 2)]
    hosts += [PlannedHost(10 + number, name, "worker") for number, name in enumerate(workers)]
    instances = tuple(Instance(f"vm-{name}-{number}", host=name, apart=frozenset({f"pair-{at // 2}-{number}"}))
                      for at, name in enumerate(workers) for number in range(10))
    aggregates = {f"aggregate-{number}": frozenset(workers[number::10]) for number in range(10)}
    picture = Picture(tuple(hosts), instances=instances, aggregates=aggregates)
    parameters = asked(worker_apply_type="parallel", default_instance_action="migrate",
                       max_parallel_worker_hosts=AT_ONCE)

    def plan() -> None:
        phase, reasons = build.apply_phase(parameters, picture)
        if reasons or sum(len(stage.hosts) for stage in phase.stages) < HOSTS:
            raise RuntimeError(f"{len(phase.stages)} stages, {reasons}")

    return [latency(f"strategy over {HOSTS} hosts with {len(instances)} instances", timed_ms(plan, 10), 1000.0)]


def _orchestrator(folder: Path) -> list[Figure]:
    """A reboot-required patch rolled over simulated hosts, whose time passes without being waited for."""
    per_host: dict[int, float] = {}
    figures: list[Figure] = []
    for hosts in (FEW_HOSTS, HOSTS):
        database = Database(f"sqlite:///{folder}/orchestrator-{hosts}.sqlite")
        cloud = Cloud("STD", a_release("10.0.1", reboot_required=True), workers=hosts - 2)
        driven = Driven(cloud, database)
        begun_ms = cloud.now_ms
        with statements() as seen, _processor() as used_s, _not_counting(cloud, used_s):
            driven.create(worker_apply_type="parallel", max_parallel_worker_hosts=AT_ONCE).apply().finish()
        if driven.state != "applied":
            raise RuntimeError(driven.state)
        took_s = (cloud.now_ms - begun_ms) / 1000
        per_host[hosts] = len(seen) / hosts
        figures.append(Figure(f"orchestrator, {hosts} hosts, {AT_ONCE} at once", 100 * sum(used_s) / took_s,
                              "% of a core", goal=20, note=f"{sum(used_s):.1f} s in {took_s:.0f} s; without the bus"))
        database.dispose()
    return [*figures, _flat("orchestrator", per_host)]


def _conductor(folder: Path) -> list[Figure]:
    """The deployments of the same patch; all agents report every 30 s."""
    per_host: dict[int, float] = {}
    figures: list[Figure] = []
    for hosts in (FEW_HOSTS, HOSTS):
        database = Database(f"sqlite:///{folder}/conductor-{hosts}.sqlite")
        place = folder / f"conductor-{hosts}"
        place.mkdir()
        names = ["controller-0", "controller-1", *(f"compute-{number}" for number in range(hosts - 2))]
        office = Office(database, place, names)
        office.release("10.0.1", reboot_required=True)
        with statements() as seen, _processor() as used_s:
            office.start("10.0.1")
            took_s = sum(_rolled(office, names[at:at + AT_ONCE if at > 1 else at + 1])
                         for at in [0, 1, *range(2, hosts, AT_ONCE)])
        if office.state != "host-done":
            raise RuntimeError(f"{office.state}")
        per_host[hosts] = _of_installations(seen) / hosts
        figures.append(Figure(f"conductor, {hosts} hosts, {AT_ONCE} at once", 100 * sum(used_s) / took_s,
                              "% of a core", goal=20, note=f"{sum(used_s):.1f} s in {took_s:.0f} s; without the bus"))
        database.dispose()
    return [*figures, _flat("conductor", per_host)]


def _rolled(office: Office, group: list[str]) -> float:
    """Hosts of one group are locked, installed and unlocked, all at once. The seconds that pass."""
    for name in group:
        office.inventory.set(name, administrative="locked", operational="disabled", availability="online")
        reply = office.order(OrderKind.DEPLOY_HOST, hostname=name)
        if reply.error:
            raise RuntimeError(reply.error)
    for second in range(0, GROUP_S, TICK_S):
        office.run(later_s=TICK_S)
        office.machine.happen(Tick())
        if second % REPORT_S == 0:
            for agent in office.agents.values():
                agent.report()
    for name in group:
        office.agents[name].end()
        office.inventory.set(name, administrative="unlocked", operational="enabled", availability="available")
    return GROUP_S


def _of_installations(seen: list[str]) -> int:
    """Statements without those of reports, of which there are as many as hosts and periods."""
    return sum("host_agent" not in statement for statement in seen)


def _flat(who: str, per_host: dict[int, float]) -> Figure:
    return Figure(f"{who}: statements per host", per_host[HOSTS], "statements", goal=1.3 * per_host[FEW_HOSTS],
                  note=f"{per_host[FEW_HOSTS]:.1f} with {FEW_HOSTS} hosts; the goal is at most 1.3 times as many")


def _upload(cloud: RunningCloud) -> list[Figure]:
    source = cloud.folder / "large"
    digest = _random_file(source)
    dd_s = min(_dd(source, cloud.folder / "copy") for _ in range(3))
    processes = [pid for one in (cloud.api, cloud.conductor) if one is not None for pid in family(one.pid)]
    before = {pid: resident_mib(pid) for pid in processes}
    peak, over = dict(before), threading.Event()

    def watch() -> None:
        while not over.wait(0.05):
            for pid in processes:
                peak[pid] = max(peak[pid], resident_mib(pid))

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        upload_s = min(_put(cloud, source, digest) for _ in range(3))
    finally:
        over.set()
        watcher.join()
    source.unlink()
    mib = UPLOAD_BYTES >> 20
    return [Figure("dd conv=fsync of 1 GiB", mib / dd_s, "MiB/s", more_is_better=True),
            Figure("upload of 1 GiB", mib / upload_s, "MiB/s", goal=0.6 * mib / dd_s, more_is_better=True,
                   note="stored with digest and fsync"),
            Figure("upload of 1 GiB: more memory", sum(peak[pid] - before[pid] for pid in processes), "MiB", goal=60,
                   note="API and conductor, RSS")]


def _random_file(path: Path) -> str:
    digest, block = hashlib.sha256(), os.urandom(BLOCK)
    with path.open("wb") as stream:
        for number in range(UPLOAD_BYTES // BLOCK):
            piece = number.to_bytes(8, "big") + block[8:]
            stream.write(piece)
            digest.update(piece)
        os.fsync(stream.fileno())
    return digest.hexdigest()


def _dd(source: Path, target: Path) -> float:
    begun = time.perf_counter()
    subprocess.run(["dd", f"if={source}", f"of={target}", "bs=1M", "conv=fsync"], check=True, capture_output=True,
                   timeout=600)
    taken = time.perf_counter() - begun
    target.unlink()
    return taken


def _put(cloud: RunningCloud, source: Path, digest: str) -> float:
    headers = {"X-Auth-Token": str(cloud.as_admin.headers["X-Auth-Token"]), "Content-Length": str(UPLOAD_BYTES),
               "Content-Type": "application/octet-stream",
               "Content-Range": f"bytes 0-{UPLOAD_BYTES - 1}/{UPLOAD_BYTES}"}
    connection = http.client.HTTPConnection("127.0.0.1", cloud.port, timeout=600, blocksize=BLOCK)
    begun = time.perf_counter()
    with source.open("rb") as stream:
        connection.request("PUT", f"/v1/upload/{digest}", body=stream, headers=headers)
        found = json.loads(connection.getresponse().read())
    taken = time.perf_counter() - begun
    connection.close()
    if not found.get("complete"):
        raise RuntimeError(found)
    if cloud.call("DELETE", f"/v1/upload/{digest}").status_code != 204:
        raise RuntimeError("the upload was not taken back")
    return taken


def _command_line() -> list[Figure]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            data = json.dumps(RELEASES).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    argv = [sys.executable, "-W", "ignore", "-m", "patching.cmd.shell", "--os-auth-token", "t", "--software-url",
            f"http://127.0.0.1:{server.server_port}", "list"]

    def ask() -> None:
        done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False, cwd=ROOT,
                              env={**os.environ, "PYTHONPATH": str(ROOT)})
        if done.returncode or "starlingx-10.0.19" not in done.stdout:
            raise RuntimeError(done.stdout + done.stderr)

    def used_ms() -> float:
        spent = resource.getrusage(resource.RUSAGE_CHILDREN)
        return 1000 * (spent.ru_utime + spent.ru_stime)

    try:
        ask()
        before, taken_ms = used_ms(), timed_ms(ask, COMMANDS, 0)
        return [latency("software list, the whole process", taken_ms, 700.0),
                Figure("software list: processor", (used_ms() - before) / COMMANDS, "ms", goal=700.0)]
    finally:
        server.shutdown()
        server.server_close()


def _agent(cloud: RunningCloud) -> list[Figure]:
    """At its own periods, with the package tools of this machine."""
    agent = HostAgent(cloud, "controller-0", report_period_s=30.0)
    agent.start()
    try:
        assert agent.process is not None  # noqa: S101 - it was started
        agent.wait(lambda: "patching-agent is ready" in agent.log(), "the agent to be ready")
        threading.Event().wait(5)
        before = cpu_s(agent.process.pid)
        threading.Event().wait(REST_S)
        return [Figure("agent at rest: processor", 100 * (cpu_s(agent.process.pid) - before) / REST_S, "% of a core",
                       goal=0.3),
                Figure("agent at rest: memory", resident_mib(agent.process.pid), "MiB", goal=60, note="RSS")]
    finally:
        agent.kill()


@contextlib.contextmanager
def _processor() -> Iterator[list[float]]:
    """Processor seconds of what is inside, once it is over; what else is put into the list counts too."""
    used_s: list[float] = []
    begun = time.process_time()
    yield used_s
    used_s.append(time.process_time() - begun)


@contextlib.contextmanager
def _not_counting(cloud: Cloud, used_s: list[float]) -> Iterator[None]:
    """What the simulated cloud itself uses is taken off."""
    real: Callable[[int], None] = cloud.pass_time

    def pass_time(seconds: int) -> None:
        begun = time.process_time()
        real(seconds)
        used_s.append(begun - time.process_time())

    cloud.pass_time = pass_time  # type: ignore[method-assign]
    yield
