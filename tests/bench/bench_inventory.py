# SPDX-License-Identifier: Apache-2.0
"""Hosts over REST from a real sysinv-api with one worker: time, statements per request and memory, on each engine.

Also the addition of 200 hosts by one file, while the conductor that would configure them is away, and the reports of
200 agents (``tests.bench.reporting``).
"""
from __future__ import annotations

import json
import time
from functools import partial

import requests
import sqlalchemy as sa
import webob
from oslo_config import cfg

from flock import conf as flock_conf
from flock.db import Database, migrate
from sysinv.api.main import application
from sysinv.bootstrap.answers import parse
from sysinv.db.lookup import the_system
from sysinv.hosts.discovery import new_host_values
from sysinv.hosts.provision import assign_addresses
from sysinv.hosts.seed import seed_system
from sysinv.resources.host import store
from sysinv.resources.host.table import I_HOST
from tests.bench import reporting
from tests.bench.measure import Figure, latency, statements, timed_ms
from tests.bench.neighbours import Neighbours, Subsystem, family, resident_mib, running

ANSWERS = {
    "admin_password": "sysadmin-1", "networks": {
        name: {"interface": f"{name[:4]}0", "subnet": f"10.{number}.0.0/16", "controller0_address": f"10.{number}.0.2",
               "floating_address": f"10.{number}.0.1", "controller1_address": f"10.{number}.0.3",
               "pool_start": f"10.{number}.1.0", "pool_end": f"10.{number}.250.0"}
        for number, name in enumerate(("pxeboot", "mgmt", "cluster-host"), 1)}}
# Hosts, rounds, goals in ms for the list; what others need for as many, measured on such a machine.
SIZES = ((200, 60, 25.0, "StarlingX sysinv-api 1880 ms; Ironic nodes 37 ms, detail 72 ms"),
         (1000, 25, 110.0, "Ironic nodes 185 ms, detail 470 ms"))
STATEMENTS_MAX = 3
BULK_HOSTS, BULK_GOAL_S = 200, 20.0


def run() -> list[Figure]:
    """Figures per engine and number of hosts; empty when a neighbour is not installed."""
    with running() as around:
        if around is None:
            return []
        return [*reporting.collection(), *(figure for engine in ("sqlite", "postgresql") for figure in (
            *_engine(around, engine), *_bulk(around, engine), *_agents(around, engine)))]


def _engine(around: Neighbours, engine: str) -> list[Figure]:
    db, sysinv = _seeded(around, engine)
    figures: list[Figure] = []
    try:
        api = sysinv.start_api()
        worker = max(family(api.pid))
        figures.append(Figure(f"{engine}: worker at rest", resident_mib(worker), "MiB", note="RSS"))
        for hosts, rounds, goal_ms, peers in SIZES:
            _fill(db, hosts)
            client = sysinv.client()
            found = json.loads(client.get("/v1/ihosts"))["ihosts"]
            if len(found) != hosts or any(host["hostname"] and not host["mgmt_ip"] for host in found):
                raise RuntimeError(f"{len(found)} hosts of {hosts}, or one without its address")
            figures += [
                latency(f"{engine}: GET {hosts} hosts", timed_ms(partial(client.get, "/v1/ihosts"), rounds),
                        goal_ms, peers),
                latency(f"{engine}: GET one of {hosts} hosts",
                        timed_ms(partial(client.get, f"/v1/ihosts/{found[-1]['uuid']}"), 300), 5.0,
                        "StarlingX sysinv-api 16 ms, Ironic 5-8 ms"),
                Figure(f"{engine}: statements for {hosts} hosts", _statements(sysinv, "/v1/ihosts"), "statements",
                       goal=STATEMENTS_MAX),
                Figure(f"{engine}: worker after {hosts} hosts", resident_mib(worker), "MiB", note="RSS")]
    finally:
        sysinv.stop()
        db.dispose()
    return figures


