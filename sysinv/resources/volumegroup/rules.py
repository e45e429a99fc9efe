# SPDX-License-Identifier: Apache-2.0
"""Rules for adding and deleting volume groups."""
from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any, ClassVar

from flock.core.errors import Conflict
from sysinv.contract.enums import Personality, VolumeState
from sysinv.model.host import HostMustBeLocked, HostRefused, InventoryHost

PLATFORM_GROUP, NOVA_LOCAL, CINDER = "cgts-vg", "nova-local", "cinder-volumes"
# A file system of hosts for the same purpose as nova-local.
INSTANCES = "instances"
CSI, TYPES = "lvm-csi", ("thick", "thin")
FUNCTION, TYPE = "lvm_function", "lvm_type"
# What LVM itself permits, without names that look like options or directories.
_NAME = re.compile(r"(?![-.])[A-Za-z0-9+_.-]{1,64}")


class GroupExists(Conflict):
    """The host has a volume group of that name."""

    code: ClassVar[str] = "sysinv.volume_group.exists"


def check_add(host: InventoryHost, name: str, capabilities: Mapping[str, Any], present: Collection[str],
              filesystems: Collection[str] = ()) -> None:
    """Raise HostRefused, HostMustBeLocked or GroupExists when the host may not get the group ``name``.

    ``filesystems``: names of the host's own file systems.
    """
    if host.personality not in (Personality.CONTROLLER, Personality.WORKER):
        raise HostRefused(detail="Volume groups can only be added on controller and worker hosts.")
    if _NAME.fullmatch(name) is None:
        raise HostRefused(detail="lvm_vg_name: letters, digits and + _ . - only, not beginning with - or .")
    if name == PLATFORM_GROUP:
        raise HostRefused(detail=f"Volume group {PLATFORM_GROUP} exists on every host and can not be added.")
    function = capabilities.get(FUNCTION)
    if name not in (NOVA_LOCAL, CINDER) and function != CSI:
        raise HostRefused(detail=f"Volume group {name} is not supported: use {NOVA_LOCAL}, {CINDER}, or any name with "
                                 f"{FUNCTION} {CSI}.")
    if name in (NOVA_LOCAL, CINDER) and function is not None:
        raise HostRefused(detail=f"Volume group {name} can not have {FUNCTION} {CSI}.")
    if function == CSI and capabilities.get(TYPE) not in TYPES:
        raise HostRefused(detail=f"{TYPE}: a group for {CSI} needs one of {', '.join(TYPES)}.")
    if name == CINDER and not host.is_controller:
        raise HostRefused(detail=f"Volume group {CINDER} can only be added on controllers.")
    if name == NOVA_LOCAL and not host.has_worker_function:
        raise HostRefused(detail=f"Volume group {NOVA_LOCAL} can only be added on hosts with worker function.")
    if name == NOVA_LOCAL and INSTANCES in filesystems:
        raise HostRefused(detail=f"Volume group {NOVA_LOCAL} can not be added: host {host.name} has file system "
                                 f"{INSTANCES}, which serves the same purpose.")
    check_locked(host, name)
    if name in present:
        raise GroupExists(detail=f"Volume group {name} already exists on host {host.name}.")


def check_delete(host: InventoryHost, name: str, state: str) -> None:
    """Raise HostRefused or HostMustBeLocked when the group may not be deleted."""
    if name == PLATFORM_GROUP:
        raise HostRefused(detail=f"Volume group {PLATFORM_GROUP} can not be deleted.")
    check_locked(host, name)
    check_settled(name, state)


def check_locked(host: InventoryHost, name: str) -> None:
    """Raise HostMustBeLocked for a group whose volumes instances use while the host is unlocked."""
    if name == NOVA_LOCAL and not host.is_locked:
        raise HostMustBeLocked(detail=f"Host must be locked to change volume group {NOVA_LOCAL}.")


def check_settled(name: str, state: str) -> None:
    """Raise HostRefused while the host removes the group, or makes it."""
    if state == VolumeState.REMOVING:
        raise HostRefused(detail=f"Volume group {name} is being removed.")
    if state == VolumeState.PROVISIONING:
        raise HostRefused(detail=f"Volume group {name} is being provisioned.")
