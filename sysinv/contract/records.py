# SPDX-License-Identifier: Apache-2.0
"""What other subsystems, agents and tools may know of a host, and what host maintenance tells of it."""
from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class HostRef:
    """Enough of a host to address it."""

    uuid: str
    hostname: str | None
    personality: str | None


@dataclass(frozen=True, slots=True)
class HostStateUpdate:
    """Fields of a host that only mtce writes; None leaves a field as it is, ``task`` "" empties it.

    ``sequence`` grows with every update of one host, so that a late redelivery is recognised and dropped. ``action`` is
    what mtce is doing with the host, ``none`` at rest. ``error`` says why the host or an action failed, ``error_at``
    when (ISO 8601).
    """

    host_uuid: str
    sequence: int
    administrative: str | None = None
    operational: str | None = None
    availability: str | None = None
    subfunction_oper: str | None = None
    subfunction_avail: str | None = None
    task: str | None = None
    uptime_s: int | None = None
    mtce_info: str | None = None
    action_failed: str | None = None
    action: str | None = None
    error: str | None = None
    error_at: str | None = None
