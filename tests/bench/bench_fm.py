# SPDX-License-Identifier: Apache-2.0
"""Fault management as processes: raises, clears and queries of four raisers beside the least they could cost; lists."""
from __future__ import annotations

import contextlib
import datetime
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from flock.core.errors import DeadlineExceeded, Unavailable
from flock.db import Database, migrate, new_uuid, utcnow
from flock.db.inserts import insert_all
from flock.rpc import transport
from flock.testing.fixtures import private_conf
from flock.testing.services.process import Process
from fm.contract.enums import AlarmState, AlarmType, Severity
from fm.core.ledger import NetChange
from fm.core.records import Alarm, Event
from fm.raiser import Raiser
from fm.resources.alarm import store as alarms
from fm.resources.event_log import store as events
from tests.bench.callers import Group, Work, group, together
from tests.bench.measure import Figure, latency, timed_ms
from tests.bench.neighbours import Neighbours, Subsystem, family, resident_mib, running

RAISERS = 4
TURNS, ONE_BY_ONE, BATCHED = 4, 240, 2000
FEW_ALARMS, MANY_ALARMS = 1000, 10_000
FEW_EVENTS, MANY_EVENTS = 10_000, 100_000
PEER_RAISE = "StarlingX fm 38/s together; without TCP delay, database in RAM 96-240/s"
PEER_CLEAR = "StarlingX fm 10.6/s; best case 86-158/s"
PEER_QUERY = "StarlingX fm 9.7/s; best case 36/s"
TEXT = "Memory threshold exceeded ; threshold 80.00%, actual 84.10%"
REPAIR = "Monitor and if condition persists, contact next level of support."
SCRIPTS = Path(__file__).parent


def run() -> list[Figure]:
    """Figures per engine; empty when a neighbour is not installed."""
    with running() as around:
        if around is None:
            return []
        return [figure for engine in ("postgresql", "sqlite") for figure in _engine(around, engine)]


def _engine(around: Neighbours, engine: str) -> list[Figure]:
    url = around.new_database(engine)
    migrate.upgrade(url, "fm")
    fm = Subsystem("fm", around, url, {"fm": {"event_log_max_size": 2 * MANY_EVENTS}})
    db, bus = Database(url), transport(private_conf(), around.rabbit.url, exchange=fm.exchange)
    raiser = Raiser(bus, fm.folder / "spool-own")
    try:
        manager = fm.start("fm-manager", lambda: _answers(raiser))
        figures = _rates(fm, engine, manager.pid)
        api = fm.start_api()
        figures += _lists(fm, engine, db)
        figures += [Figure(f"{engine}: fm-manager", resident_mib(manager.pid), "MiB", note="RSS"),
                    Figure(f"{engine}: fm-api worker", resident_mib(max(family(api.pid))), "MiB", note="RSS")]
        return figures
    finally:
        raiser.stop()
        bus.close()
        fm.stop()
        db.dispose()


def _answers(raiser: Raiser) -> bool:
    try:
        raiser.active(timeout_s=2)
    except (Unavailable, DeadlineExceeded):
        return False
    return True


@contextlib.contextmanager
def _plain(fm: Subsystem, engine: str) -> Iterator[Group]:
    """The same number of callers with oslo.messaging as it comes, and one INSERT per call: nothing can do with less."""
    url = fm.around.new_database(engine)
    migrate.upgrade(url, "fm")
    script, bus = str(SCRIPTS / "plain_fault.py"), fm.around.rabbit.url
    base = [sys.executable, "-W", "ignore", script]
    server = Process("plain", [*base, "serve", bus, url], fm.folder, env=fm.environment())
    try:
        server.wait_until(lambda: "ready" in server.log_tail(), 40, "the plain server")
        commands = [[*base, "call", bus, str(fm.folder / f"plain-{number}")] for number in range(RAISERS)]
        with group(commands, server.pid, fm.environment(), fm.folder / "plain-callers.log") as plain:
            plain.work("one", 20)
            yield plain
    finally:
        server.stop()


