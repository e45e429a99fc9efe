# SPDX-License-Identifier: Apache-2.0
"""Pure comparison of a host's file systems with its reports: which it should have, and what it has."""
from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sysinv.contract.enums import FilesystemState as State
from sysinv.db.reported import Change
from sysinv.model.filesystem import GIB_MIB, SIZE_MAX_GIB
from sysinv.resources.hostfilesystem import rules
from sysinv.resources.hostfilesystem.report import FilesystemReport


def missing(personality: str | None, present: Iterable[str]) -> list[dict[str, Any]]:
    """Return rows of the file systems that a host of this personality always has, without those that are present."""
    have = set(present)
    return [{"name": name, "size": size, "logical_volume": rules.logical_volume(name), "state": State.IN_USE.value,
             "capabilities": rules.new_capabilities(name)}
            for name, size in rules.ALWAYS.get(personality or "", {}).items() if name not in have]


def reported_change(stored: Sequence[Mapping[str, Any]], reported: Sequence[FilesystemReport], *, installing: bool,
                    has_group: bool, partial: bool) -> Change:
    """Compare. A report never makes a file system nor removes one: both are decisions of operators.

    ``installing``: the host has a new installation. There, what its volume group lacks is made at the unlock.
    """
    found = {one.volume: one for one in reported}
    change = Change()
    for row in stored:
        report = found.get(row["logical_volume"])
        if report is None and partial:
            continue
        values = _present(report) | _size(row, report)
        made = installing and has_group and report is None and row["name"] not in rules.FROM_INSTALLATION
        if made and row["state"] in (State.IN_USE, State.READY, State.ERROR):
            values |= {"state": State.CREATING_ON_UNLOCK.value, "error": None}
        changed = {name: value for name, value in values.items() if row[name] != value}
        if changed:
            change.update[row["id"]] = changed
    return change


def _present(report: FilesystemReport | None) -> dict[str, Any]:
    if report is None:
        return {"present_mib": 0, "free_mib": None, "mounted": False}
    return {"present_mib": report.size_mib, "free_mib": report.free_mib if report.mounted else None,
            "mounted": report.mounted}


def _size(row: Mapping[str, Any], report: FilesystemReport | None) -> dict[str, Any]:
    """Follow the size that the host has, unless it is going to get another one: no operator's wish is overwritten."""
    if report is None or row["state"] not in (State.IN_USE, State.READY):
        return {}
    return {"size": max(1, min(report.size_mib // GIB_MIB, SIZE_MAX_GIB))}
