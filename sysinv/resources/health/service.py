# SPDX-License-Identifier: Apache-2.0
"""Use case of health: gather what is known of hosts, alarms and software, and have it checked."""
from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import sqlalchemy as sa

from flock.core.checks import Report
from flock.core.errors import DeadlineExceeded, Unavailable
from flock.db import Database
from fm.contract.catalogue import Catalogue
from fm.contract.enums import reaches
from fm.contract.fault import Fault
from sysinv.config.model import OUT_OF_DATE, is_current
from sysinv.hosts.softwaremanagement import Software
from sysinv.model.health import ActiveAlarm, Facts, HostFacts, Question, report
from sysinv.resources.disk.table import I_IDISK
from sysinv.resources.host import store as hosts


class Alarms(Protocol):
    """The part of ``fm.raiser.Raiser`` that is used here."""

    def active(self, *, timeout_s: float) -> list[Fault]:
        """All active alarms; Unavailable, DeadlineExceeded."""


@dataclass(frozen=True, slots=True)
class HealthService:
    """``hostname``: of this controller, which is the active one. Alarms are waited for ``alarms_s`` seconds; then their
    check has failed."""

    db: Database
    alarms: Alarms
    catalogue: Catalogue
    software: Software
    hostname: str
    alarms_s: float = 5.0

    def report(self, asked: Question) -> Report:
        """Check the system now. What cannot be asked fails its check; the other checks are made."""
        return report(Facts(self._hosts(), self.hostname, self._alarms(), self._outdated()), asked)

    def _hosts(self) -> tuple[HostFacts, ...]:
        disks: defaultdict[int, set[str]] = defaultdict(set)
        with self.db.reader() as conn:
            rows = hosts.all_rows(conn)
            for disk in conn.execute(sa.select(I_IDISK.c.forihostid, I_IDISK.c.device_node, I_IDISK.c.device_path)):
                disks[disk.forihostid] |= {name for name in disk[1:] if name}
        return tuple(_facts(row, frozenset(disks[row["id"]])) for row in rows)

    def _alarms(self) -> tuple[ActiveAlarm, ...] | str:
        try:
            return tuple(self._alarm(fault) for fault in self.alarms.active(timeout_s=self.alarms_s))
        except (Unavailable, DeadlineExceeded) as error:
            return f"The alarms are not known: {error}"

    def _alarm(self, fault: Fault) -> ActiveAlarm:
        entry = self.catalogue.find(fault.alarm_id)
        # An alarm that the catalogue does not know may affect anything.
        affects = entry is None or reaches(fault.severity, entry.mgmt_affecting_severity)
        return ActiveAlarm(fault.alarm_id, fault.entity_instance_id, affects)

    def _outdated(self) -> tuple[str, ...] | str | None:
        try:
            return self.software.outdated_hosts()
        except Unavailable as error:
            return f"What the hosts run is not known: {error}"


def _facts(row: Mapping[str, Any], disks: frozenset[str]) -> HostFacts:
    current = row["config_status"] != OUT_OF_DATE and is_current(row["config_applied"], row["config_target"])
    return HostFacts(row["id"], row["hostname"] or row["uuid"], row["personality"], row["administrative"],
                     row["operational"], row["invprovision"], current, _device(row["boot_device"]),
                     _device(row["rootfs_device"]), disks)


def _device(name: str) -> str:
    """Operators may leave out the directory."""
    return name if name.startswith("/") else f"/dev/{name}"
