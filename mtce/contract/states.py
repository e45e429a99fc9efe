# SPDX-License-Identifier: Apache-2.0
"""Actions mtce performs on hosts, with StarlingX's wire values (sysinv.contract.enums defines the host states)."""
from __future__ import annotations

import enum


class HostAction(enum.StrEnum):
    """An action that mtce performs on a host, or that a request names."""

    NONE = "none"
    ADD = "add"
    DELETE = "delete"
    LOCK = "lock"
    FORCE_LOCK = "force-lock"
    UNLOCK = "unlock"
    ENABLE = "enable"
    RECOVERY = "recovery"
    RESET = "reset"
    REBOOT = "reboot"
    REINSTALL = "reinstall"
    POWER_ON = "power-on"
    POWER_OFF = "power-off"
    POWER_CYCLE = "power-cycle"
    SWACT = "swact"
    FORCE_SWACT = "force-swact"


OPERATOR_ACTIONS = frozenset({
    HostAction.LOCK, HostAction.FORCE_LOCK, HostAction.UNLOCK, HostAction.RESET, HostAction.REBOOT,
    HostAction.REINSTALL, HostAction.POWER_ON, HostAction.POWER_OFF, HostAction.SWACT, HostAction.FORCE_SWACT,
})
"""Actions that a request may name."""
