# SPDX-License-Identifier: Apache-2.0
"""Two hundred agents that report to a real sysinv-conductor, what is then read of one host, and one real collection."""
from __future__ import annotations

import datetime
import json
import os
import resource
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, replace
from functools import partial
from typing import Any

import sqlalchemy as sa

from flock import tls
from flock.db import Database
from flock.exec.atomic import replace_file
from flock.rpc import client, transport
from flock.testing.fixtures import private_conf
from flock.testing.machines import recorded_machines
from sysinv.contract.rpc import InventoryReports
from sysinv.resources.cpu.table import I_ICPU
from sysinv.resources.device.table import PCI_DEVICES
from sysinv.resources.disk.report import DiskReport
from sysinv.resources.disk.table import I_IDISK
from sysinv.resources.host import store
from sysinv.resources.port.table import PORTS
from tests.bench.measure import Figure, latency, timed_ms
from tests.bench.neighbours import BIN, ROOT, Neighbours, Subsystem, cpu_s, family
from tests.functional.sysinv.simulated import Machine

HOSTS, AGENTS, PERIOD_S, COMMANDS = 200, 8, 60.0, 7
DEVICES = tuple((f"0000:{bus:02x}:00.0", "010400", "1000", "005d") for bus in range(16, 46))
MACHINE = Machine(sockets=2, cores=10, threads=2, ports=8, devices=DEVICES)
FIRST = ("platform", "numa", "port", "pci_device", "cpu", "memory", "disk")
ROWS = {I_ICPU: 40, PORTS: 8, PCI_DEVICES: 30, I_IDISK: 4}
LISTS = ("icpus", "imemorys", "inodes", "ports", "ethernet_ports", "iinterfaces", "idisks", "pci_devices")
LIST_GOAL_MS, HOST_LIST_GOAL_S, CONDUCTOR_GOAL, HOSTS_WHILE_GOAL_MS = 15.0, 0.7, 15.0, 1000.0
COLLECTION_GOAL_MS, COLLECTION_GOAL_MIB = 300.0, 60.0
COLLECT = """
import sys, time
from pathlib import Path
from flock.exec.root import Root
from sysinv.agent.machine import Machine
root = Root(sys.argv[1])
machine = Machine(root, root, Path("/nonexistent"))
machine.collect()
begun = time.process_time()
found = machine.collect()
taken_ms = (time.process_time() - begun) * 1000
used = next(line for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(taken_ms, int(used.split()[1]) / 1024, len(found))
"""


def options(around: Neighbours) -> dict[str, dict[str, Any]]:
    """What sysinv-conductor needs beyond what every daemon needs."""
    now = datetime.datetime.now(datetime.UTC)
    authority = tls.Authority.create("flock", now)
    replace_file(around.folder / "tls" / "ca.crt", authority.certificate_pem)
    replace_file(around.folder / "tls" / "ca.key", authority.key_pem, 0o600)
    rabbit = around.rabbit
    return {"bootstrap": {"agent_transport_url": "rabbit://agent:secret@controller:5671/",
                          "tls_directory": around.folder / "tls", "authority_directory": around.folder / "tls"},
            "bus_admin": {"url": rabbit.admin_url, "account": rabbit.account, "password": rabbit.password,
                          "vhost": rabbit.url.rpartition("/")[2], "audit_interval_s": 3600},
            "dnsmasq": {"directory": around.folder / "dnsmasq", "tftp_root": around.folder / "tftp", "unit": ""}}


def figures(engine: str, db: Database, sysinv: Subsystem) -> list[Figure]:
    """For a system of ``HOSTS`` hosts whose API serves."""
    agents = Agents(db, sysinv)
    try:
        return [*_reports(engine, agents, sysinv), *_lists(engine, agents, sysinv), *_host_list(engine, sysinv)]
    finally:
        agents.close()


class Agents:
    """What the agents of all hosts say, over the bus, from ``AGENTS`` threads."""

    def __init__(self, db: Database, sysinv: Subsystem) -> None:
        self._db = db
        with db.reader() as conn:
            self.hosts = [(row["uuid"], row["mgmt_mac"]) for row in store.all_rows(conn) if row["hostname"]]
        self._bus = transport(private_conf(), sysinv.around.rabbit.url, exchange=sysinv.exchange)
        self._calls = client(InventoryReports, self._bus)
        asked = client(InventoryReports, self._bus, deadline_s=0.5)
        self.conductor = sysinv.start("sysinv-conductor", lambda: _answers(partial(
            asked.get_host_by_macs, macs=[self.hosts[0][1]], hostname="")))
        self._pool = ThreadPoolExecutor(AGENTS)

    def first(self) -> None:
        """Every agent reports everything."""
        list(self._pool.map(lambda host: self._tell(*host, _records(host[1], FIRST)), self.hosts))

    def again(self, number: int) -> None:
        """Every agent reports what changes while a host works: free memory, and space on a disk."""
        def changed(mac: str) -> dict[str, list[Any]]:
            records = _records(mac, ("memory", "disk"))
            return {"memory": [replace(one, memavail_mib=one.memavail_mib - 100 * number) for one in records["memory"]],
                    "disk": [replace(one, available_mib=number) for one in records["disk"]]}

        list(self._pool.map(lambda host: self._tell(*host, changed(host[1])), self.hosts))

    def lost(self) -> int:
        """Rows that were reported and are not stored."""
        with self._db.reader() as conn:
            return sum(abs(len(self.hosts) * each - conn.execute(sa.select(sa.func.count()).select_from(table))
                           .scalar_one()) for table, each in ROWS.items())

    def close(self) -> None:
        self._pool.shutdown()
        self._bus.close()

    def _tell(self, uuid: str, _mac: str, records: dict[str, list[Any]]) -> None:
        for kind, items in records.items():
            self._calls.report(host_uuid=uuid, kind=kind, items=[asdict(one) for one in items])


