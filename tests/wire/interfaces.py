# SPDX-License-Identifier: Apache-2.0
"""All bus interfaces of the tree, what is recorded of their versions, and which differences two versions may have."""
from __future__ import annotations

import importlib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from flock.rpc.signature import schema
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
        found += _fields(f"{name}()", method["arguments"], other["arguments"], widened=True)
        if method["result"] != other["result"]:
            found.append(f"{name}() answers {other['result']} instead of {method['result']}")
    for name, description in old["types"].items():
        if name in new["types"]:
            found += _type(name, description, new["types"][name])
    return found


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


def fields_break(name: str, old: Schema, new: Schema) -> list[str]:
    """Why a record with the fields ``old`` and one with ``new`` cannot be read as each other; empty when they can."""
    return list(_fields(name, old, new))


def _fields(name: str, old: Schema, new: Schema, *, widened: bool = False) -> Iterator[str]:
    """``widened``: an argument that was a record may be any JSON, because who serves it reads that record from it."""
    for field, description in old.items():
        if field not in new:
            yield f"{name}.{field} is gone"
        elif widened and new[field]["type"] == re.sub(r"\b[A-Z]\w*", "json", description["type"]):
            continue
        elif new[field]["type"] != description["type"]:
            yield f"{name}.{field} is {new[field]['type']} instead of {description['type']}"
        elif description["default"] and not new[field]["default"]:
            yield f"{name}.{field} has no default any more"
    for field in new.keys() - old.keys():
        if not new[field]["default"]:
            yield f"{name}.{field} is new and has no default"
