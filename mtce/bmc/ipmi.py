# SPDX-License-Identifier: Apache-2.0
"""IPMI 2.0 (RMCP+) through ipmitool; passes the password in a private file that exists only during the command."""
from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass

from flock.core.errors import FlockError
from flock.exec.process import Completed, run
from mtce.bmc.interfaces import Access, BmcError, PowerState
from mtce.core.sensors import ipmi as listed
from mtce.core.sensors.samples import Sample

OUTPUT_MAX_BYTES = 256 * 1024
REASON_MAX_CHARS = 200
# ipmitool first complains about missing local files, whatever error of the BMC follows.
_NOISE = ("iana pen registry", "warning", "using best available cipher suite", "running get")


@dataclass(frozen=True, slots=True)
class IpmiSettings:
    """Transport of IPMI. ``cipher_suite`` None lets ipmitool negotiate, which takes seconds on old BMCs.

    ``sensors_timeout_s``: some BMCs need more than a minute for all their sensors.
    """

    port: int = 623
    cipher_suite: int | None = None
    timeout_s: float = 30.0
    retries: int = 1
    sensors_timeout_s: float = 100.0


class Ipmi:
    """Runs ipmitool against one BMC."""

    def __init__(self, access: Access, settings: IpmiSettings) -> None:
        self._access = access
        self._settings = settings

    def command(self, verb: str, *words: str) -> str:
        """Return the output of one ipmitool command; BmcError names ``verb``."""
        return self._command(verb, self._settings.timeout_s, *words)

    def sensor_list(self) -> str:
        """Return the output of ``sensor list``."""
        return self._command("list its sensors", self._settings.sensors_timeout_s, "sensor", "list")

    def _command(self, verb: str, timeout_s: float, *words: str) -> str:
        descriptor, path = tempfile.mkstemp(prefix="bmc-")
        try:
            with os.fdopen(descriptor, "w") as stream:
                stream.write(self._access.password)
            argv = ["ipmitool", "-I", "lanplus", "-R", str(self._settings.retries), "-H", self._access.address,
                    "-p", str(self._settings.port), "-U", self._access.username, "-f", path]
            if self._settings.cipher_suite is not None:
                argv += ["-C", str(self._settings.cipher_suite)]
            done = run([*argv, *words], timeout_s=timeout_s, check=False,
                       output_max_bytes=OUTPUT_MAX_BYTES)
        except FlockError as error:
            raise BmcError(address=self._access.address, verb=verb, reason=str(error)) from error
        finally:
            os.unlink(path)
        if done.rc != 0:
            raise BmcError(address=self._access.address, verb=verb, reason=reason_of(done))
        return done.out

    def confirmed(self, verb: str, expected: str, *words: str) -> None:
        """Run a command; BmcError unless its output confirms it."""
        out = self.command(verb, *words)
        if expected.lower() not in out.lower():
            raise BmcError(address=self._access.address, verb=verb, reason=f"unexpected answer {out.strip()[:100]!r}")


def reason_of(done: Completed) -> str:
    """Return why ipmitool failed: its output without warnings, on one line of at most 200 characters."""
    told = [line.strip() for text in (done.err, done.out) for line in text.splitlines() if line.strip()]
    reasons = [line for line in told if not line.lower().startswith(_NOISE)]
    return "; ".join(reasons or told)[:REASON_MAX_CHARS] or f"ipmitool ended with status {done.rc} and no message"


class IpmiPower:
    """Chassis power commands."""

    def __init__(self, ipmi: Ipmi) -> None:
        self._ipmi = ipmi

    def state(self) -> PowerState:
        """Run ``chassis power status``."""
        out = self._ipmi.command("tell its power state", "chassis", "power", "status").strip().lower()
        states = {"chassis power is on": PowerState.ON, "chassis power is off": PowerState.OFF}
        return states.get(out, PowerState.UNKNOWN)

    def on(self) -> None:
        """Run ``chassis power on``."""
        self._ipmi.confirmed("switch on", "Up/On", "chassis", "power", "on")

    def off(self, *, graceful: bool) -> None:
        """Run ``chassis power soft`` or ``off``; does nothing when the host is off."""
        if self.state() is PowerState.OFF:
            return
        if graceful:
            self._ipmi.confirmed("shut down", "Soft", "chassis", "power", "soft")
        else:
            self._ipmi.confirmed("switch off", "Down/Off", "chassis", "power", "off")

    def reset(self, *, graceful: bool) -> None:
        """Run ``chassis power reset``; IPMI has no graceful form."""
        self._ipmi.confirmed("reset", "Reset", "chassis", "power", "reset")


class IpmiBoot:
    """Boot device selection. ``legacy``: the host's firmware is a BIOS.

    Without ``efiboot`` a UEFI host tries a BIOS network boot, which many no longer support.
    """

    def __init__(self, ipmi: Ipmi, *, legacy: bool = False) -> None:
        self._ipmi = ipmi
        self._options = () if legacy else ("options=efiboot",)

    def network_once(self) -> None:
        """Run ``chassis bootdev pxe``, valid for the next boot."""
        self._ipmi.confirmed("accept a network boot", "pxe", "chassis", "bootdev", "pxe", *self._options)


class IpmiSensors:
    """Sensors by ``sensor list``."""

    def __init__(self, ipmi: Ipmi) -> None:
        self._ipmi = ipmi

    def read(self) -> list[Sample]:
        """Return the analog sensors."""
        return listed.parse(self._ipmi.sensor_list())
