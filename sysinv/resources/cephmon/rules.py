# SPDX-License-Identifier: Apache-2.0
"""Rules of the monitors of the host-based Ceph cluster."""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from flock.core.errors import Refused
from sysinv.contract.enums import BackendState, BackendType, Personality
from sysinv.model.host import HostMustBeLocked, InventoryHost
from sysinv.model.system import SystemView
from sysinv.resources.cluster.rules import DeploymentModel
from sysinv.resources.osd.rules import ClusterView

GIB_MIN, GIB_MAX = 20, 40
# The storage host that has the third monitor.
STORAGE_MONITOR = "storage-0"
_GIB = 2**30
_NEVER_MADE = frozenset({BackendState.FAILED, BackendState.ON_UNLOCK})


class MonitorRefused(Refused):
    """A rule about monitors refuses a request."""

    code: ClassVar[str] = "sysinv.ceph_mon.refused"


@dataclass(frozen=True, slots=True)
class MonitorView:
    """A monitor: its host, size and state, and what is free in the volume group of the platform there, in bytes."""

    hostname: str
    personality: str
    gib: int
    state: BackendState
    free_bytes: int | None = None


def check_add(host: InventoryHost, system: SystemView, cluster: ClusterView | None,
              present: Sequence[MonitorView]) -> None:
    """Raise MonitorRefused or HostMustBeLocked when the host may not get a monitor."""
    if cluster is None or cluster.backend is not BackendType.CEPH:
        raise MonitorRefused(detail="A ceph storage backend must be added before monitors.")
    if any(one.hostname == host.name for one in present):
        raise MonitorRefused(detail=f"Host {host.name} has a monitor already.")
    if host.personality == Personality.WORKER:
        other = next((one.hostname for one in present if one.personality == Personality.WORKER), None)
        if other is not None:
            raise MonitorRefused(detail=f"Only one worker can have a monitor; that is {other}.")
        if system.is_all_in_one or cluster.model == DeploymentModel.STORAGE_NODES:
            raise MonitorRefused(detail=f"Workers can not have a monitor: the storage deployment model is "
                                        f"{cluster.model}.")
    elif host.name != STORAGE_MONITOR:
        raise MonitorRefused(detail=f"Host {host.name} can not have a monitor. Controllers get theirs with the storage "
                                    f"backend; the third is on a worker or on {STORAGE_MONITOR}.")
    if not host.is_locked:
        raise HostMustBeLocked(detail="Host must be locked.")


def new_size(present: Sequence[MonitorView], gib: int | None) -> int:
    """Return the size of a new monitor: that of the others, unless another is wanted; MonitorRefused."""
    wanted = gib if gib is not None else max([GIB_MIN, *(one.gib for one in present)])
    if not GIB_MIN <= wanted <= GIB_MAX:
        raise MonitorRefused(detail=f"ceph_mon_gib: a monitor has {GIB_MIN} to {GIB_MAX} GiB, not {wanted}.")
    return wanted


def check_resize(one: MonitorView, controllers: Sequence[MonitorView], gib: int) -> None:
    """Raise MonitorRefused when the monitors of the ``controllers``, which are alike, can not have the new size."""
    new_size((), gib)
    if one.personality != Personality.CONTROLLER:
        raise MonitorRefused(detail="ceph_mon_gib: only the monitors of controllers can be resized, together.")
    for other in controllers:
        if gib < other.gib:
            raise MonitorRefused(detail=f"ceph_mon_gib: a monitor can only grow; that of host {other.hostname} has "
                                        f"{other.gib} GiB.")
        if other.state is not BackendState.ON_UNLOCK and other.state is not BackendState.FAILED:
            raise MonitorRefused(detail=f"ceph_mon_gib: the monitor of host {other.hostname} is {other.state}; its "
                                        "size can only be changed before it is made.")
        free = (other.free_bytes or 0) // _GIB
        if gib > free:
            raise MonitorRefused(detail=(
                f"ceph_mon_gib: host {other.hostname} has {free} GiB free in cgts-vg, not {gib}."))


def check_delete(one: MonitorView) -> None:
    """Raise MonitorRefused when the monitor may not be deleted."""
    if one.personality == Personality.CONTROLLER:
        raise MonitorRefused(detail="The monitors of controllers are deleted with their storage backend.")
    if one.state not in _NEVER_MADE:
        raise MonitorRefused(detail=f"The monitor of host {one.hostname} is {one.state}. A monitor can only be deleted "
                                    f"when it is {BackendState.FAILED}, or was not made yet.")
