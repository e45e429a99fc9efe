# SPDX-License-Identifier: Apache-2.0
"""Hiera data of service parameters.

A value that is the default is left out: the program has the same one by itself, and a file of the host may have
another.
"""
from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy.engine import Connection

from sysinv.config.hiera import Plugin, PuppetClass
from sysinv.db.lookup import Row
from sysinv.resources.serviceparameter import store
from sysinv.resources.serviceparameter.catalogue import schema
from sysinv.resources.serviceparameter.service import is_owned

RANK = 80


def data_of(rows: Iterable[Row]) -> dict[str, Any]:
    """Return the keys of the parameters."""
    found: dict[str, Any] = {}
    for row in rows:
        if row["resource"]:
            # A newer release may have a class of that name.
            if not is_owned(row["resource"]):
                found[row["resource"]] = row["value"]
            continue
        section, known = schema().get(row["service"], {}).get(row["section"]), store.definition_of(row)
        if section is None or known is None:
            continue
        if section.collect is not None:
            found.setdefault(section.collect, {})[row["name"]] = row["value"]
        elif known.key is not None and row["value"] != known.default:
            found[known.key] = int(row["value"]) if known.rule.kind == "integer" else row["value"]
    return found


def _system(conn: Connection) -> dict[str, Any]:
    return data_of(row for row in store.every(conn) if not row["personality"])


def _host(conn: Connection, host: Row) -> dict[str, Any]:
    return data_of(of_host(store.every(conn), host["personality"]))


def of_host(rows: Sequence[Row], personality: str | None) -> list[Row]:
    """Return the parameters of one personality. Where a section becomes one mapping, those of all hosts too, because
    hiera takes the mapping of the host in place of that of the system."""
    own = [row for row in rows if personality and row["personality"] == personality]
    sections = {(row["service"], row["section"]) for row in own}
    return [row for row in rows if not row["personality"] and not row["resource"] and _collects(row)
            and (row["service"], row["section"]) in sections] + own


def _collects(row: Row) -> bool:
    section = schema().get(row["service"], {}).get(row["section"])
    return section is not None and section.collect is not None


def _classes() -> tuple[PuppetClass, ...]:
    found: dict[str, PuppetClass] = {}
    for sections in schema().values():
        for section in sections.values():
            for name in section.classes:
                found[name] = PuppetClass(name, section.personalities, RANK, (f"{name}::params",))
    return tuple(found.values())


PLUGIN = Plugin(classes=_classes(), system=_system, host=_host)
