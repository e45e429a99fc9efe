# SPDX-License-Identifier: Apache-2.0
"""Hiera data of a host's file systems: sizes in GiB, and which of them may be made or removed."""
from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy.engine import Connection

from sysinv.config.hiera import Plugin, PuppetClass
from sysinv.contract.enums import FilesystemState as State
from sysinv.db.lookup import Row
from sysinv.resources.hostfilesystem import rules, store

_PREFIX = "platform::filesystem"
_MADE = frozenset({State.CREATING, State.CREATING_ON_UNLOCK, State.ERROR})
_RANK = 12


def puppet_class(name: str) -> str:
    """Return the class that makes, grows and removes a file system, at boots and in service."""
    return f"{_scope(name)}::runtime"


def _scope(name: str) -> str:
    return f"{_PREFIX}::{name.replace('-', '_')}"


def data(rows: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the keys of the stored file systems; the classes of others do nothing.

    A file system from the installation is only made anew where one was asked for: an empty one would hide what the
    host keeps in the directory.
    """
    found: dict[str, Any] = {}
    for row in rows:
        name, state = row["name"], State(row["state"])
        key = f"{_scope(name)}::params"
        leaves = state in rules.LEAVING
        made = name not in rules.FROM_INSTALLATION and (rules.is_optional(name) or state in _MADE)
        found[f"{key}::lv_name"] = row["logical_volume"]
        found[f"{key}::lv_size"] = row["size"]
        found[f"{key}::ensure"] = "absent" if leaves else "present" if made else "grown"
    return found


def _host(conn: Connection, host: Row) -> dict[str, Any]:
    return data(store.of_host(conn, host["id"]))


def _class(name: str) -> PuppetClass:
    return PuppetClass(puppet_class(name), rank=_RANK, reads=(f"{_scope(name)}::params",))


PLUGIN = Plugin(classes=tuple(_class(name) for name in rules.NAMES), host=_host)