def _answers(question: Any) -> bool:
    try:
        return question() is not None
    except Exception:  # noqa: BLE001 - it is asked until it answers
        return False


def _records(mac: str, kinds: tuple[str, ...]) -> dict[str, list[Any]]:
    records = MACHINE.records(mac)
    (first,) = records["disk"]
    records["disk"] = [first, *(DiskReport(f"/dev/sd{letter}", 2048 + number, "HDD", None,
                                           f"/dev/disk/by-path/pci-0000:00:1f.2-ata-{number}", None, 900000, 900000,
                                           "7200", f"S{number}", "Disk")
                                for number, letter in enumerate("bcd", 2))]
    return {kind: records[kind] for kind in kinds}


def _reports(engine: str, agents: Agents, sysinv: Subsystem) -> list[Figure]:
    begun = time.perf_counter()
    agents.first()
    taken_s = time.perf_counter() - begun
    before = _cpu_s(agents)
    with _asked(sysinv) as taken_ms:
        for number in (1, 2, 3):
            agents.again(number)
    load = 100 * (_cpu_s(agents) - before) / (3 * PERIOD_S)
    return [
        Figure(f"{engine}: first inventories of {len(agents.hosts)} hosts", taken_s, "s", note=f"{AGENTS} at a time"),
        Figure(f"{engine}: reported rows that were lost", agents.lost(), "rows", goal=0),
        Figure(f"{engine}: conductor while {len(agents.hosts)} agents report every {PERIOD_S:.0f} s", load,
               "% of a core", goal=CONDUCTOR_GOAL, note="memory and disks of each host"),
        latency(f"{engine}: GET all hosts meanwhile", taken_ms, HOSTS_WHILE_GOAL_MS)]


def _cpu_s(agents: Agents) -> float:
    return sum(cpu_s(pid) for pid in family(agents.conductor.pid))


@contextmanager
def _asked(sysinv: Subsystem) -> Iterator[list[float]]:
    """Somebody lists the hosts again and again, while it lasts; the milliseconds of each time."""
    taken, ended, asking = [], threading.Event(), sysinv.client()

    def ask() -> None:
        while not ended.wait(0.2):
            taken.extend(timed_ms(partial(asking.get, "/v1/ihosts"), 1, warm_up=0))

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        yield taken
    finally:
        ended.set()
        thread.join()


def _lists(engine: str, agents: Agents, sysinv: Subsystem) -> list[Figure]:
    uuid, asking = agents.hosts[len(agents.hosts) // 2][0], sysinv.client()
    found = []
    for collection in LISTS:
        path = f"/v1/ihosts/{uuid}/{collection}"
        count = len(json.loads(asking.get(path))[collection])
        found.append(latency(f"{engine}: GET {collection} of one host ({count})",
                             timed_ms(partial(asking.get, path), 50), LIST_GOAL_MS))
    return found


def _host_list(engine: str, sysinv: Subsystem) -> list[Figure]:
    """``system host-list`` as a process, from its start to its end, with compiled modules and a token in its cache."""
    env = {**sysinv.environment(), **sysinv.around.keystone.credentials("reader"), "HOME": str(sysinv.folder),
           "SYSTEM_URL": f"http://127.0.0.1:{sysinv.port}", "PYTHONPYCACHEPREFIX": str(sysinv.folder / "compiled")}
    env.pop("PYTHONDONTWRITEBYTECODE", None)

    def run() -> None:
        subprocess.run([str(BIN / "system"), "host-list"], env=env, check=True, capture_output=True, timeout=60)

    run()
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    taken = timed_ms(run, COMMANDS, warm_up=0)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return [latency(f"{engine}: system host-list, whole process", taken, HOST_LIST_GOAL_S * 1000),
            Figure(f"{engine}: system host-list, processor time", 1000 * used_s / COMMANDS, "ms",
                   note="comparable when others use the machine, too")]


def collection() -> list[Figure]:
    """One collection of everything by an agent's process, of the recorded machine with most devices."""
    machine = max(recorded_machines(), key=lambda one: len(list(one.tree().glob("sys/bus/pci/devices/*"))))
    done = subprocess.run([sys.executable, "-c", COLLECT, str(machine.tree())], check=True, capture_output=True,
                          text=True, timeout=120, env={**os.environ, "PYTHONPATH": str(ROOT)})
    taken_ms, used_mib, kinds = (float(word) for word in done.stdout.split())
    return [Figure(f"agent: collection of {machine.name}", taken_ms, "ms", goal=COLLECTION_GOAL_MS,
                   note=f"processor time, {kinds:.0f} kinds of reports"),
            Figure("agent: memory of a process that collects", used_mib, "MiB", goal=COLLECTION_GOAL_MIB)]
