# SPDX-License-Identifier: Apache-2.0
"""The program: a thread that reads the daemon's files and stores each statement in the spool of the raiser."""
from __future__ import annotations

import logging
import threading
from pathlib import Path
from typing import Any

from flock import rpc
from flock.core.errors import FlockError, Unavailable
from flock.core.health import Health
from flock.core.records import replace
from fm.contract.errors import InvalidFault
from fm.contract.rpc import FaultRequest
from fm.raiser import Raiser
from fm.raiser import requests as make
from sm.alarms.reading import Reading
from sm.conf import options
from sm.contract.faults import FaultLine, Kind

LOG = logging.getLogger(__name__)
PAUSE_S = 0.5
STOP_S = 5.0


def request(line: FaultLine) -> FaultRequest:
    """The request to fault management, with the id of the line, so that a repeated one changes nothing. InvalidFault
    when it breaks a rule of fault management."""
    said = line.statement
    given = {name: value for name, value in (
        ("severity", said.severity), ("reason_text", said.text), ("proposed_repair_action", said.repair),
        ("timestamp", line.at)) if value}
    if said.kind is Kind.CLEAR:
        made = make.clear_request(said.fault, said.entity, {}, exact=True)
    elif said.kind is Kind.RAISE:
        made = make.alarm_request(said.fault, said.entity, {}, given)
    else:
        made = make.log_request(said.fault, said.entity, {}, given)
    return replace(made, request_id=line.id)


class Forwarder:
    """Passes statements on until it is stopped."""

    def __init__(self, conf: Any) -> None:
        chosen = options.register(conf)
        self._transport = rpc.transport(conf)
        self._raiser = Raiser(self._transport, Path(conf.state_dir) / "sm-alarms" / "spool")
        self._reading = Reading(Path(chosen.faults), self.take)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="sm-alarms", daemon=True)
        self._problem: str | None = None
        self.health = Health()
        self.health.add("spool", lambda: self._problem)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End; what is not passed on stays in the files."""
        self._stopping.set()
        self._thread.join(STOP_S)
        self._raiser.stop()
        self._transport.close()

    def alive(self) -> bool:
        """For the watchdog."""
        return self._thread.is_alive()

    def take(self, line: FaultLine) -> None:
        """Store one statement durably. Unavailable or SpoolFull: it cannot be stored now."""
        try:
            made = request(line)
        except InvalidFault as error:
            LOG.error("%s of %s is skipped: %s", line.statement.fault, line.statement.entity, error)
            return
        self._raiser.store(made)

    def _run(self) -> None:
        while not self._stopping.wait(PAUSE_S):
            try:
                self._reading.run()
                self._problem = None
            except (Unavailable, FlockError, OSError) as error:
                if self._problem is None:
                    LOG.error("statements wait: %s", error)
                self._problem = f"statements wait: {error}"
