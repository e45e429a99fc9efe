# SPDX-License-Identifier: Apache-2.0
"""Fault management as processes: acknowledged raises and clears from four raisers, and the lists of its API."""
from __future__ import annotations

import contextlib
import datetime
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from flock.core.errors import DeadlineExceeded, Unavailable
from flock.db import Database, migrate, new_uuid, utcnow
from flock.rpc import transport
from flock.testing.fixtures import private_conf
from fm.contract.enums import AlarmState, AlarmType, Severity
from fm.core.records import Event
from fm.raiser import Raiser
from fm.raiser import requests as make
from fm.resources.event_log import store as events
from tests.bench.measure import Figure, latency, timed_ms
from tests.bench.neighbours import Neighbours, Subsystem, cpu_s, family, resident_mib, running

RAISERS = 4
ONE_BY_ONE, BATCHED = 400, 3000
ALARMS, EVENTS = 1000, 100_000
INSERT_ROWS = 5000
PEER_RAISE = "StarlingX fm 38/s together; without TCP delay, database in RAM 96-240/s"
PEER_CLEAR = "StarlingX fm 10.6/s; best case 86-158/s"


def run() -> list[Figure]:
    """Figures per engine; empty when a neighbour is not installed."""
    with running() as around:
        if around is None:
            return []
        return [figure for engine in ("sqlite", "postgresql") for figure in _engine(around, engine)]


def _engine(around: Neighbours, engine: str) -> list[Figure]:
    url = around.new_database(engine)
    migrate.upgrade(url, "fm")
    fm = Subsystem("fm", around, url, {"fm": {"event_log_max_size": 2 * EVENTS}})
    db, bus = Database(url), transport(private_conf(), around.rabbit.url, exchange=fm.exchange)
    raiser = Raiser(bus, fm.folder / "spool-own")
    try:
        manager = fm.start("fm-manager", lambda: _answers(raiser))
        api = fm.start_api()
        figures = _rates(fm, engine, manager.pid)
        figures += _lists(fm, engine, raiser, db)
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


def _rates(fm: Subsystem, engine: str, manager: int) -> list[Figure]:
    with _raisers(fm) as group:
        group.work("raise", 20)
        group.work("clear", 20)
        figures = []
        for verb, peer in (("raise", PEER_RAISE), ("clear", PEER_CLEAR)):
            before_s = cpu_s(manager)
            rate, taken = group.work(verb, ONE_BY_ONE)
            each_ms = (cpu_s(manager) - before_s) * 1000 / (RAISERS * ONE_BY_ONE)
            figures += [
                Figure(f"{engine}: {verb} one by one, {RAISERS} raisers", rate, "alarms/s", goal=400,
                       more_is_better=True, note=peer),
                latency(f"{engine}: acknowledged {verb}", taken, note="with the other three at work"),
                Figure(f"{engine}: fm-manager, CPU per {verb}", each_ms, "ms")]
        for verb in ("raise", "clear"):
            rate, _ = group.work(f"spool-{verb}", BATCHED)
            figures.append(Figure(f"{engine}: {verb} through the spool, {RAISERS} raisers", rate, "alarms/s", goal=1500,
                                  more_is_better=True, note="from the first call to the last acknowledgement"))
        return figures


def _lists(fm: Subsystem, engine: str, raiser: Raiser, db: Database) -> list[Figure]:
    for start in range(0, ALARMS, 500):
        raiser.apply_now([make.alarm_request("100.103", f"host=worker-{number}", {}, {"severity": "major"})
                          for number in range(start, start + 500)], timeout_s=30)
    _fill_events(db)
    client = fm.client()
    if len(json.loads(client.get("/v1/alarms"))["alarms"]) != ALARMS:
        raise RuntimeError("another number of alarms")
    uuid = json.loads(client.get("/v1/alarms?limit=1"))["alarms"][0]["uuid"]
    return [
        latency(f"{engine}: GET {ALARMS} alarms", timed_ms(lambda: client.get("/v1/alarms"), 60), 30.0,
                "StarlingX fm 94 ms"),
        latency(f"{engine}: GET summary of {ALARMS} alarms",
                timed_ms(lambda: client.get("/v1/alarms/summary"), 300), 3.0, "StarlingX fm 33 ms"),
        latency(f"{engine}: GET one alarm", timed_ms(lambda: client.get(f"/v1/alarms/{uuid}"), 300), 3.0,
                "StarlingX fm 4 ms"),
        latency(f"{engine}: GET 100 of {EVENTS} events",
                timed_ms(lambda: client.get("/v1/event_log?limit=100"), 200), 10.0,
                "StarlingX fm 20-64 ms with 4,000")]


def _fill_events(db: Database) -> None:
    now = utcnow()
    for start in range(0, EVENTS, INSERT_ROWS):
        rows = [Event(new_uuid(), "100.103", AlarmState.SET if number % 2 else AlarmState.CLEAR, "host",
                      f"host=worker-{number % 1000}", now - datetime.timedelta(seconds=EVENTS - number),
                      Severity.MAJOR, "Memory threshold exceeded ; threshold 80.00%, actual 84.10%",
                      AlarmType.OPERATIONAL_VIOLATION, "threshold-crossed", "Monitor; if it persists, contact support",
                      True, True) for number in range(start, start + INSERT_ROWS)]
        with db.writer() as conn:
            events.insert(conn, rows, now)


class _Group:
    """Raising processes that begin at the same word."""

    def __init__(self, processes: list[subprocess.Popen[str]]) -> None:
        self._processes = processes

    def work(self, verb: str, many: int) -> tuple[float, list[float]]:
        """Requests per second of all together, from the first begin to the last end, and each one's milliseconds."""
        for process in self._processes:
            assert process.stdin is not None  # noqa: S101 - a pipe
            process.stdin.write(f"{verb} {many}\n")
            process.stdin.flush()
        told = [json.loads(_line(process)) for process in self._processes]
        spent_s = max(one["ended_s"] for one in told) - min(one["begun_s"] for one in told)
        return len(told) * many / spent_s, [taken for one in told for taken in one["taken_ms"]]


@contextlib.contextmanager
def _raisers(fm: Subsystem) -> Iterator[_Group]:
    processes: list[subprocess.Popen[str]] = []
    script = Path(__file__).with_name("raisers.py")
    log = (fm.folder / "raisers.log").open("w")
    try:
        for number in range(RAISERS):
            processes.append(subprocess.Popen(
                [sys.executable, "-W", "ignore", str(script), fm.around.rabbit.url, fm.exchange,
                 str(fm.folder / f"spool-{number}"), f"r{number}", "1"], env=fm.environment(), text=True,
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log))
        for process in processes:
            _line(process)
        yield _Group(processes)
    finally:
        for process in processes:
            process.communicate(timeout=30)
        log.close()


def _line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None  # noqa: S101 - a pipe
    line = process.stdout.readline()
    if not line:
        raise RuntimeError(f"a raising process ended with status {process.wait(10)}")
    return line
