# SPDX-License-Identifier: Apache-2.0
"""Declarations of agents' reports by resources, and the scan that finds them.

A resource has ``sysinv/resources/<noun>/report.py`` with its record and ``REPORT``; its ``service.py`` has
``take_report``, which stores the items of one host.
"""
from __future__ import annotations

import functools
import operator
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from enum import StrEnum
from graphlib import TopologicalSorter
from typing import Any, ClassVar

from flock.core import slices
from flock.core.errors import Refused

RESOURCES = "sysinv.resources"
ITEMS_MAX = 8192
NUMA_UNKNOWN = -1
# What an integer column holds.
NUMBER_MAX = 2**31 - 1
# A row of these is changed alone, and a host with all of them must not hold its lock for long.
PORTS_MAX = 1024
# Linux numbers NUMA nodes below this. Each makes a row, which stays.
NODES_MAX = 1024


class Source(StrEnum):
    """Which root a collector reads."""

    SYSTEM = "system"        # the running machine
    HARDWARE = "hardware"    # the same, or the recording of another machine in its place


class UnknownReport(Refused):
    """The conductor has no resource of that kind, because it is older than the agent."""

    code: ClassVar[str] = "sysinv.report.unknown"
    http: ClassVar[int] = 404
    text: ClassVar[str] = "This conductor does not know reports of kind {kind}. Upgrade it to the release of the agent."


@dataclass(frozen=True, slots=True)
class Report:
    """Report of one resource: a list of records for all of the host's items of that resource.

    ``kind`` is its name on the bus; ``collector`` a module with ``collect(*roots) -> list[record]``, called with the
    roots ``sources``. ``after`` names the kinds that must be stored before this one in the first reports after a boot.
    ``aliases`` are further names that a request for an update may use. ``key`` returns the identity of an item; of two
    items with the same key the first counts, and a number is from 0 to ``key_max``. ``tells_more(old, new)`` decides
    whether a changed item is reported. ``of_boot``: the collector also takes ``after_install`` and ``first_report``,
    and an acknowledged report marks this boot as known to the conductor.
    """

    kind: str
    record: type
    collector: str
    sources: tuple[Source, ...] = (Source.HARDWARE,)
    after: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    key: Callable[[Any], Hashable] | None = None
    key_max: int = NUMBER_MAX
    tells_more: Callable[[Any, Any], bool] = operator.ne
    items_max: int = ITEMS_MAX
    of_boot: bool = False


def in_order(declared: list[Report]) -> dict[str, Report]:
    """Return reports by kind, ordered by ``after``; ValueError for a kind that is declared twice or not at all."""
    by_kind = {report.kind: report for report in declared}
    if len(by_kind) != len(declared):
        raise ValueError(f"a kind of report is declared twice: {sorted(report.kind for report in declared)}")
    unknown = {kind for report in declared for kind in report.after} - by_kind.keys()
    if unknown:
        raise ValueError(f"reports go after kinds that nobody declares: {sorted(unknown)}")
    order = TopologicalSorter({report.kind: report.after for report in sorted(declared, key=lambda one: one.kind)})
    return {kind: by_kind[kind] for kind in order.static_order()}


@functools.cache
def reports() -> dict[str, Report]:
    """Return the ``REPORT`` of every resource that has a ``report.py``, in the order of a boot's first reports."""
    return in_order([module.REPORT for module in slices.modules(RESOURCES, "report")])
