# SPDX-License-Identifier: Apache-2.0
"""What agents report, record by record. Reports have no version: agent and conductor of any two releases get along."""
from __future__ import annotations

from pathlib import Path
from typing import Any

from flock.core.shape import Named, shape
from sysinv.contract.reports import reports
from tests.wire.interfaces import fields_break

REPORTS = Path(__file__).parent / "reports"
Schema = dict[str, Any]


def records() -> dict[str, Schema]:
    """``{kind: {"record": name, "types": {...}}}`` of every report."""
    found = {}
    for kind, declared in reports().items():
        named = Named()
        found[kind] = {"record": shape(declared.record, named), "types": dict(named)}
    return found


def path_of(kind: str) -> Path:
    """Where the record of that kind is kept."""
    return REPORTS / f"{kind}.json"


def breaks(old: Schema, new: Schema) -> list[str]:
    """Why one of them cannot be read as the other; empty when it can."""
    return fields_break(new["record"], old["types"][old["record"]]["fields"], new["types"][new["record"]]["fields"])
