# SPDX-License-Identifier: Apache-2.0
"""The part of a profile for OSDs: the disks of a host that are OSDs and journals."""
from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sysinv.contract.enums import StorFunction, StorState
from sysinv.model.host import HostRefused, InventoryHost
from sysinv.resources.osd import rules as osds
from sysinv.resources.osd.rules import ClusterView, StorView
from sysinv.resources.profile.body import ProfileStor
from sysinv.resources.profile.storage import HostDisk, match


@dataclass(frozen=True, slots=True)
class HostStors:
    """What a host has of OSDs and journals. ``stors``: by the id of their disk; ``kinds``: types of its disks by id.

    ``tiers``: ids of the tiers of the cluster by name.
    """

    cluster: ClusterView | None = None
    stors: Mapping[int, ProfileStor] = field(default_factory=dict)
    journals: tuple[StorView, ...] = ()
    kinds: Mapping[int, str | None] = field(default_factory=dict)
    tiers: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class NewStor:
    """A disk that becomes an OSD or a journal; ``journal_disk_id``: the disk with the journal of an OSD, None: its own.

    ``journal_size_mib`` is None for a journal disk, and for an OSD of rook-ceph.
    """

    disk_id: int
    device_node: str
    function: StorFunction
    state: StorState
    tier: str = ""
    tier_id: int | None = None
    journal_disk_id: int | None = None
    journal_size_mib: int | None = None

    def document(self) -> dict[str, Any]:
        """Return it as the API shows it in a plan."""
        return {"function": self.function.value, "device_node": self.device_node, "tier_name": self.tier or None,
                "journal_size_mib": self.journal_size_mib}


def taken(source: HostStors) -> tuple[ProfileStor, ...]:
    """Return the OSDs and journals of a host as a profile has them, journals first."""
    return tuple(sorted(source.stors.values(), key=lambda one: (one.function is StorFunction.OSD, one.device_path)))


def planned(name: str, wanted: Sequence[ProfileStor], host: InventoryHost, disks: Collection[HostDisk],
            target: HostStors) -> tuple[NewStor, ...]:
    """Return what becomes an OSD or a journal, journals first; none when the host has it all.

    HostRefused, HostMustBeLocked, StorRefused.
    """
    if len(disks) < len(wanted):
        raise HostRefused(detail=f"Profile {name} needs {len(wanted)} disks; host {host.name} has {len(disks)}.")
    cluster = osds.check_cluster(target.cluster)
    osds.check_host(host, cluster)
    matched = [(one, match(name, one, host, disks)) for one in wanted]
    if len({mine.id for _, mine in matched}) < len(matched):
        raise HostRefused(detail=f"Profile {name} has two disks that are one on host {host.name}.")
    if all(mine.id in target.stors and target.stors[mine.id].function is one.function for one, mine in matched):
        return ()
    return tuple(_new_stors(name, host, matched, target, cluster))


def _new_stors(name: str, host: InventoryHost, matched: Sequence[tuple[ProfileStor, HostDisk]], target: HostStors,
               cluster: ClusterView) -> Iterator[NewStor]:
    state = osds.new_state(host, cluster)
    by_path = {one.device_path: mine for one, mine in matched if one.function is StorFunction.JOURNAL}
    used: Counter[str] = Counter()
    for one, mine in matched:
        osds.check_disk(host, mine.view, one.function, of_host=True, partitions=len(mine.partitions),
                        kind=target.kinds.get(mine.id), is_rook=cluster.is_rook)
        if one.function is StorFunction.JOURNAL:
            yield NewStor(mine.id, mine.view.device_node, one.function, state)
            continue
        if one.tier not in target.tiers:
            raise HostRefused(detail=f"Profile {name} needs storage tier {one.tier}, which the cluster has not.")
        new = NewStor(mine.id, mine.view.device_node, one.function, state, one.tier, target.tiers[one.tier])
        yield new if cluster.is_rook else _with_journal(name, new, one, by_path, used)


def _with_journal(name: str, new: NewStor, one: ProfileStor, by_path: Mapping[str, HostDisk],
                  used: Counter[str]) -> NewStor:
    """Return the OSD with its journal, which takes space on its disk; HostRefused, StorRefused."""
    if one.journal_path and one.journal_path not in by_path:
        raise HostRefused(detail=f"Profile {name} has no journal on disk {one.journal_path}.")
    disk = by_path.get(one.journal_path)
    views = () if disk is None else (StorView(
        0, one.journal_path, StorFunction.JOURNAL, new.state, disk.view.size_mib, used[one.journal_path]),)
    place = osds.journal_place(views, one.journal_path or None, one.journal_size_mib or None)
    used[one.journal_path] += place.size_mib
    return replace(new, journal_disk_id=None if disk is None else disk.id, journal_size_mib=place.size_mib)