def _bulk(around: Neighbours, engine: str) -> list[Figure]:
    """The addition of a file of hosts with boards: judged, added, and judged again when all exist."""
    db, sysinv = _seeded(around, engine)
    try:
        with db.writer() as conn:
            conn.execute(sa.update(I_HOST).values(administrative="unlocked", operational="enabled"))
        sysinv.start_api()
        goals = {"dry run": None, "adds": BULK_GOAL_S, "again": None}
        taken = {name: _bulk_add(sysinv, dry_run=name == "dry run") for name in goals}
        with db.reader() as conn:
            stored = len(store.all_rows(conn)) - 1
        if stored != BULK_HOSTS:
            raise RuntimeError(f"{stored} hosts of {BULK_HOSTS}")
    finally:
        sysinv.stop()
        db.dispose()
    return [Figure(f"{engine}: bulk_add of {BULK_HOSTS} hosts, {name}", taken[name], "s", goal=goal)
            for name, goal in goals.items()]


def _agents(around: Neighbours, engine: str) -> list[Figure]:
    """Agents of many hosts report to a conductor while others read."""
    db, sysinv = _seeded(around, engine)
    try:
        _fill(db, reporting.HOSTS)
        sysinv.start_api()
        return reporting.figures(engine, db, sysinv)
    finally:
        sysinv.stop()
        db.dispose()


def _bulk_add(sysinv: Subsystem, dry_run: bool) -> float:
    hosts = "".join(
        f"<host><hostname>worker-{number}</hostname><personality>worker</personality>"
        f"<mgmt_mac>08:00:27:10:00:{number:02x}</mgmt_mac><bm_type>redfish</bm_type><bm_ip>10.9.0.{number + 1}</bm_ip>"
        "<bm_username>root</bm_username><bm_password>s3cret-word</bm_password></host>"
        for number in range(BULK_HOSTS))
    began = time.perf_counter()
    answer = requests.post(
        f"http://127.0.0.1:{sysinv.port}/v1/ihosts/bulk_add", params={"dry_run": str(dry_run)}, timeout=120,
        files={"file": ("hosts.xml", f"<hosts>{hosts}</hosts>".encode())},
        headers={"X-Auth-Token": sysinv.around.keystone.token("admin")})
    taken_s = time.perf_counter() - began
    if answer.status_code != 200 or len(answer.json()["hosts"]) != BULK_HOSTS:
        raise RuntimeError(answer.text[:300])
    return taken_s


def _seeded(around: Neighbours, engine: str) -> tuple[Database, Subsystem]:
    """A database with controller-0, and the daemons on it, none of which runs."""
    url = around.new_database(engine)
    migrate.upgrade(url, "sysinv")
    db = Database(url)
    seed_system(db, parse(ANSWERS), "08:00:27:00:00:01")
    return db, Subsystem("sysinv", around, url, {
        "sysinv": {"hostname": "controller-0", "secret_key_file": around.folder / "secret.key",
                   "heartbeat_key_file": around.folder / "heartbeat.key"}, **reporting.options(around)})


def _fill(db: Database, hosts: int) -> None:
    """Make them ``hosts`` in all: named, addressed and with a board, as a cloud in operation has them."""
    with db.writer() as conn:
        system = the_system(conn)
        for number in range(len(store.all_rows(conn)), hosts):
            mac = f"08:00:27:00:{number // 256 + 1:02x}:{number % 256:02x}"
            name = f"worker-{number}"
            row = store.insert(conn, new_host_values(conn, mac) | {
                "hostname": name, "personality": "worker", "subfunctions": "worker", "administrative": "unlocked",
                "operational": "enabled", "availability": "available", "invprovision": "provisioned",
                "bm_type": "redfish", "bm_ip": f"10.9.{number // 256}.{number % 256}", "bm_username": "root",
                "location": {"locn": f"rack {number // 40}"}, "capabilities": {"stor_function": "monitor"}})
            assign_addresses(conn, system, row["id"], name)


def _statements(sysinv: Subsystem, path: str) -> int:
    """Statements of one request, counted in this process with the same application and a real token."""
    conf = cfg.ConfigOpts()
    flock_conf.setup("sysinv-api", "sysinv", ["--config-file", str(sysinv.conf_file)], conf=conf, logging_too=False)
    app = application(conf)
    token = sysinv.around.keystone.token("reader")

    def ask() -> None:
        answer = webob.Request.blank(path, headers={"X-Auth-Token": token}).get_response(app)
        if answer.status_int != 200:
            raise RuntimeError(answer.text)

    ask()
    with statements() as seen:
        ask()
    return len(seen)
