# SPDX-License-Identifier: Apache-2.0
"""Rules of OSDs and journal disks: which host and disk may have one, where journals lie, what may be deleted."""
from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import ClassVar

from flock.core.errors import Refused
from sysinv.contract.enums import BackendState, BackendType, Personality, StorFunction, StorState
from sysinv.model.host import HostMustBeLocked, InventoryHost
from sysinv.resources.cluster.rules import DeploymentModel, group_hosts, storage_number
from sysinv.resources.partition.rules import DiskView

JOURNAL_MIN_MIB, JOURNAL_MAX_MIB, JOURNAL_DEFAULT_MIB = 200, 10240, 400
# An OSD without a journal disk has its journal on its own disk, as this partition.
OWN_JOURNAL = 2
_FAST = ("SSD", "NVME")
_TABLE_MIB = 2
NEVER_MADE = frozenset({StorState.ON_UNLOCK, StorState.WITH_APP, StorState.CONFIGURING})


class StorRefused(Refused):
    """A rule about OSDs and journals refuses a request."""

    code: ClassVar[str] = "sysinv.stor.refused"


@dataclass(frozen=True, slots=True)
class ClusterView:
    """The cluster that OSDs join: its back end, deployment model, replicas and the names of all storage hosts."""

    backend: BackendType
    state: BackendState
    model: str
    replication: int
    storage_hosts: frozenset[str] = frozenset()

    @property
    def is_rook(self) -> bool:
        """Whether the application rook-ceph makes the OSDs."""
        return self.backend is BackendType.ROOK


@dataclass(frozen=True, slots=True)
class StorView:
    """An OSD or journal of a host; ``disk_mib``: size of its disk; ``journal_mib``: the journals that others have here.

    ``tier``: the id of its tier.
    """

    id: int
    uuid: str
    function: StorFunction
    state: StorState
    disk_mib: int = 0
    journal_mib: int = 0
    journals: int = 0
    tier: int | None = None


@dataclass(frozen=True, slots=True)
class JournalPlace:
    """Where the journal of an OSD lies: its journal disk (None: its own disk) and its size."""

    on: StorView | None
    size_mib: int


def check_cluster(cluster: ClusterView | None) -> ClusterView:
    """Return the cluster; StorRefused when there is none that OSDs could join now."""
    if cluster is None:
        raise StorRefused(detail="A ceph or ceph-rook storage backend must be added before OSDs and journals.")
    if cluster.state is BackendState.CONFIGURING:
        raise StorRefused(detail="The storage backend is still being configured. Retry when that has ended.")
    return cluster


def check_host(host: InventoryHost, cluster: ClusterView) -> None:
    """Raise StorRefused or HostMustBeLocked when the host may not get OSDs and journals now."""
    if not _fits(host, cluster):
        raise StorRefused(detail=f"Host {host.name} can not have OSDs and journals: the storage deployment model is "
                                 f"{cluster.model}.")
    if host.personality == Personality.STORAGE:
        if not host.is_locked:
            raise HostMustBeLocked(detail="Host must be locked.")
        _check_groups(host, cluster)
    elif not host.is_locked and not host.is_enabled:
        raise StorRefused(detail=f"Host {host.name} must be locked, or unlocked and enabled.")


def _fits(host: InventoryHost, cluster: ClusterView) -> bool:
    if cluster.is_rook:
        roles: Collection[bool] = {
            "controller": (host.is_controller,), "dedicated": (host.has_worker_function and not host.is_controller,),
        }.get(cluster.model, (host.is_controller, host.has_worker_function))
        return any(roles)
    if cluster.model == DeploymentModel.STORAGE_NODES:
        return host.personality == Personality.STORAGE
    return host.is_controller


def _check_groups(host: InventoryHost, cluster: ClusterView) -> None:
    """Groups of replicas are filled in order, and hold data only when all their hosts are there."""
    number = storage_number(host.hostname) or 0
    last = max(int(name.rpartition("-")[2]) for name in group_hosts(number, cluster.replication))
    missing = [f"storage-{one}" for one in range(last + 1) if f"storage-{one}" not in cluster.storage_hosts]
    if missing:
        raise StorRefused(detail=(
            f"The replication groups up to that of host {host.name} are not complete. Add host {missing[0]} first."))