def _rates(fm: Subsystem, engine: str, manager: int) -> list[Figure]:
    with _plain(fm, engine) as plain, _raisers(fm, manager) as raisers:
        raisers.work("raise", 20)
        raisers.work("clear", 20)
        done: dict[str, list[Work]] = {}
        # In turn, so that whatever else the machine does hits all of them.
        for _ in range(TURNS):
            for verb, callers, many in (("one", plain, ONE_BY_ONE), ("raise", raisers, ONE_BY_ONE),
                                        ("query", raisers, ONE_BY_ONE), ("clear", raisers, ONE_BY_ONE),
                                        ("disk", plain, BATCHED), ("spool-raise", raisers, BATCHED),
                                        ("spool-clear", raisers, BATCHED)):
                done.setdefault(verb, []).append(callers.work(verb, many // TURNS))
    works = {verb: together(parts) for verb, parts in done.items()}
    one, disk = works["one"], works["disk"]
    return [
        _rate(f"{engine}: plain call and one INSERT, {RAISERS} callers", one, None),
        latency(f"{engine}: plain call and one INSERT", one.taken_ms),
        _rate(f"{engine}: raise one by one, {RAISERS} raisers", works["raise"], 400, PEER_RAISE, one),
        latency(f"{engine}: acknowledged raise", works["raise"].taken_ms, note="with the other three at work"),
        _rate(f"{engine}: clear one by one, {RAISERS} raisers", works["clear"], 400, PEER_CLEAR, one),
        latency(f"{engine}: acknowledged clear", works["clear"].taken_ms, note="with the other three at work"),
        _rate(f"{engine}: query by key, {RAISERS} askers", works["query"], 500, PEER_QUERY, one),
        latency(f"{engine}: one query by key", works["query"].taken_ms, note="with the other three at work"),
        _rate(f"{engine}: one line forced to disk, {RAISERS} writers", disk, None),
        _rate(f"{engine}: raise through the spool, {RAISERS} raisers", works["spool-raise"], 1500, PEER_RAISE, disk),
        _rate(f"{engine}: clear through the spool, {RAISERS} raisers", works["spool-clear"], 1500, PEER_CLEAR, disk)]


def _rate(name: str, work: Work, goal: float | None, peer: str = "", least: Work | None = None) -> Figure:
    ratio = "" if least is None else f"{work.rate / least.rate:.2f} of the least; "
    return Figure(name, work.rate, "/s", goal=goal, more_is_better=True, note=(
        f"CPU each: caller {work.caller_cpu_ms:.2f} ms, server {work.server_cpu_ms:.2f} ms; {ratio}{peer}"))


@contextlib.contextmanager
def _raisers(fm: Subsystem, manager: int) -> Iterator[Group]:
    commands = [[sys.executable, "-W", "ignore", str(SCRIPTS / "raisers.py"), fm.around.rabbit.url, fm.exchange,
                 str(fm.folder / f"spool-{number}"), f"r{number}", "1"] for number in range(RAISERS)]
    with group(commands, manager, fm.environment(), fm.folder / "raisers.log") as raisers:
        yield raisers


def _lists(fm: Subsystem, engine: str, db: Database) -> list[Figure]:
    client = fm.client()

    def get(what: str, path: str, rounds: int, goal_ms: float, peer: str = "") -> Figure:
        return latency(f"{engine}: GET {what}", timed_ms(lambda: client.get(path), rounds), goal_ms, peer)

    with db.writer() as conn:
        kept = events.newest_id(conn)
        events.prune(conn, 0, None)
    _fill_alarms(db, range(FEW_ALARMS))
    _fill_events(db, FEW_EVENTS)
    if len(json.loads(client.get("/v1/alarms"))["alarms"]) != FEW_ALARMS:
        raise RuntimeError(f"another number of alarms; {kept} events before")
    uuid = json.loads(client.get("/v1/alarms?limit=1"))["alarms"][0]["uuid"]
    log = "/v1/event_log?limit=100"
    figures = [get(f"{FEW_ALARMS} alarms", "/v1/alarms", 60, 30.0, "StarlingX fm 94 ms"),
               get("one alarm", f"/v1/alarms/{uuid}", 200, 3.0, "StarlingX fm 4 ms"),
               get(f"summary of {FEW_ALARMS} alarms", "/v1/alarms/summary", 200, 3.0, "StarlingX fm 33 ms"),
               get(f"100 of {FEW_EVENTS} events", log, 150, 10.0, "StarlingX fm 20-64 ms with 4,000")]
    _fill_alarms(db, range(FEW_ALARMS, MANY_ALARMS))
    _fill_events(db, MANY_EVENTS - FEW_EVENTS)
    return [*figures, get(f"summary of {MANY_ALARMS} alarms", "/v1/alarms/summary", 200, 3.0, "grows with the alarms"),
            get(f"100 of {MANY_EVENTS} events", log, 150, 10.0)]


def _fill_alarms(db: Database, numbers: Sequence[int]) -> None:
    now = utcnow()
    rows = [Alarm(new_uuid(), "100.103", "host", f"host=worker-{number}", now, Severity.MAJOR, TEXT,
                  AlarmType.OPERATIONAL_VIOLATION, "threshold-crossed", REPAIR, True, True, False, now, now)
            for number in numbers]
    with db.writer() as conn:
        insert_all(conn, [alarms.new_rows(NetChange(inserted=tuple(rows)))])


def _fill_events(db: Database, many: int) -> None:
    now = utcnow()
    for start in range(0, many, FEW_EVENTS):
        rows = [Event(new_uuid(), "100.103", AlarmState.SET if number % 2 else AlarmState.CLEAR, "host",
                      f"host=worker-{number % 1000}", now + datetime.timedelta(milliseconds=number), Severity.MAJOR,
                      TEXT, AlarmType.OPERATIONAL_VIOLATION, "threshold-crossed", REPAIR, True, True)
                for number in range(start, start + FEW_EVENTS)]
        with db.writer() as conn:
            insert_all(conn, [events.new_rows(rows, now)])
