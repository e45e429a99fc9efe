# SPDX-License-Identifier: Apache-2.0
"""The event stream of fm-api: from raise to listener, quiet and under load; catching up; what idle listeners cost."""
from __future__ import annotations

import contextlib
import datetime
import http.client
import json
import socket
import threading
import time
from collections.abc import Iterator

from flock.core.errors import DeadlineExceeded, Unavailable
from flock.db import Database, migrate, new_uuid, utcnow
from flock.db.inserts import insert_all
from flock.rpc import transport
from flock.testing.fixtures import private_conf
from fm.contract.enums import AlarmState, AlarmType, Severity
from fm.contract.fault import Fault
from fm.contract.rpc import FaultRequest
from fm.core.records import Event
from fm.raiser import Raiser
from fm.resources.event_log import store as events
from tests.bench.measure import Figure, latency
from tests.bench.neighbours import Subsystem, cpu_s, family, running

QUIET, BUSY, BACKLOG, LISTENERS = 200, 2000, 50_000, 4
IDLE_S = 10.0
GOAL_MS = 250.0


class Listener:
    """Reads one stream in a thread; ``arrived`` maps the reason text of each event to when it came."""

    def __init__(self, fm: Subsystem, query: str = "") -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", fm.port, timeout=60)
        self._connection.connect()
        self._socket = self._connection.sock
        token = fm.around.keystone.token("reader", "services")
        self._connection.request("GET", f"/v1/event_stream{query}", headers={"X-Auth-Token": token})
        self._reply = self._connection.getresponse()
        if self._reply.status != 200:
            raise RuntimeError(f"the stream answered {self._reply.status}")
        self.arrived: dict[str, float] = {}
        self.bytes = 0
        self._leaving = False
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def wait(self, count: int, timeout_s: float = 120.0) -> None:
        """Until ``count`` events have come."""
        ends_at = time.perf_counter() + timeout_s
        while len(self.arrived) < count:
            if time.perf_counter() > ends_at:
                raise TimeoutError(f"{len(self.arrived)} of {count} events came")
            time.sleep(0.005)

    def close(self) -> None:
        """Leave; returns when the reading thread has ended."""
        self._leaving = True
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join(5)
        self._connection.close()

    def _read(self) -> None:
        with contextlib.suppress(OSError, ValueError, http.client.HTTPException):
            while not self._leaving and (line := self._reply.readline()):
                self.bytes += len(line)
                if line.startswith(b"data: "):
                    now = time.perf_counter()
                    self.arrived[json.loads(line[6:])["reason_text"]] = now


def run() -> list[Figure]:
    """Figures per engine; empty when a neighbour is not installed."""
    with running() as around:
        if around is None:
            return []
        found = []
        for engine in ("sqlite", "postgresql"):
            url = around.new_database(engine)
            migrate.upgrade(url, "fm")
            fm = Subsystem("fm", around, url, {"fm": {"event_log_max_size": 4 * BACKLOG}})
            try:
                found += _engine(fm, engine, url)
            finally:
                fm.stop()
        return found


def _engine(fm: Subsystem, engine: str, url: str) -> list[Figure]:
    bus = transport(private_conf(), fm.around.rabbit.url, exchange=fm.exchange)
    raiser = Raiser(bus, fm.folder / "spool-own")
    try:
        fm.start("fm-manager", lambda: _answers(raiser))
        api = fm.start_api()
        worker = max(family(api.pid))
        return [*_live(fm, engine, raiser), *_idle(fm, engine, worker), *_catching_up(fm, engine, Database(url))]
    finally:
        raiser.stop()
        bus.close()


def _live(fm: Subsystem, engine: str, raiser: Raiser) -> list[Figure]:
    with _listening(fm, LISTENERS) as listeners:
        told: dict[str, float] = {}
        for number in range(QUIET):
            told[f"quiet {number}"] = _raise(raiser, [f"quiet {number}"])
            time.sleep(0.02 + (number % 17) / 100)  # so that raises meet every phase of the poll
        listeners[0].wait(QUIET)
        quiet_ms = [(listeners[0].arrived[name] - at) * 1000 for name, at in told.items()]
        begun = time.perf_counter()
        told.clear()
        for number in range(0, BUSY, 10):
            names = [f"busy {one}" for one in range(number, number + 10)]
            at = _raise(raiser, names)
            told.update(dict.fromkeys(names, at))
        raised_s = time.perf_counter() - begun
        for listener in listeners:
            listener.wait(QUIET + BUSY)
        busy_ms = [(listeners[-1].arrived[name] - at) * 1000 for name, at in told.items()]
    return [latency(f"{engine}: acknowledged raise to listener, quiet", quiet_ms, GOAL_MS, f"{LISTENERS} listeners"),
            latency(f"{engine}: acknowledged raise to listener, {BUSY / raised_s:.0f} raises/s", busy_ms, GOAL_MS,
                    f"{LISTENERS} listeners")]


def _idle(fm: Subsystem, engine: str, worker: int) -> list[Figure]:
    with _listening(fm, LISTENERS):
        before_s = cpu_s(worker)
        time.sleep(IDLE_S)
        used = (cpu_s(worker) - before_s) / IDLE_S * 100
    time.sleep(1.0)
    before_s = cpu_s(worker)
    time.sleep(IDLE_S)
    alone = (cpu_s(worker) - before_s) / IDLE_S * 100
    return [Figure(f"{engine}: fm-api with {LISTENERS} idle listeners", used, "% CPU", note=f"without any {alone:.1f}")]


def _catching_up(fm: Subsystem, engine: str, db: Database) -> list[Figure]:
    now = utcnow()
    for start in range(0, BACKLOG, 5000):
        with db.writer() as conn:
            old = [_event(f"old {number}", now) for number in range(start, start + 5000)]
            insert_all(conn, [events.new_rows(old, now)])
    db.dispose()
    listener = Listener(fm, "?after=0")
    begun = time.perf_counter()
    listener.wait(BACKLOG + QUIET + BUSY)
    taken_s = time.perf_counter() - begun
    listener.close()
    return [Figure(f"{engine}: resume over {BACKLOG + QUIET + BUSY} events", (BACKLOG + QUIET + BUSY) / taken_s,
                   "events/s", more_is_better=True, note=f"{listener.bytes / taken_s / 1e6:.1f} MB/s")]


def _event(name: str, now: datetime.datetime) -> Event:
    return Event(new_uuid(), "200.004", AlarmState.SET, "system.host", "host=old", now, Severity.CRITICAL, name,
                 AlarmType.OPERATIONAL_VIOLATION, "application-subsystem-failure", "Wait for it.", True, True)


def _raise(raiser: Raiser, names: list[str]) -> float:
    """Raise alarms with these reason texts in one request; returns when they were acknowledged."""
    raiser.apply_now([FaultRequest(new_uuid(), fault=Fault(
        "200.004", AlarmState.SET, "system.host", f"host={name.replace(' ', '-')}", Severity.CRITICAL, name,
        AlarmType.OPERATIONAL_VIOLATION, "application-subsystem-failure", "Wait for it to recover."))
        for name in names])
    return time.perf_counter()


@contextlib.contextmanager
def _listening(fm: Subsystem, count: int) -> Iterator[list[Listener]]:
    listeners = [Listener(fm) for _ in range(count)]
    try:
        yield listeners
    finally:
        for listener in listeners:
            listener.close()
        time.sleep(0.5)  # until the service has noticed


def _answers(raiser: Raiser) -> bool:
    try:
        raiser.active(timeout_s=2)
    except (Unavailable, DeadlineExceeded):
        return False
    return True
