# SPDX-License-Identifier: Apache-2.0
"""Pure decisions of a host's boot: its stages, its boot device, and what follows when its system ends."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

NSPAWN_REBOOT = 133  # exit status of systemd-nspawn when the host reboots


class Stage(StrEnum):
    """Stage of a host; `crashed` and `hung` hosts have power, `fault` means that the lab itself failed."""

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
    """Boot device of a host."""

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
    """Return the device to boot and the remaining override: the override first, then a bootable disk, then the network.

    An empty disk falls through to the network, as in a real boot order; so does a cd, because this firmware cannot run
    a boot image.
    """
    left = NO_OVERRIDE if override.once else override
    wants_network = override.target == "pxe"
    if bootable and not wants_network:
        return Device.DISK, left
    return Device.NETWORK, left


def after_exit(status: int | None) -> After:
    """Return what follows when the host's system ended with nspawn's exit `status` (None: status unknown)."""
    if status == 0:
        return After.POWER_OFF
    if status == NSPAWN_REBOOT:
        return After.BOOT
    return After.CRASHED


def poll_interval_ms(polls: int) -> int:
    """Return the pause before the next poll of the boot file: 1 s at first, growing to 3 s."""
    return min(3000, 1000 + 250 * max(0, polls - 4))


def retry_interval_ms(failures: int) -> int:
    """Return the pause after the n-th failed network boot or installation in a row: 1, 2, 4, then 8 s."""
    return 1000 << min(3, max(0, failures - 1))


def shown_stage(stage: Stage, hung: bool) -> Stage:
    """Return the stage to show: a frozen host is hung in any stage."""
    return Stage.HUNG if hung else stage