def check_disk(host: InventoryHost, disk: DiskView, function: StorFunction, *, of_host: bool, partitions: int,
               kind: str | None, is_rook: bool) -> None:
    """Raise StorRefused when the disk can not become an OSD or a journal. ``kind``: HDD, SSD or NVME."""
    path = disk.device_path
    refusal = None
    if not of_host:
        refusal = f"idisk_uuid: disk {path} belongs to another host."
    elif disk.is_rootfs:
        refusal = f"Cannot use disk {path} for storage: it holds the root file system."
    elif disk.has_osd:
        refusal = f"Cannot use disk {path} for storage: it is used by an OSD or journal already."
    elif disk.has_volume:
        refusal = f"Cannot use disk {path} for storage: it is a physical volume."
    elif partitions:
        refusal = f"Cannot use disk {path} for storage: it has partitions."
    elif function is StorFunction.JOURNAL and is_rook:
        refusal = "function: OSDs of rook-ceph have no journals."
    elif function is StorFunction.JOURNAL and kind not in _FAST:
        refusal = f"function: a journal can only be on an SSD or NVME disk; {path} is {kind or 'of unknown type'}."
    if refusal is not None:
        raise StorRefused(detail=refusal)


def journal_place(journals: Sequence[StorView], location: str | None, size_mib: int | None, own: str | None = None,
                  held_mib: int = 0) -> JournalPlace:
    """Return where the journal of an OSD lies; StorRefused.

    ``journals``: the journal disks of its host; ``own``: uuid of the OSD itself, which means its own disk;
    ``held_mib``: what its journal has on the given disk already.
    """
    size = JOURNAL_DEFAULT_MIB if size_mib is None else size_mib
    if not JOURNAL_MIN_MIB <= size <= JOURNAL_MAX_MIB:
        raise StorRefused(detail=(
            f"journal_size_mib: a journal has {JOURNAL_MIN_MIB} to {JOURNAL_MAX_MIB} MiB, not {size}."))
    if location is None and len(journals) > 1:
        raise StorRefused(detail="journal_location: the host has several journals; give the uuid of one.")
    if (location is None and not journals) or (location is not None and location == own):
        return JournalPlace(None, size)
    found = next((one for one in journals if location in (None, one.uuid)), None)
    if found is None:
        raise StorRefused(detail="journal_location: the host has no journal of that uuid.")
    left = found.disk_mib - _TABLE_MIB - found.journal_mib + held_mib
    if size > left:
        raise StorRefused(detail=f"journal_size_mib: the journal disk has {max(left, 0)} MiB left, not {size}.")
    return JournalPlace(found, size)


def new_state(host: InventoryHost, cluster: ClusterView) -> StorState:
    """Return the state of a new OSD or journal."""
    if cluster.is_rook:
        return StorState.WITH_APP
    return StorState.ON_UNLOCK if host.is_locked else StorState.CONFIGURING


def next_osdid(taken: Collection[int]) -> int:
    """Return the smallest number that no OSD has."""
    used = set(taken)
    return next(number for number in range(len(used) + 1) if number not in used)


def deleted_state(host: InventoryHost, stor: StorView, cluster: ClusterView, *, simplex: bool, in_tier: int,
                  force: bool) -> StorState | None:
    """Return the new state of an OSD or journal that is deleted, None when its row is removed at once.

    ``in_tier``: OSDs of its tier that are made, itself included. StorRefused, HostMustBeLocked.
    """
    if stor.journals:
        raise StorRefused(detail=f"The journal is used by {stor.journals} OSDs. Delete or move them first.")
    if cluster.is_rook:
        if stor.state in NEVER_MADE:
            return None
        return StorState.FORCE_DELETING_WITH_APP if force else StorState.DELETING_WITH_APP
    if not host.is_locked:
        raise HostMustBeLocked(detail="Host must be locked.")
    if simplex and stor.function is StorFunction.OSD and stor.state not in NEVER_MADE:
        if in_tier < 2:
            raise StorRefused(detail="The only OSD of its tier can not be deleted on a simplex system.")
        if cluster.replication < 2:
            raise StorRefused(detail="An OSD can not be deleted while pools have one replica: data would be lost.")
    return None
