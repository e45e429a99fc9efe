# SPDX-License-Identifier: Apache-2.0
"""A host's life as pure decisions: its stages, what it boots from, what follows its system's end."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

NSPAWN_REBOOT = 133  # the exit status by which systemd-nspawn asks to be started again


class Stage(StrEnum):
    """Where a host is; `crashed` and `hung` hosts have power, `fault` means that the lab itself could not go on."""

    OFF = "off"
    FIRMWARE = "firmware"
    WAITING = "waiting"
    INSTALLING = "installing"
    INSTALL_FAILED = "install-failed"
    BOOTING = "booting"
    UP = "up"
    HUNG = "hung"
    CRASHED = "crashed"
    FAULT = "fault"


RUNNING = frozenset({Stage.BOOTING, Stage.UP})
SETTLED = frozenset({Stage.UP, Stage.WAITING, Stage.OFF, Stage.CRASHED, Stage.FAULT, Stage.INSTALL_FAILED})


class Device(StrEnum):
    """What a host can boot from."""

    DISK = "disk"
    NETWORK = "network"


class After(StrEnum):
    """What follows the end of a host's system."""

    POWER_OFF = "power-off"
    BOOT = "boot"
    CRASHED = "crashed"


@dataclass(frozen=True, slots=True)
class Override:
    """A boot override of the management controller: `target` none, pxe, hdd or cd; `once`: for one boot."""

    target: str = "none"
    once: bool = True


NO_OVERRIDE = Override()


def choose_device(override: Override, bootable: bool) -> tuple[Device, Override]:
    """What to boot now, and the override that is left: the override first, then a bootable disk, then the network.

    A disk that holds nothing falls through to the network, as a real boot order does; so does a cd, since this
    firmware cannot run a boot image.
    """
    left = NO_OVERRIDE if override.once else override
    wants_network = override.target == "pxe"
    if bootable and not wants_network:
        return Device.DISK, left
    return Device.NETWORK, left


def after_exit(status: int | None) -> After:
    """What follows when the host's system ended with nspawn's exit `status` (None: nobody saw it end)."""
    if status == 0:
        return After.POWER_OFF
    if status == NSPAWN_REBOOT:
        return After.BOOT
    return After.CRASHED


def poll_interval_ms(polls: int) -> int:
    """Pause before the next look at the boot file: 1 s at first, growing to 3 s."""
    return min(3000, 1000 + 250 * max(0, polls - 4))


def retry_interval_ms(failures: int) -> int:
    """Pause after the n-th failed attempt in a row to boot or install from the network: 1, 2, 4, then 8 s."""
    return 1000 << min(3, max(0, failures - 1))


def shown_stage(stage: Stage, hung: bool) -> Stage:
    """The stage a person sees: a frozen host is hung whatever it was doing."""
    return Stage.HUNG if hung else stage
