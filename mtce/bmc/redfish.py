# SPDX-License-Identifier: Apache-2.0
"""Power, boot and sensors by Redfish: one session per command, closed afterwards: many BMCs allow few sessions."""
from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from typing import Any

import sushy
from sushy import exceptions as sushy_errors

from mtce.bmc.connector import BoundedConnector
from mtce.bmc.interfaces import PowerState, wait_until_off
from mtce.bmc.session import ROOT, Session
from mtce.core.sensors import redfish as bodies
from mtce.core.sensors.samples import SENSORS_MAX, Sample

_STATES = {"on": PowerState.ON, "poweringon": PowerState.ON, "off": PowerState.OFF, "poweringoff": PowerState.OFF,
           "powering on": PowerState.ON, "powering off": PowerState.OFF}
CHASSIS_MAX = 4
# The last three: a BMC that does not know a query such as $expand.
_ABSENT = (HTTPStatus.NOT_FOUND, HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_IMPLEMENTED, HTTPStatus.METHOD_NOT_ALLOWED)
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


class RedfishSensors:
    """Sensors of the chassis that hold the host's system."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def read(self) -> list[Sample]:
        """Return the sensors in Power and Thermal of each chassis, or else in its Sensors collection.

        The collection needs a request per sensor on many BMCs; Power and Thermal need one each.
        """
        found: list[Sample] = []
        with self._session.opened("list its sensors") as (system, connector):
            def get(path: str) -> Any:
                return _body(connector, path)

            for path in _chassis(system.json, get)[:CHASSIS_MAX]:
                chassis = get(path)
                samples = [*bodies.power(_linked(chassis, "Power", get)),
                           *bodies.thermal(_linked(chassis, "Thermal", get))]
                found += samples or _collected(_link(chassis, "Sensors"), get)
        return found


def _chassis(system: Mapping[str, Any], get: Callable[[str], Any]) -> list[str]:
    """Return the paths of the chassis that the system names; those of the service when it names none."""
    links = system.get("Links")
    named = bodies.links(links.get("Chassis") if isinstance(links, Mapping) else None)
    return named or bodies.sensor_links(get(ROOT + "Chassis"))


def _collected(path: str, get: Callable[[str], Any]) -> list[Sample]:
    if not path:
        return []
    whole = bodies.expanded(get(path + "?$expand=.($levels=1)"))
    if whole:
        return whole
    paths = bodies.sensor_links(get(path))[:SENSORS_MAX]
    return [sample for member in paths for sample in bodies.sensor(get(member))]


def _linked(body: Any, field: str, get: Callable[[str], Any]) -> Any:
    path = _link(body, field)
    return get(path) if path else None


def _link(body: Any, field: str) -> str:
    found = bodies.links([body.get(field)]) if isinstance(body, Mapping) else []
    return found[0] if found else ""


def _body(connector: BoundedConnector, path: str) -> Any:
    """Return a resource; None for one that the BMC does not have. Any other error spoils the reading: what a BMC
    fails to tell once must not look like sensors that are gone."""
    try:
        return connector.get(path).json()
    except sushy_errors.HTTPError as error:
        if error.status_code in _ABSENT:
            return None
        raise


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
