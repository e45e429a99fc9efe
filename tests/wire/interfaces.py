# SPDX-License-Identifier: Apache-2.0
"""All bus interfaces and stored records of the tree, what is recorded of them, and how two versions may differ."""
from __future__ import annotations

import importlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from flock.core.shape import Named, shape
from flock.rpc.signature import schema
from fm.contract.fault import Fault
from fm.contract.rpc import FaultOutcome, FaultRequest
from mtce.contract.records import MtceHost
from mtce.core.view import MaintainedHost
from patching.contract.records import Content, HostFacts, Order, Reply
from patching.contract.stored import ReleaseDetails, StoredPrecheck
from patching.core.strategy.model import Strategy
from sysinv.contract.records import HostStateUpdate
from sysinv.contract.reports import reports
from tests.registry import PACKAGES

ROOT = Path(__file__).parents[2]
SCHEMAS = Path(__file__).parent / "schemas"
COMMAND = "python -m tests.wire.record"
Schema = dict[str, Any]


def interfaces() -> dict[str, type]:
    """``{namespace: interface}`` of every class with ``@rpc_interface``."""
    found: dict[str, type] = {}
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            if "\n@rpc_interface(" not in path.read_text():
                continue
            module = importlib.import_module(".".join(path.relative_to(ROOT).with_suffix("").parts))
            for kind in vars(module).values():
                if isinstance(kind, type) and kind.__module__ == module.__name__ and "__rpc_interface__" in vars(kind):
                    namespace = schema(kind)["namespace"]
                    if found.setdefault(namespace, kind) is not kind:
                        raise AssertionError(f"two interfaces are called {namespace}")
    return found


def records() -> dict[str, Schema]:
    """``{name: schema}`` of what travels as free JSON inside an interface, or lies on a disk or in a database.

    These have no version of their own: each release reads what every other one of the same major version wrote.
    """
    kinds: dict[str, list[type]] = {
        "reports": [report.record for report in reports().values()],
        "spool": [FaultRequest],
        "held_change": [Fault],
        "answered_request": [FaultOutcome],
        "mtce_host": [MaintainedHost, MtceHost],
        "mtce_outbox": [HostStateUpdate],
        "software": [ReleaseDetails, StoredPrecheck, Content, HostFacts, Order, Reply],
        "strategy": [Strategy],
    }
    found: dict[str, Schema] = {}
    for name, members in kinds.items():
        named = Named()
        for kind in members:
            shape(kind, named)
        found[name] = {"namespace": f"records.{name}", "topic": "", "version": "1.0", "methods": {},
                       "types": dict(sorted(named.items()))}
    return found


def path_of(said: Schema) -> Path:
    """Where the schema of that interface and version is kept."""
    return SCHEMAS / f"{said['namespace']}-{said['version']}.json"


def recorded(namespace: str) -> list[Schema]:
    """All recorded versions of an interface, the oldest first."""
    found = [json.loads(path.read_text()) for path in SCHEMAS.glob(f"{namespace}-*.json")]
    return sorted(found, key=lambda said: version(said))


def version(said: Schema) -> tuple[int, int]:
    """``(major, minor)``."""
    major, minor = said["version"].split(".")
    return int(major), int(minor)


def breaks(old: Schema, new: Schema) -> list[str]:
    """Why a peer that speaks ``old`` and one that speaks ``new`` cannot live side by side; empty when they can."""
    found = [] if old["topic"] == new["topic"] else ["the topic"]
    for name, method in old["methods"].items():
        if name not in new["methods"]:
            found.append(f"{name} is gone")
            continue
        other = new["methods"][name]
        if method["kind"] != other["kind"]:
            found.append(f"{name} is a {other['kind']} now")
        # An argument may become wider: then it takes whatever older callers send.
        wider = {argument: {**description, "type": other["arguments"].get(argument, description)["type"]}
                 if _is_wider(other["arguments"].get(argument, description)["type"], description["type"])
                 else description for argument, description in method["arguments"].items()}
        found += _fields(f"{name}()", wider, other["arguments"])
        if method["result"] != other["result"]:
            found.append(f"{name}() answers {other['result']} instead of {method['result']}")
    for name, description in old["types"].items():
        if name in new["types"]:
            found += _type(name, description, new["types"][name])
    return found


def _is_wider(new: str, old: str) -> bool:
    return new == "json" or (new == "list[json]" and old.startswith("list["))


def _type(name: str, old: Schema, new: Schema) -> Iterator[str]:
    if "fields" in old and "fields" in new:
        yield from _fields(name, old["fields"], new["fields"])
    elif "values" in old and "values" in new:
        for value in old["values"]:
            if value not in new["values"]:
                yield f"{name} has no {value!r} any more"
        added = [value for value in new["values"] if value not in old["values"]]
        if added and old["fallback"] is None:
            yield f"{name} has {added[0]!r}, which older peers refuse; only an enum with a fallback may grow"
    else:
        yield f"{name} is something else now"


def _fields(name: str, old: Schema, new: Schema) -> Iterator[str]:
    for field, description in old.items():
        if field not in new:
            yield f"{name}.{field} is gone"
        elif new[field]["type"] != description["type"]:
            yield f"{name}.{field} is {new[field]['type']} instead of {description['type']}"
        elif description["default"] and not new[field]["default"]:
            yield f"{name}.{field} has no default any more"
    for field in new.keys() - old.keys():
        if not new[field]["default"]:
            yield f"{name}.{field} is new and has no default"
