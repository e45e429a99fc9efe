# SPDX-License-Identifier: Apache-2.0
"""Which alarms degrade a host, as fault management knows them."""
from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Protocol

from flock.core.errors import DeadlineExceeded, Unavailable
from fm.contract.catalogue import Catalogue
from fm.contract.enums import reaches
from fm.contract.fault import Fault

LOG = logging.getLogger(__name__)
# Alarms of service management: a swact is decided by its own check.
OF_SERVICE_MANAGEMENT = "400."


class HostAlarms(Protocol):
    """The part of ``fm.raiser.Raiser`` that is used here."""

    def active(self, *, entity_instance_id: str, timeout_s: float) -> list[Fault]:
        """Active alarms of an entity and of what it contains; Unavailable, DeadlineExceeded."""


@dataclass(frozen=True, slots=True)
class Degradations:
    """Fault management is waited for ``wait_s`` seconds."""

    alarms: HostAlarms
    catalogue: Catalogue
    wait_s: float = 5.0

    def of(self, hostname: str) -> tuple[str, ...]:
        """Ids of the active alarms that degrade a host, each once and sorted, without those of service management.

        Empty when fault management does not answer: a swact may be what brings it back.
        """
        try:
            found = self.alarms.active(entity_instance_id=f"host={hostname}", timeout_s=self.wait_s)
        except (Unavailable, DeadlineExceeded) as error:
            LOG.warning("It is not known which alarms degrade %s: %s", hostname, error)
            return ()
        return tuple(sorted({fault.alarm_id for fault in found if self._degrades(fault)}))

    def _degrades(self, fault: Fault) -> bool:
        entry = self.catalogue.find(fault.alarm_id)
        return (entry is not None and reaches(fault.severity, entry.degrade_affecting_severity)
                and not fault.alarm_id.startswith(OF_SERVICE_MANAGEMENT))
