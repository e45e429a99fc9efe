# SPDX-License-Identifier: Apache-2.0
"""Which hosts are treated at the same time."""
from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from patching.core.strategy.parameters import ApplyType
from patching.core.strategy.picture import Picture, PlannedHost

Groups = list[tuple[str, ...]]


def storage(hosts: Sequence[PlannedHost], apply: ApplyType) -> Groups:
    """Storage hosts. In parallel: a host joins the first group that holds no copy of its data."""
    if apply is ApplyType.SERIAL:
        return [(host.hostname,) for host in hosts]
    groups: list[list[PlannedHost]] = []
    for host in hosts:
        fitting = next((group for group in groups if all(
            other.replication_group != host.replication_group for other in group)), None)
        if fitting is None:
            groups.append([host])
        else:
            fitting.append(host)
    return [tuple(host.hostname for host in group) for group in groups]


def workers(picture: Picture, hosts: Sequence[PlannedHost], apply: ApplyType, max_parallel: int) -> Groups:
    """Workers, and controllers that are workers too.

    In parallel, hosts with instances come together only where no anti-affinity group is hit twice and enough of every
    aggregate goes on; with software that needs no reboot, instances do not matter.
    """
    busy = {one.host for one in picture.instances if not one.is_locked}
    if apply is ApplyType.SERIAL:
        order = sorted(hosts, key=lambda host: (host.personality != "controller", host.hostname in busy))
        return [(host.hostname,) for host in order]
    alone = [(host.hostname,) for host in hosts if host.personality == "controller"]
    rest = [host.hostname for host in hosts if host.personality != "controller"]
    if not picture.reboot_required:
        return alone + _chunks(rest, max_parallel)
    idle = [name for name in rest if name not in busy]
    together = _together(picture, [name for name in rest if name in busy], max_parallel, len(rest))
    return alone + _chunks(idle, max_parallel) + together


def _together(picture: Picture, names: Iterable[str], max_parallel: int, workers_total: int) -> Groups:
    apart: dict[str, set[str]] = {}
    for one in picture.instances:
        if not one.is_locked:
            apart.setdefault(one.host, set()).update(one.apart)
    member_of: dict[str, list[str]] = {}
    limit: dict[str, int] = {}
    for aggregate, members in picture.aggregates.items():
        limit[aggregate] = _limit(len(members), max_parallel, workers_total)
        for name in members:
            member_of.setdefault(name, []).append(aggregate)
    groups: list[_Group] = []
    for name in names:
        hit, aggregates = apart.get(name, set()), member_of.get(name, [])
        fitting = next((group for group in groups if group.takes(hit, aggregates, limit, max_parallel)), None)
        if fitting is None:
            fitting = _Group()
            groups.append(fitting)
        fitting.add(name, hit, aggregates)
    return [tuple(group.names) for group in groups]


def _limit(size: int, max_parallel: int, workers_total: int) -> int:
    """How many hosts of an aggregate may be away at once."""
    return 1 if size == 1 else max(1, math.floor(size * min(max_parallel / workers_total, 0.5)))


class _Group:
    def __init__(self) -> None:
        self.names: list[str] = []
        self._apart: set[str] = set()
        self._members: dict[str, int] = {}

    def takes(self, apart: set[str], aggregates: Sequence[str], limit: dict[str, int], most: int) -> bool:
        return (len(self.names) < most and not self._apart & apart
                and all(self._members.get(name, 0) < limit[name] for name in aggregates))

    def add(self, name: str, apart: set[str], aggregates: Sequence[str]) -> None:
        self.names.append(name)
        self._apart |= apart
        for aggregate in aggregates:
            self._members[aggregate] = self._members.get(aggregate, 0) + 1


def _chunks(names: Sequence[str], most: int) -> Groups:
    return [tuple(names[start:start + most]) for start in range(0, len(names), most)]
