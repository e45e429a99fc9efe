# SPDX-License-Identifier: Apache-2.0
"""Runs one BMC command: decrypts the password, sends the command, and confirms the result where it must be certain."""
from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from flock.auth.secrets import SecretBox
from flock.core.errors import FlockError
from mtce.bmc.interfaces import Access, Bmc, BmcError, PowerState, wait_until_off
from mtce.bmc.kinds import BmcSettings, open_bmc, perform
from mtce.contract.bmcsecret import sealed_for
from mtce.contract.records import MtceHost
from mtce.core.events import BmcAnswer
from mtce.core.sensors.samples import Sample


class PoweredOff(BmcError):
    """The host has no power."""

    code = "mtce.bmc.powered_off"


@dataclass(frozen=True, slots=True)
class BmcJobs:
    """Carries out commands; tests replace ``pause`` and ``opener``."""

    box: Callable[[], SecretBox]
    settings: BmcSettings
    opener: Callable[[str, Access | None, BmcSettings], Bmc] = open_bmc
    pause: Callable[[float], None] = time.sleep
    monotonic: Callable[[], float] = time.monotonic

    def run(self, record: MtceHost, verb: str, command_id: str, *, graceful: bool) -> BmcAnswer:
        """Run one command within the protocol's time limits; the answer reports errors of the BMC and its password."""
        try:
            bmc = self.opener(record.bm_type, self._access(record), self.settings)
            power = self._perform(bmc, verb, graceful=graceful)
        except (FlockError, ValueError) as error:
            return BmcAnswer(command_id, False, reason=str(error))
        if verb == "query" and power is PowerState.UNKNOWN:
            unknown = BmcError(address=record.bm_ip or "-", verb="tell its power state",
                               reason="the reply says neither on nor off")
            return BmcAnswer(command_id, False, reason=str(unknown))
        return BmcAnswer(command_id, True, str(power))

    def sensors(self, record: MtceHost, *, powered: bool) -> list[Sample]:
        """Return all sensors of the host; FlockError, ValueError.

        ``powered``: PoweredOff unless the host is on, because without power many sensors are not there.
        """
        bmc = self.opener(record.bm_type, self._access(record), self.settings)
        if powered and bmc.power.state() is PowerState.OFF:
            raise PoweredOff(address=record.bm_ip or "-", verb="show all sensors", reason="the host is powered off")
        return bmc.sensors.read()

    def _access(self, record: MtceHost) -> Access | None:
        if not record.bm_ip or not record.bm_username:
            return None
        owner = sealed_for(record.uuid, record.bm_ip, record.bm_username)
        password = "" if record.bm_secret is None else self.box().unseal(record.bm_secret, owner)
        return Access(record.bm_ip, record.bm_username, password, self.settings.systems.get(record.hostname, ""),
                      record.hostname in self.settings.legacy_boot)

    def _perform(self, bmc: Bmc, verb: str, *, graceful: bool) -> PowerState:
        if verb == "reset" and bmc.power.state() is PowerState.OFF:
            bmc.power.on()
            return PowerState.ON
        power = perform(bmc, verb, graceful=graceful)
        if verb == "power-off" and not graceful:
            wait_until_off(bmc.power.state, self.pause, self.monotonic)
            return PowerState.OFF
        return power
