# SPDX-License-Identifier: Apache-2.0
"""Power and boot by Redfish: one session per command, closed afterwards, because many BMCs allow few sessions."""
from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import sushy
from sushy import exceptions as sushy_errors

from mtce.bmc.interfaces import PowerState, wait_until_off
from mtce.bmc.session import Session

_STATES = {"on": PowerState.ON, "poweringon": PowerState.ON, "off": PowerState.OFF, "poweringoff": PowerState.OFF,
           "powering on": PowerState.ON, "powering off": PowerState.OFF}
FORCE_OFF, SWITCH_ON = "force off", ("on", "force on")
# Reset types that restart a host, the most direct first. Not every BMC offers ForceRestart; after force off comes on.
FORCED_RESETS = ("force restart", "power cycle", FORCE_OFF, "graceful restart")
GRACEFUL_RESETS = ("graceful restart", "force restart", "power cycle", FORCE_OFF)


class RedfishPower:
    """Power by ComputerSystem.Reset; chooses among the reset types that the BMC allows."""

    def __init__(self, session: Session, pause: Callable[[float], None] = time.sleep,
                 monotonic: Callable[[], float] = time.monotonic) -> None:
        self._session = session
        self._pause = pause
        self._monotonic = monotonic

    def state(self) -> PowerState:
        """Return PowerState of the system record."""
        with self._session.system("tell its power state") as system:
            return _power(system)

    def on(self) -> None:
        """Send ``On``, or ``ForceOn`` when the BMC does not offer it."""
        with self._session.system("switch on") as system:
            if _power(system) is not PowerState.ON:
                _order(system, SWITCH_ON)

    def off(self, *, graceful: bool) -> None:
        """Send ``GracefulShutdown`` or ``ForceOff``."""
        with self._session.system("switch off") as system:
            if _power(system) is not PowerState.OFF:
                _order(system, ("graceful shutdown", FORCE_OFF) if graceful else (FORCE_OFF,))

    def reset(self, *, graceful: bool) -> None:
        """Send the first of FORCED_RESETS or GRACEFUL_RESETS that the BMC offers and accepts."""
        with self._session.system("reset") as system:
            offered = _offered(system)
            # Off is only half of a restart: do not begin it when the host cannot be switched on again.
            usable = [wish for wish in (GRACEFUL_RESETS if graceful else FORCED_RESETS)
                      if wish != FORCE_OFF or any(on in offered for on in SWITCH_ON)]
            if _order(system, usable) != FORCE_OFF:
                return

            def state() -> PowerState:
                system.refresh()
                return _power(system)

            wait_until_off(state, self._pause, self._monotonic)
            _order(system, SWITCH_ON)


class RedfishBoot:
    """Boot source override."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def network_once(self) -> None:
        """Set a one-shot ``Pxe`` override; does not change the boot mode (UEFI or legacy)."""
        with self._session.system("accept a network boot") as system:
            system.set_system_boot_options(target=sushy.BOOT_SOURCE_TARGET_PXE, enabled=sushy.BOOT_SOURCE_ENABLED_ONCE)


def _order(system: Any, wishes: Sequence[str]) -> str:
    """Send the first of ``wishes`` that the BMC offers; when the BMC refuses it nevertheless (400), the next one.

    Returns the accepted one; ValueError when the BMC offers none.
    """
    offered = _offered(system)
    usable = [wish for wish in wishes if wish in offered]
    if not usable:
        raise ValueError(f"none of {', '.join(wishes)} is among its reset types {', '.join(sorted(offered))}")
    for wish in usable[:-1]:
        try:
            system.reset_system(offered[wish])
        except sushy_errors.BadRequestError:
            continue
        return wish
    system.reset_system(offered[usable[-1]])
    return usable[-1]


def _offered(system: Any) -> dict[str, Any]:
    """Return reset types by name. sushy reads them from the action or its ActionInfo, and assumes all without these."""
    return {_words(value): value for value in system.get_allowed_reset_system_values()}


def _power(system: Any) -> PowerState:
    return _STATES.get(_words(system.power_state), PowerState.UNKNOWN)


def _words(value: Any) -> str:
    """Return ``ForceRestart``, its enum, or "force restart" as lower-case words."""
    text = str(getattr(value, "value", value) or "")
    return "".join(f" {letter}" if letter.isupper() and index else letter for index, letter in enumerate(text)).lower()
