# SPDX-License-Identifier: Apache-2.0
"""What a change of the configured rows means for the running system: what starts, stops, restarts or moves."""
from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any

from sm.catalogue.build import catalogue
from sm.catalogue.rows import Configured, key_of, tables
from sm.core.model import Catalogue, GroupSpec, ServiceSpec


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One field of one row, before and after as text; None: the row is not there."""

    table: str
    row: str
    field: str
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True)
class Move:
    """A group that is placed anew, or a service that changes its group; before and after in words."""

    name: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Difference:
    """Services that start, stop and restart where their group is active; what moves; every changed field."""

    starts: tuple[str, ...] = ()
    stops: tuple[str, ...] = ()
    restarts: tuple[str, ...] = ()
    moves: tuple[Move, ...] = ()
    changes: tuple[FieldChange, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.changes)


def difference(before: Configured, after: Configured) -> Difference:
    """What it takes to get from one to the other."""
    old, new = catalogue(before), catalogue(after)
    both = [name for name in old.services if name in new.services]
    return Difference(
        starts=tuple(name for name in new.services if name not in old.services),
        stops=tuple(name for name in old.services if name not in new.services),
        restarts=tuple(name for name in both if _runs_as(old.services[name]) != _runs_as(new.services[name])),
        moves=tuple(_moves(old, new)),
        changes=tuple(_changes(before, after)))


def lines(found: Difference) -> Iterator[str]:
    """The difference as sentences, for the operator."""
    for verb, names in (("starts", found.starts), ("stops", found.stops), ("restarts", found.restarts)):
        for name in names:
            yield f"{verb}: {name}"
    for move in found.moves:
        yield f"moves: {move.name}, from {move.before} to {move.after}"
    for change in found.changes:
        place = " ".join(part for part in (change.table, change.row, change.field) if part)
        yield f"changes: {place}: {_shown(change.before)} -> {_shown(change.after)}"


def _shown(text: str | None) -> str:
    return "(none)" if text is None else repr(text)


def _runs_as(spec: ServiceSpec) -> Any:
    """What the running service was started with. Time limits, audits and limits of failures are not part of it."""
    executed = {action: (row.plugin, row.provider, row.name, row.command, dict(row.parameters))
                for action, row in spec.actions.items() if not row.interval_s}
    return executed, dict(spec.parameters), spec.instance


def _moves(old: Catalogue, new: Catalogue) -> Iterator[Move]:
    for name, group in new.groups.items():
        if name in old.groups and _placement(old.groups[name]) != _placement(group):
            yield Move(name, _placement(old.groups[name]), _placement(group))
    owners = ({member.service: group.name for group in one.groups.values() for member in group.members}
              for one in (old, new))
    before, after = owners
    for service, owner in after.items():
        if before.get(service, owner) != owner:
            yield Move(service, before[service], owner)


def _placement(group: GroupSpec) -> str:
    together = f" in {group.aggregate}" if group.aggregate else ""
    wanted = f" on {', '.join(group.preferred)} if possible" if group.preferred else ""
    return f"{group.model} {group.n_active}/{group.m_standby}{together}{wanted}"


def _changes(before: Configured, after: Configured) -> Iterator[FieldChange]:
    old, new = tables(before), tables(after)
    for table, rows in new.items():
        was = {key_of(row): row for row in old[table]}
        now = {key_of(row): row for row in rows}
        for key in was:
            if key not in now:
                yield FieldChange(table, " ".join(key), "", _summary(was[key]), None)
        for key, row in now.items():
            if key not in was:
                yield FieldChange(table, " ".join(key), "", None, _summary(row))
                continue
            for item in fields(row):
                one, other = getattr(was[key], item.name), getattr(row, item.name)
                if one != other:
                    yield FieldChange(table, " ".join(key), item.name, as_text(one), as_text(other))


def _summary(row: Any) -> str:
    return " ".join(f"{item.name}={as_text(getattr(row, item.name))}" for item in fields(row)
                    if item.name not in row.KEY)


def as_text(value: Any) -> str:
    """A field as the operator reads it: ``yes``, ``ip=192.168.204.1,nic=eth0``, ``none`` where nothing is said."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        return ",".join(f"{key}={text}" for key, text in value.items())
    return "none" if value is None else str(value)
