# SPDX-License-Identifier: Apache-2.0
"""Watches the certificates of this controller and of the hosts: begins renewals in time, and raises alarms."""
from __future__ import annotations

import datetime
import logging
from collections.abc import Callable
from pathlib import Path

from flock import tls
from flock.db import Database, utcnow
from fm.contract.rpc import FmManager
from fm.raiser import Raiser
from sysinv.db.lookup import host_row
from sysinv.hosts import credentials
from sysinv.model.expiry import (
    EXPIRED,
    SOON,
    WARN_DAYS,
    WARN_DAYS_AUTHORITY,
    AlarmKey,
    Watched,
    corrections,
    expiry_alarms,
)

LOG = logging.getLogger(__name__)
AUTHORITY = "ca"
RENEW = "Run 'flock-rotate certificates' on the active controller, then 'flock-rotate status'."
REACH = "Bring the host back so that it renews its certificate, or install it again; see 'flock-rotate status'."
REPLACE_AUTHORITY = ("Run 'flock-rotate authority' on the active controller, then 'flock-rotate authority --finish', "
                     "before the authority expires.")


class CertificateWatch:
    """``audit`` runs periodically. ``renew`` begins the renewal of this controller's certificates that are due."""

    def __init__(self, db: Database, directory: Path, hostname: str, raiser: Raiser, faults: FmManager,
                 renew: Callable[[], None], now: Callable[[], datetime.datetime] = utcnow) -> None:
        self._db = db
        self._directory = directory
        self._hostname = hostname
        self._raiser = raiser
        self._faults = faults
        self._renew = renew
        self._now = now

    def audit(self) -> None:
        """Renew what is due, then correct the alarms in fm. Unavailable, DeadlineExceeded when fm does not answer."""
        lives, now = self._lives(), self._now()
        if any(role != AUTHORITY and tls.due(life, now) for role, life in lives.items()):
            LOG.info("certificates of this controller are due; renewing them")
            self._renew()
        with self._db.reader() as conn:
            own_uuid = host_row(conn, self._hostname)["uuid"]
            hosts = credentials.stored(conn, self._hostname, now)
        watched = [Watched(role, self._hostname, own_uuid, life.end, *(
            (REPLACE_AUTHORITY, WARN_DAYS_AUTHORITY) if role == AUTHORITY else (RENEW, WARN_DAYS)))
                   for role, life in lives.items()]
        watched += [Watched("host", host.hostname, host.uuid, host.certificate_end, REACH)
                    for host in hosts if host.certificate_end is not None]
        to_raise, to_clear = corrections(expiry_alarms(watched, now), self._active())
        for (alarm_id, entity), alarm in to_raise:
            LOG.warning("%s", alarm.reason)
            self._raiser.raise_alarm(alarm_id, entity_instance_id=entity, severity=alarm.severity,
                                     reason_text=alarm.reason, proposed_repair_action=alarm.remedy)
        for alarm_id, entity in to_clear:
            self._raiser.clear_alarm(alarm_id, entity_instance_id=entity, exact=True)

    def _lives(self) -> dict[str, tls.Lifetime]:
        found = {}
        for path in sorted(self._directory.glob("*.crt")):
            try:
                found[path.stem] = tls.lifetime(path.read_bytes())
            except (OSError, ValueError) as error:
                LOG.error("certificate %s cannot be read: %s", path, error)
        return found

    def _active(self) -> dict[AlarmKey, str]:
        return {(fault.alarm_id, fault.entity_instance_id): fault.reason_text
                for alarm_id in (SOON, EXPIRED)
                for fault in self._faults.get_faults(alarm_id=alarm_id, entity_instance_id=None, below=False)}
