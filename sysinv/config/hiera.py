# SPDX-License-Identifier: Apache-2.0
"""Renders the hiera data of a host, and names the Puppet classes that apply them.

A resource that configures hosts has a module ``hiera.py`` with ``PLUGIN``; it is found by scanning.
"""
from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy.engine import Connection

from flock.core import slices
from sysinv.config import model
from sysinv.contract.reports import RESOURCES
from sysinv.db.lookup import Row
from sysinv.model.host import split_subfunctions

Data = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class PuppetClass:
    """A class of the whole configuration of hosts with one of ``personalities`` (subfunctions count; none: all hosts).

    Classes run by ``rank``, then by name. ``reads``: further classes whose parameters it uses.
    """

    name: str
    personalities: tuple[str, ...] = ()
    rank: int = 50
    reads: tuple[str, ...] = ()

    def is_for(self, host: Row) -> bool:
        """Return whether the host runs this class."""
        functions = {host["personality"], *split_subfunctions(host["subfunctions"])}
        return not self.personalities or bool(functions & set(self.personalities))


@dataclass(frozen=True, slots=True)
class Plugin:
    """What one resource contributes: keys that all hosts share, keys of one host, and both kinds of secrets.

    Each function reads the database and returns hiera keys with JSON values. What is secret comes from ``secure`` and
    ``secure_host`` only: it is sealed on its way, stored only on the host, and never shown.
    """

    classes: tuple[PuppetClass, ...] = ()
    system: Callable[[Connection], Data] | None = None
    host: Callable[[Connection, Row], Data] | None = None
    secure: Callable[[Connection], Data] | None = None
    secure_host: Callable[[Connection, Row], Data] | None = None


@dataclass(frozen=True, slots=True)
class Rendered:
    """The data of one host."""

    system: dict[str, Any] = field(default_factory=dict)
    host: dict[str, Any] = field(default_factory=dict)
    secure_system: dict[str, Any] = field(default_factory=dict)
    secure_host: dict[str, Any] = field(default_factory=dict)
    classes: tuple[str, ...] = ()

    def plain(self) -> dict[str, Any]:
        """Return the keys of the host without secrets; its own come first, as hiera finds them."""
        return {**self.system, **self.host}

    def used(self, data: Mapping[str, Any]) -> dict[str, Any]:
        """Return ``data`` of the host, its own or older ones, without what only classes of other hosts read."""
        foreign = set(prefixes(known_classes())).difference(prefixes(self.classes))
        unread = model.of_classes(data, foreign)
        return {key: value for key, value in data.items() if key not in unread}

    def open(self) -> dict[str, dict[str, Any]]:
        """Return the data without secrets by level."""
        return {"system": self.system, "host": self.host}

    def secrets(self) -> dict[str, dict[str, Any]]:
        """Return the secret data by level."""
        return {"system": self.secure_system, "host": self.secure_host}


@functools.cache
def plugins() -> tuple[Plugin, ...]:
    """Return the plug-ins of all resources, by the names of their modules."""
    return tuple(module.PLUGIN for module in slices.modules(RESOURCES, "hiera"))


@functools.cache
def known_classes() -> dict[str, PuppetClass]:
    """Return all classes by name, in the order in which they run."""
    found = sorted((one for plugin in plugins() for one in plugin.classes), key=lambda one: (one.rank, one.name))
    if len(found) > model.CLASSES_MAX or len({one.name for one in found}) < len(found):
        raise TypeError("two plug-ins name one class, or there are too many")
    return {one.name: one for one in found}


def prefixes(classes: Iterable[str]) -> list[str]:
    """Return the prefixes of the keys that these classes use."""
    known = known_classes()
    return [prefix for name in classes for prefix in (name, *(known[name].reads if name in known else ()))]


def boot_classes(host: Row) -> tuple[str, ...]:
    """Return the classes that a host runs while it boots, in their order."""
    return tuple(name for name, one in known_classes().items() if one.is_for(host))


def shared(conn: Connection) -> Rendered:
    """Return the data that all hosts share."""
    made = Rendered()
    for plugin in plugins():
        _add(made.system, plugin.system(conn) if plugin.system else {})
        _add(made.secure_system, plugin.secure(conn) if plugin.secure else {})
    return made


def render(conn: Connection, host: Row, common: Rendered | None = None) -> Rendered:
    """Return the data of a host; ``common``: what ``shared`` returned in the same transaction, for many hosts.

    Two plug-ins that render one key are a fault of the product: TypeError.
    """
    common = common or shared(conn)
    made = Rendered(system=common.system, secure_system=common.secure_system, classes=boot_classes(host))
    for plugin in plugins():
        _add(made.host, plugin.host(conn, host) if plugin.host else {})
        _add(made.secure_host, plugin.secure_host(conn, host) if plugin.secure_host else {})
    return made


def _add(target: dict[str, Any], found: Data) -> None:
    twice = target.keys() & found.keys()
    if twice:
        raise TypeError(f"two plug-ins render {sorted(twice)[0]}")
    target.update(found)
