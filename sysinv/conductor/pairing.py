# SPDX-License-Identifier: Apache-2.0
"""Has service management of the first controller count with the second one as soon as that is in service."""
from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from sqlalchemy.engine import Connection

from flock.db import Database
from fm.raiser import Raiser
from fm.raiser.busalarm import Change, change
from sysinv.bootstrap import management
from sysinv.config.model import OUT_OF_DATE
from sysinv.contract.enums import Administrative, Operational, Personality
from sysinv.db.lookup import Row, host_row
from sysinv.model.hostname import CONTROLLER_0
from sysinv.resources.host import store as hosts

LOG = logging.getLogger(__name__)
INTERVAL_S = 10.0
LATE_S = 300.0
ALARM_ID = "250.001"
REPAIR = "Read 'journalctl -u flock-pair' on controller-0 and remove the cause; it is tried again every ten seconds."


def second_in_service(rows: Iterable[Row], own: str) -> str | None:
    """The name of the second controller when it is unlocked and enabled; None before, and on that controller itself,
    which counts with two from its first boot on."""
    return next((row["hostname"] for row in rows
                 if own == CONTROLLER_0 and row["personality"] == Personality.CONTROLLER
                 and row["hostname"] not in (None, "", own)
                 and row["administrative"] == Administrative.UNLOCKED
                 and row["operational"] == Operational.ENABLED), None)


def is_paired() -> bool:
    """Whether service management of this host counts with two controllers."""
    return management.is_paired(Path(management.SETTINGS))


class Pairing:
    """``audit`` runs every ``INTERVAL_S``. ``begin`` starts the pairing and does not wait for it; while it runs, a
    further call changes nothing."""

    def __init__(self, db: Database, hostname: str, raiser: Raiser, begin: Callable[[], None],
                 paired: Callable[[], bool] = is_paired, clock: Callable[[], float] = time.monotonic) -> None:
        self._db, self._hostname, self._raiser = db, hostname, raiser
        self._begin, self._paired, self._clock = begin, paired, clock
        self._since_s: float | None = None
        self._is_set: bool | None = None

    def audit(self) -> None:
        """Begin what is due. ``config_status`` of this controller tells how it stands, an alarm when it is late."""
        if self._hostname != CONTROLLER_0:
            return
        with self._db.reader() as conn:
            other = second_in_service(hosts.all_rows(conn), self._hostname)
        now_s = self._clock()
        if other is None or self._paired():
            self._since_s = None
        else:
            if self._since_s is None:
                LOG.info("%s is in service; service management shall count with it", other)
                self._since_s = now_s
            self._begin()
        self._tell(None if self._since_s is None else OUT_OF_DATE)
        self._alarm(change(self._since_s, self._is_set, now_s, LATE_S), other or "")

    def _tell(self, status: str | None) -> None:
        def write(conn: Connection) -> None:
            row = host_row(conn, self._hostname, lock=True)
            if row["config_status"] in (None, OUT_OF_DATE) and row["config_status"] != status:
                hosts.write(conn, row, {"config_status": status})

        self._db.transact(write)

    def _alarm(self, wanted: Change | None, other: str) -> None:
        entity = f"host={self._hostname}"
        if wanted is Change.SET:
            self._raiser.raise_alarm(
                ALARM_ID, entity_instance_id=entity, severity="major", proposed_repair_action=REPAIR,
                reason_text=f"{self._hostname} Configuration is out-of-date: service management does not count with "
                            f"{other}, so nothing takes over when {self._hostname} fails.")
        elif wanted is Change.CLEAR:
            self._raiser.clear_alarm(ALARM_ID, entity_instance_id=entity, exact=True)
        if wanted is not None:
            self._is_set = wanted is Change.SET
