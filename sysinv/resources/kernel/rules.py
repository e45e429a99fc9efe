# SPDX-License-Identifier: Apache-2.0
"""Rules of kernel types: what a host's subfunctions say of its kernel, and when an operator may change it."""
from __future__ import annotations

from sysinv.contract.enums import Availability, InvState, KernelType, Subfunction
from sysinv.model.host import HostMustBeLocked, HostRefused, InventoryHost, join_subfunctions, split_subfunctions

CHANGEABLE = ("kernel_provisioned",)


def provisioned(subfunctions: str | None) -> KernelType:
    """Return the kernel that a host with these subfunctions should run."""
    low = Subfunction.LOWLATENCY in split_subfunctions(subfunctions)
    return KernelType.LOWLATENCY if low else KernelType.STANDARD


def with_kernel(subfunctions: str | None, kernel: KernelType) -> str:
    """Return the subfunctions of a host that should run ``kernel``."""
    others = set(split_subfunctions(subfunctions)) - {Subfunction.LOWLATENCY}
    return join_subfunctions(others | {Subfunction.LOWLATENCY} if kernel is KernelType.LOWLATENCY else others)


def check_modify(host: InventoryHost) -> None:
    """Raise HostMustBeLocked or HostRefused when the kernel of the host may not change now."""
    if not host.is_locked:
        raise HostMustBeLocked(detail="Host must be locked.")
    if not host.has_worker_function:
        raise HostRefused(detail="Can only modify worker nodes.")
    if host.inv_state != InvState.INVENTORIED:
        raise HostRefused(detail="Host must have completed initial inventory.")
    if host.availability == Availability.OFFLINE:
        raise HostRefused(detail="Host must not be offline.")
