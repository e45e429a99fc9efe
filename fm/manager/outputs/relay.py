# SPDX-License-Identifier: Apache-2.0
"""From committed notices to outputs: rows in the outbox within the writer's transaction, and the delivering thread."""
from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from flock.db import Database, utcnow
from flock.db.outbox import Outbox, Relay
from fm.core.notice import as_payload
from fm.core.records import Notice
from fm.db.tables import NOTIFICATION
from fm.manager.outputs.sinks import SystemLog, TrapAgent, Webhook

Sink = Callable[[dict[str, Any]], None]
TRAPS = "trap"
WARM_START_KEY = "trap-warm-start"
WARM_START_HOLD_S = 30.0


def sinks_from(options: Any) -> dict[str, Sink]:
    """The outputs that the ``[fm]`` options switch on, by name."""
    sinks: dict[str, Sink] = {}
    if options.syslog_address:
        sinks["syslog"] = SystemLog(options.syslog_address)
    for number, url in enumerate(options.webhook_urls):
        sinks[f"webhook-{number}"] = Webhook(url)
    if options.trap_agent_host:
        sinks[TRAPS] = TrapAgent(options.trap_agent_host, options.trap_agent_port, options.region_name,
                                 options.system_name)
    return sinks


class Outputs:
    """Stores one row per notice and output, and delivers them in order per output."""

    def __init__(self, db: Database, sinks: Mapping[str, Sink], backlog_max: int,
                 warm_start_hold_s: float = WARM_START_HOLD_S) -> None:
        self._db = db
        self._names = sorted(sinks)
        self._backlog_max = backlog_max
        self._warm_start_hold_s = warm_start_hold_s
        self._relay = Relay(Outbox(db, NOTIFICATION), sinks, owner="fm-manager")

    def publish(self, conn: Connection, notices: Sequence[Notice]) -> None:
        """Store notices in the transaction of ``conn``."""
        rows = [{"key": name, "kind": name, "payload": as_payload(notice)}
                for notice in notices for name in self._names if name == "syslog" or not notice.hidden]
        if rows:
            conn.execute(sa.insert(NOTIFICATION), rows)

    def suppression_changed(self, conn: Connection) -> None:
        """Tell SNMP managers to start over: one message for all changes within the hold time."""
        if TRAPS not in self._names:
            return
        waiting = sa.select(NOTIFICATION.c.id).where(NOTIFICATION.c.key == WARM_START_KEY).limit(1)
        if conn.execute(waiting).first() is None:
            due = utcnow() + datetime.timedelta(seconds=self._warm_start_hold_s)
            conn.execute(sa.insert(NOTIFICATION).values(
                key=WARM_START_KEY, kind=TRAPS, payload={"kind": "warmStart"}, next_try_at=due))

    def nudge(self) -> None:
        """Deliver now; after the commit."""
        if self._names:
            self._relay.nudge()

    def prune(self) -> int:
        """Drop what no configured output wants and what exceeds the backlog limit, oldest first; returns how many."""
        with self._db.writer() as conn:
            gone = conn.execute(sa.delete(NOTIFICATION).where(NOTIFICATION.c.kind.not_in(self._names))).rowcount
            surplus = sa.select(NOTIFICATION.c.id).order_by(NOTIFICATION.c.id.desc()).limit(1).offset(self._backlog_max)
            boundary = conn.execute(surplus).scalar()
            if boundary is not None:
                gone += conn.execute(sa.delete(NOTIFICATION).where(NOTIFICATION.c.id <= boundary)).rowcount
            return int(gone)

    def start(self) -> None:
        """Begin to deliver."""
        if self._names:
            self._relay.start()

    def stop(self) -> None:
        """End after the delivery in hand."""
        self._relay.stop()
