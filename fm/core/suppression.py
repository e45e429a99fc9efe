# SPDX-License-Identifier: Apache-2.0
"""Compares the catalogue with the stored suppression rows: which to insert, refresh, mark for deletion and delete."""
from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from fm.contract.catalogue import Entry

DESCRIPTION_MAX = 250


@dataclass(frozen=True, slots=True)
class SuppressionRow:
    """The fields of a stored suppression entry that the comparison needs."""

    alarm_id: str
    description: str
    mgmt_affecting: str
    degrade_affecting: str
    set_for_deletion: bool


@dataclass(frozen=True, slots=True)
class SyncPlan:
    """``inserted`` and ``refreshed`` carry the new values; ``marked`` ids left the catalogue but are still in use."""

    inserted: tuple[SuppressionRow, ...]
    refreshed: tuple[SuppressionRow, ...]
    marked: tuple[str, ...]
    deleted: tuple[str, ...]


def wanted_row(entry: Entry) -> SuppressionRow:
    """The row for an alarm entry of the catalogue; cuts a long description."""
    text = entry.description
    description = text if len(text) <= DESCRIPTION_MAX else text[:DESCRIPTION_MAX] + " ..."
    return SuppressionRow(entry.alarm_id, description, entry.mgmt_affecting_severity,
                          entry.degrade_affecting_severity, False)


def plan_sync(entries: Iterable[Entry], stored: Iterable[SuppressionRow], in_use: Collection[str]) -> SyncPlan:
    """Compare the catalogue's alarms with the stored rows; ``in_use`` are ids of active and held alarms and of alarm
    events."""
    wanted = {entry.alarm_id: wanted_row(entry) for entry in entries}
    present = {row.alarm_id: row for row in stored}
    gone = sorted(set(present) - set(wanted))
    return SyncPlan(
        inserted=tuple(row for alarm_id, row in sorted(wanted.items()) if alarm_id not in present),
        refreshed=tuple(row for alarm_id, row in sorted(wanted.items())
                        if alarm_id in present and present[alarm_id] != row),
        marked=tuple(alarm_id for alarm_id in gone if alarm_id in in_use and not present[alarm_id].set_for_deletion),
        deleted=tuple(alarm_id for alarm_id in gone if alarm_id not in in_use))
