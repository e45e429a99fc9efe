# SPDX-License-Identifier: Apache-2.0
"""Use cases of service parameters: add, change, delete, apply."""
from __future__ import annotations

import functools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from flock.db import Database, DuplicateEntry
from sysinv import puppet
from sysinv.config import hiera, ordering
from sysinv.config.ordering import Change
from sysinv.db.lookup import Row
from sysinv.resources.serviceparameter import rules, store
from sysinv.resources.serviceparameter.catalogue import schema
from sysinv.resources.serviceparameter.rules import Effect, ParameterExists, ParameterRefused, Section
from sysinv.resources.system.table import I_SYSTEM

MODULES = Path(puppet.__file__).parent / "modules"
PARAMETERS_MAX = 256


class ServiceParameterService:
    """The parameters of services."""

    def __init__(self, db: Database, kernel: Path = Path("/proc/sys")) -> None:
        self._db = db
        self._kernel = kernel

    def add(self, body: Mapping[str, Any]) -> list[Row]:
        """Add the parameters of a request, all or none; ParameterRefused, ParameterExists."""
        section = rules.section_of(schema(), body.get("service"), body.get("section"))
        given = _texts(body.get("parameters"))
        personality, resource = body.get("personality") or None, body.get("resource") or None
        if personality or resource:
            rules.check_custom(personality, resource, len(given), is_owned=is_owned)
        for name, value in given.items():
            self._check(section, name, value, resource)

        def work(conn: Connection) -> list[Row]:
            _lock(conn)
            rows = []
            for name, value in given.items():
                try:
                    rows.append(store.insert(conn, {
                        "service": section.service, "section": section.name, "name": name, "value": value,
                        "personality": personality or "", "resource": resource or ""}))
                except DuplicateEntry:
                    raise ParameterExists(service=section.service, section=section.name, name=name) from None
            self._order(conn, section, personality, resource)
            return store.as_seen(conn, rows)

        return self._db.transact(work)

    def change(self, uuid: str, changes: Mapping[str, Any]) -> Row:
        """Give a parameter another value; ItemNotFound, ParameterRefused, ParameterExists."""

        def work(conn: Connection) -> Row:
            _lock(conn)
            row = store.found(conn, uuid)
            if changes.get("name", row["name"]) != row["name"]:
                raise ParameterRefused(detail=f"name: the name of parameter {row['name']} can not be changed.")
            personality = (changes.get("personality", row["personality"]) or "")
            resource = (changes.get("resource", row["resource"]) or "")
            section = rules.section_of(schema(), row["service"], row["section"])
            if personality or resource:
                rules.check_custom(personality or None, resource or None, 1, is_owned=is_owned)
            value = changes.get("value", row["value"])
            self._check(section, row["name"], value or "", resource)
            after = {"value": value, "personality": personality, "resource": resource}
            if any(row[name] != one for name, one in after.items()):
                try:
                    store.write(conn, row, after)
                except DuplicateEntry:
                    raise ParameterExists(service=row["service"], section=row["section"], name=row["name"]) from None
                for where in dict.fromkeys([row["personality"], personality]):
                    self._order(conn, section, where or None, resource or None)
            return store.as_seen(conn, [store.found(conn, uuid)])[0]

        return self._db.transact(work)

    def delete(self, uuid: str) -> None:
        """Delete a parameter; ItemNotFound, ParameterRefused."""

        def work(conn: Connection) -> None:
            _lock(conn)
            row = store.found(conn, uuid)
            section = schema().get(row["service"], {}).get(row["section"])
            if not (row["personality"] or row["resource"]):
                rules.check_delete(section, row["name"])
            store.delete(conn, row["id"])
            if section is not None:
                self._order(conn, section, row["personality"] or None, row["resource"] or None)

        self._db.transact(work)

    def apply(self, service: str | None, section: str | None) -> None:
        """Have hosts carry out what was changed in a section, or in all of a service; ParameterRefused."""
        known = rules.sections_of(schema(), service)
        chosen = [rules.section_of(schema(), service, section)] if section else list(known.values())
        with self._db.writer() as conn:
            _lock(conn)
            for one in chosen:
                rules.check_section(one, store.values_of(conn, one.service, one.name))
            for one in chosen:
                if one.classes and (section or one.effect is Effect.APPLY):
                    ordering.release(conn, [one.reason])
                    ordering.order(conn, Change(one.reason, one.classes, personalities=one.personalities))

    def _check(self, section: Section, name: str, value: str, resource: str | None) -> None:
        if resource:
            _check_custom_value(name, value)
            return
        rules.check_value(section, name, value)
        if section.check == "sysctl" and not (self._kernel / _path_of(name)).is_file():
            raise ParameterRefused(detail=f"{name}: the kernel has no such setting.")

    def _order(self, conn: Connection, section: Section, personality: str | None, resource: str | None) -> None:
        """Order a change. Nothing of the platform reads a resource, so it is only part of the hosts' data."""
        if section.effect is Effect.STORED or resource:
            return
        ordering.order(conn, Change(
            section.reason, section.classes, held=section.effect is Effect.APPLY,
            personalities=section.personalities if personality is None else (personality,)))


def is_owned(resource: str) -> bool:
    """Return whether a hiera key belongs to a class of the product."""
    return resource.rpartition("::")[0] in product_classes()


@functools.cache
def product_classes() -> frozenset[str]:
    """Return the names of the product's Puppet classes, with parameters or without."""
    found = set(hiera.prefixes(hiera.known_classes()))
    for path in MODULES.glob("*/manifests/**/*.pp"):
        module, _, *parts = path.relative_to(MODULES).with_suffix("").parts
        found.add("::".join((module, *(part for part in parts if part != "init"))))
    return frozenset(found)


def _check_custom_value(name: str, value: str) -> None:
    if not 0 < len(name) <= rules.NAME_LENGTH_MAX:
        raise ParameterRefused(detail=f"The name of a parameter has 1 to {rules.NAME_LENGTH_MAX} characters.")
    if value == "":
        raise ParameterRefused(detail="The service parameter value is mandatory")


def _path_of(name: str) -> str:
    """Return where the kernel shows a setting; a name with slashes may have dots in its parts."""
    return name if "/" in name else name.replace(".", "/")


def _texts(parameters: object) -> dict[str, str]:
    if not isinstance(parameters, dict) or not parameters:
        raise ParameterRefused(detail="Unspecified parameters")
    if len(parameters) > PARAMETERS_MAX:
        raise ParameterRefused(detail=f"parameters: at most {PARAMETERS_MAX} are possible in one request.")
    found = {}
    for name, value in parameters.items():
        if value is None:
            raise ParameterRefused(detail="The service parameter value is mandatory")
        text = value if isinstance(value, str) else str(value)
        if len(text) > rules.VALUE_LENGTH_MAX:
            raise ParameterRefused(
                detail=f"{name[:rules.NAME_LENGTH_MAX]}: a value has at most {rules.VALUE_LENGTH_MAX} characters.")
        if any(ord(character) < 0x20 or character == "\x7f" for character in text + name):
            raise ParameterRefused(detail="parameters: names and values must not contain control characters.")
        found[name] = text
    return found


def _lock(conn: Connection) -> None:
    """Let requests that change parameters follow each other."""
    conn.execute(sa.select(I_SYSTEM.c.id).with_for_update())


SERVICE = ServiceParameterService
