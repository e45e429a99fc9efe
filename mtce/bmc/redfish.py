# SPDX-License-Identifier: Apache-2.0
"""Redfish through sushy: one session per command, closed afterwards, so that BMCs with few sessions stay usable."""
from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import requests
import sushy
from sushy import auth as sushy_auth
from sushy import exceptions as sushy_errors

from mtce.bmc.interfaces import Access, BmcError, PowerState

LOG = logging.getLogger(__name__)
_STATES = {"on": PowerState.ON, "poweringon": PowerState.ON, "off": PowerState.OFF, "poweringoff": PowerState.ON,
           "powering on": PowerState.ON, "powering off": PowerState.ON}


@dataclass(frozen=True, slots=True)
class RedfishSettings:
    """Transport of Redfish: ``verify`` is True, False or the path of a CA bundle; times in seconds per request.

    sushy asks a silent service up to three times, so that a command may take three times ``read_timeout_s`` and 6 s.
    """

    scheme: str = "https"
    port: int = 443
    verify: bool | str = True
    connect_timeout_s: float = 5.0
    read_timeout_s: float = 15.0


class Session:
    """Opens the one computer system behind a BMC for a command."""

    def __init__(self, access: Access, settings: RedfishSettings) -> None:
        self._access = access
        self._settings = settings

    @property
    def url(self) -> str:
        """Base URL of the service."""
        host = f"[{self._access.address}]" if ":" in self._access.address else self._access.address
        return f"{self._settings.scheme}://{host}:{self._settings.port}"

    @contextlib.contextmanager
    def system(self, verb: str) -> Iterator[Any]:
        """The sushy System; whatever goes wrong inside becomes a BmcError naming ``verb``."""
        auth = sushy_auth.SessionOrBasicAuth(self._access.username, self._access.password)
        try:
            root = sushy.Sushy(self.url, auth=auth, verify=self._settings.verify, server_side_retries=0,
                               read_timeout=self._settings.read_timeout_s,
                               connect_timeout=self._settings.connect_timeout_s)
            systems = root.get_system_collection().get_members()
            if len(systems) != 1:
                raise BmcError(address=self._access.address, verb=verb,
                               reason=f"it manages {len(systems)} systems; exactly one is expected")
            yield systems[0]
        except sushy_errors.AccessError as error:
            raise BmcError(address=self._access.address, verb=verb, reason="user name or password is wrong") from error
        except (sushy_errors.SushyError, requests.RequestException, OSError, ValueError) as error:
            raise BmcError(address=self._access.address, verb=verb, reason=_reason(error)) from error
        finally:
            _close(auth)


def _reason(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:200]


def _close(auth: Any) -> None:
    try:
        auth.close()
    except (sushy_errors.SushyError, requests.RequestException, AttributeError) as error:
        LOG.debug("A Redfish session was not closed: %s", _reason(error))


class RedfishPower:
    """Power by ComputerSystem.Reset, choosing among the reset types that the BMC allows."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def state(self) -> PowerState:
        """PowerState of the system record."""
        with self._session.system("tell its power state") as system:
            return _power(system)

    def on(self) -> None:
        """``On``, else ``ForceOn``."""
        self._reset("switch on", ("on", "force on"), lambda power: power is PowerState.ON)

    def off(self, *, graceful: bool) -> None:
        """``GracefulShutdown`` or ``ForceOff``."""
        first = "graceful shutdown" if graceful else "force off"
        self._reset("switch off", (first, "force off"), lambda power: power is PowerState.OFF)

    def reset(self, *, graceful: bool) -> None:
        """``GracefulRestart`` or ``ForceRestart``."""
        first = "graceful restart" if graceful else "force restart"
        self._reset("reset", (first, "force restart"), lambda power: False)

    def _reset(self, verb: str, wishes: Sequence[str], done: Callable[[PowerState], bool]) -> None:
        with self._session.system(verb) as system:
            if done(_power(system)):
                return
            allowed = {_words(value): value for value in system.get_allowed_reset_system_values()}
            chosen = next((allowed[wish] for wish in wishes if wish in allowed), None)
            if chosen is None:
                raise ValueError(f"none of {', '.join(wishes)} is among its reset types {', '.join(sorted(allowed))}")
            system.reset_system(chosen)


class RedfishBoot:
    """Boot source override."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def network_once(self) -> None:
        """One-shot ``Pxe`` override."""
        with self._session.system("accept a network boot") as system:
            system.set_system_boot_options(target=sushy.BOOT_SOURCE_TARGET_PXE, enabled=sushy.BOOT_SOURCE_ENABLED_ONCE)


def _power(system: Any) -> PowerState:
    return _STATES.get(_words(system.power_state), PowerState.UNKNOWN)


def _words(value: Any) -> str:
    """``ForceRestart``, an enum of it, or "force restart" as lower-case words."""
    text = str(getattr(value, "value", value) or "")
    return "".join(f" {letter}" if letter.isupper() and index else letter for index, letter in enumerate(text)).lower()


def is_redfish(access: Access, settings: RedfishSettings) -> bool:
    """Whether the service root answers with Redfish 1.0 or later (it is readable without a session)."""
    url = Session(access, settings).url + "/redfish/v1/"
    try:
        reply = requests.get(url, verify=settings.verify, timeout=(settings.connect_timeout_s, settings.read_timeout_s))
        version = reply.json().get("RedfishVersion", "")
    except (requests.RequestException, ValueError, AttributeError):
        return False
    return reply.status_code == 200 and str(version).split(".")[0].isdigit() and int(str(version).split(".")[0]) >= 1
