# SPDX-License-Identifier: Apache-2.0
"""The fm-snmp-agent daemon: one thread that keeps a session with snmpd and answers from fm's database."""
from __future__ import annotations

import contextlib
import logging
import os
import time
from typing import Any

from prometheus_client import Counter, Histogram

from flock.core.backoff import Backoff
from flock.core.errors import FlockError
from flock.core.health import Health
from flock.db import from_conf
from flock.jobs.worker import Worker
from fm.conf import options
from fm.conf import snmp as snmp_options
from fm.snmp.agentx.messages import ErrorStatus, Get, GetBulk, Response
from fm.snmp.agentx.session import Left, Session, SessionEnded
from fm.snmp.objects import ACTIVE_TABLE, ENTERPRISE, EVENT_TABLE
from fm.snmp.responder import Responder
from fm.snmp.tables import active_table, event_table

LOG = logging.getLogger(__name__)
DESCRIPTION = "fault management"
# A session that lasted this long counts as successful and resets the reconnect pause.
SETTLED_S = 30.0
STOP_WAIT_S = 5.0
REQUESTS = Counter("fm_snmp_requests_total", "Requests of the SNMP master agent", ("outcome",))
SECONDS = Histogram("fm_snmp_request_seconds", "Time to answer a request of the SNMP master agent")


class SnmpAgentDaemon:
    """Serves wrsAlarmActiveTable and wrsEventTable; keeps running while snmpd or the database is unreachable."""

    def __init__(self, conf: Any) -> None:
        self.health = Health()
        chosen = snmp_options.register(conf)
        system_name = options.register(conf).system_name
        self._address = snmp_options.agentx_address(conf)
        self._timeout_s = float(chosen.agentx_timeout_s)
        self._ping_interval_s = float(chosen.agentx_ping_interval_s)
        self._pauses = Backoff(0.2, float(chosen.agentx_reconnect_max_s))
        self._db = from_conf(conf)
        self._responder = Responder((active_table(system_name), event_table(system_name)), self._db.reader)
        self._stop_fd, self._stopper_fd = os.pipe2(os.O_CLOEXEC)
        self._attempts = 0
        self._worker = Worker("agentx", self._serve)
        self._trouble: str | None = "not connected yet"
        self.health.add("snmpd", lambda: self._trouble)

    def start(self) -> None:
        """Start the thread; snmpd need not be running."""
        self._worker.start()

    def stop(self) -> None:
        """End the session and the thread."""
        self._worker.leave()
        os.write(self._stopper_fd, b"x")
        self._worker.stop(self._timeout_s + STOP_WAIT_S)
        os.close(self._stopper_fd)
        os.close(self._stop_fd)
        self._db.dispose()

    def alive(self) -> bool:
        """True while the thread runs."""
        return self._worker.is_alive()

    def _serve(self) -> float | None:
        began = time.monotonic()
        ended = self._session()
        if ended is None:
            return None
        self._attempts = 1 if time.monotonic() - began > SETTLED_S else self._attempts + 1
        pause_s = self._pauses.pause_s(self._attempts)
        if self._trouble != ended:
            LOG.warning("no session with snmpd (%s); next attempt in %.1f s", ended, pause_s)
        self._trouble = ended
        return pause_s

    def _session(self) -> str | None:
        """Run one session; returns why it ended, None when the daemon stops."""
        with contextlib.closing(Session(self._address, timeout_s=self._timeout_s,
                                        ping_interval_s=self._ping_interval_s, stop_fd=self._stop_fd)) as session:
            try:
                session.connect()
                session.open(ENTERPRISE, DESCRIPTION, (ACTIVE_TABLE, EVENT_TABLE))
                LOG.info("serving the alarm tables to snmpd at %s", self._address)
                self._trouble = None
                session.serve(self._answer)
            except SessionEnded as ended:
                return str(ended)
            except Left:
                pass
        return None

    def _answer(self, request: Get | GetBulk, transaction_id: int) -> Response:
        with SECONDS.time():
            try:
                response = self._responder.answer(request, transaction_id, time.monotonic())
            except FlockError as error:
                LOG.warning("a request could not be answered: %s", error)
                REQUESTS.labels("failed").inc()
                return Response(ErrorStatus.GEN_ERR, 1)
            except Exception:  # one invalid row must not end the session
                LOG.exception("a request could not be answered")
                REQUESTS.labels("failed").inc()
                return Response(ErrorStatus.GEN_ERR, 1)
        REQUESTS.labels("ok").inc()
        return response
