# SPDX-License-Identifier: Apache-2.0
"""Shows what a change would do to hosts, as the answer to ``?dry_run=true`` tells it."""
from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from flock.cli.columns import Row, columns

EFFECTS = columns("effects")
NAMES_MAX = 8
NONE = "No host would change."
NEVER = "none"


def effects_of(answer: Mapping[str, Any]) -> Row:
    """Return ``effects``, lines of text, and ``dry_run`` as it came, for other formats than the table."""
    found = answer.get("dry_run") or []
    return {"effects": "\n".join(line for effect in found for line in _lines(effect)) or NONE, "dry_run": found}


def _lines(effect: Mapping[str, Any]) -> Iterator[str]:
    yield f"{_names(effect['hosts'])}: {_when(effect)}"
    for change in effect["changes"]:
        yield f"  {change['key']}: {_value(change['applied'])} -> {_value(change['wanted'])}"
    more = effect["changed"] - len(effect["changes"])
    if more > 0:
        yield f"  and {more} more values"


def _when(effect: Mapping[str, Any]) -> str:
    if effect["reboot_required"]:
        return "after a lock and an unlock"
    return "at once, while in service" if effect["ordered"] else "at its next unlock"


def _names(hosts: list[str]) -> str:
    rest = len(hosts) - NAMES_MAX
    return ", ".join(hosts[:NAMES_MAX]) + (f" and {rest} more" if rest > 0 else "")


def _value(value: Any) -> str:
    return NEVER if value is None else str(value)
