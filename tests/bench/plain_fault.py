# SPDX-License-Identifier: Apache-2.0
"""The least that an acknowledged raise can cost: oslo.messaging as it comes and one INSERT with its commit.

``plain_fault.py serve BUS DATABASE`` answers; ``plain_fault.py call BUS FILE`` is one caller that works on words.
A raise through the spool cannot do with less than a line forced to disk.
"""
from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import threading
import time
import uuid
from typing import Any

import sqlalchemy as sa

from flock.rpc.messaging import oslo_messaging
from fm.db.tables import EVENT_LOG
from tests.bench.echo import plain_transport

TOPIC = "bench.fault"


class Store:
    """Keeps what it is told as rows of the event log: one statement, one commit."""

    def __init__(self, url: str) -> None:
        self._engine = sa.create_engine(sa.engine.make_url(url), pool_size=8)
        sqlite = self._engine.dialect.name == "sqlite"
        names = [column.name for column in EVENT_LOG.columns if column.name not in ("id", "updated_at")]
        mark = "?" if sqlite else "%s"
        self._names = names
        self._head = f"INSERT INTO event_log ({', '.join(names)}) VALUES "  # noqa: S608 - names of our own columns
        self._row = f"({', '.join([mark] * len(names))})"
        # SQLite has one writer at a time.
        self._alone = threading.Lock() if sqlite else contextlib.nullcontext()

    def store(self, _context: dict[str, object], body: str) -> str:
        """Answered after the commit."""
        rows = json.loads(body)
        values = [row.get(name) for row in rows for name in self._names]
        statement = self._head + ", ".join([self._row] * len(rows))
        with self._alone:
            self._run(statement, values)
        return json.dumps([{"uuid": row["uuid"]} for row in rows])

    def _run(self, statement: str, values: list[Any]) -> None:
        raw = self._engine.raw_connection()
        try:
            cursor = raw.cursor()
            cursor.execute(statement, values)
            raw.commit()
        finally:
            raw.close()


def serve(bus: str, url: str) -> None:
    """Until SIGTERM."""
    target = oslo_messaging.Target(exchange=TOPIC, topic=TOPIC, server="bench")
    server = oslo_messaging.get_rpc_server(plain_transport(bus), target, [Store(url)], executor="threading",
                                           access_policy=oslo_messaging.DefaultRPCAccessPolicy)
    server.start()
    print("ready", flush=True)
    signal.sigwait({signal.SIGTERM})
    server.stop()


def row(entity: str) -> dict[str, Any]:
    """About what a raise carries."""
    now = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime())
    return {"uuid": str(uuid.uuid4()), "created_at": now, "event_log_id": "100.103", "state": "set",
            "entity_type_id": "host", "entity_instance_id": entity, "timestamp": now, "severity": "major",
            "reason_text": "Memory threshold exceeded ; threshold 80.00%, actual 84.10%",
            "event_log_type": "operational-violation", "probable_cause": "threshold-crossed",
            "proposed_repair_action": "Monitor and if condition persists, contact next level of support.",
            "service_affecting": True, "suppression": True}


def call(bus: str, path: str) -> None:
    """``one N`` or ``disk N`` per line of standard input; tells begin, end and milliseconds of each."""
    client = oslo_messaging.get_rpc_client(
        plain_transport(bus), oslo_messaging.Target(exchange=TOPIC, topic=TOPIC), timeout=60)
    client.call({}, "store", body=json.dumps([row("host=first")]))
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    print("ready", flush=True)
    for line in sys.stdin:
        verb, _, many = line.strip().partition(" ")
        begun, taken = time.monotonic(), []
        for number in range(int(many)):
            sent = time.perf_counter()
            body = json.dumps([row(f"host=worker-{number}")])
            if verb == "disk":
                os.write(file, body.encode())
                os.fdatasync(file)
            else:
                client.call({}, "store", body=body)
            taken.append((time.perf_counter() - sent) * 1000)
        print(json.dumps({"begun_s": begun, "ended_s": time.monotonic(), "taken_ms": taken}), flush=True)


if __name__ == "__main__":
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    if sys.argv[1] == "serve":
        serve(sys.argv[2], sys.argv[3])
    else:
        call(sys.argv[2], sys.argv[3])
