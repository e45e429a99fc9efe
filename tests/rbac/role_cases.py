# SPDX-License-Identifier: Apache-2.0
"""Reads the tables of role cases beside it: one operation and one role make one case."""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

METHODS = ("get", "post", "put", "patch", "delete")


@dataclass(frozen=True, slots=True)
class RoleCase:
    """A request as ``role`` of ``project`` (both empty: without a token) and the status of the answer.

    ``closed``: refused whoever asks, for another reason than the role.
    """

    operation: str
    name: str
    role: str
    project: str
    method: str
    path: str
    status: int
    uuid: str = ""
    query: Mapping[str, str] = field(default_factory=dict)
    body: Any = None
    stream: bool = False
    closed: bool = False


def table(subsystem: str) -> dict[str, Any]:
    """The file of one subsystem: ``roles`` and ``cases``."""
    document: dict[str, Any] = yaml.safe_load((Path(__file__).parent / f"{subsystem}.yaml").read_text())
    return document


def operation(name: str, entry: Mapping[str, Any]) -> tuple[str, str]:
    """Method and path of an entry."""
    ((method, path),) = [(method, entry[method]) for method in METHODS if method in entry]
    assert set(entry) <= {method, "status", "uuid", "query", "body", "stream", "closed"}, f"{name}: {sorted(entry)}"
    return method.upper(), path


def subsystems() -> list[str]:
    """Those that have a table."""
    return sorted(path.stem for path in Path(__file__).parent.glob("*.yaml"))


def role_cases(subsystem: str) -> list[RoleCase]:
    """Every case of the table."""
    document = table(subsystem)
    return [RoleCase(name, f"{name}-{role}", who.get("role", ""), who.get("project", ""), *operation(name, entry),
                     entry["status"][role], entry.get("uuid", ""), entry.get("query", {}), entry.get("body"),
                     entry.get("stream", False), entry.get("closed", False))
            for name, entry in document["cases"].items() for role, who in document["roles"].items()]
