# SPDX-License-Identifier: Apache-2.0
"""A client may sort only by what it may see: a hidden column could be read by sorting."""
from __future__ import annotations

import json
import re
from typing import Any

import pytest

from flock.api.build import openapi_document
from flock.core.slices import subsystems

# Order of insertion: counts rows, shows no field.
POSITION = {"id"}
SCHEMA_WORDS = {"anyOf", "type", "string", "pattern", "const"}


def _shown(document: dict[str, Any], schema: Any) -> set[str]:
    """All property names of a schema and of what it refers to."""
    if isinstance(schema, list):
        return set().union(*(_shown(document, item) for item in schema))
    if not isinstance(schema, dict):
        return set()
    names = set(schema.get("properties", {}))
    for key, value in schema.items():
        if key == "$ref":
            names |= _shown(document, document["components"]["schemas"][value.rsplit("/", 1)[1]])
        else:
            names |= _shown(document, value)
    return names


def _sorting(document: dict[str, Any]) -> list[tuple[str, set[str], set[str]]]:
    found = []
    for path, operations in document["paths"].items():
        for parameter in operations.get("get", {}).get("parameters", ()):
            if parameter.get("name") == "sort_key":
                keys = set(re.findall(r"[A-Za-z_0-9]+", json.dumps(parameter["schema"]))) - SCHEMA_WORDS
                found.append((path, keys, _shown(document, operations["get"]["responses"]["200"]["content"])))
    return found


@pytest.mark.parametrize("subsystem", subsystems())
def test_sort_keys_are_shown(subsystem: str) -> None:
    for path, keys, shown in _sorting(openapi_document(subsystem)):
        assert keys <= shown | POSITION | {"created_at", "updated_at"}, (path, sorted(keys - shown))


def test_there_is_something_to_check() -> None:
    routes = {path: keys for path, keys, _ in _sorting(openapi_document("sysinv"))}
    assert "hostname" in routes["/v1/ihosts"]
    assert not routes["/v1/ihosts"] & {"bm_secret", "install_token_hash", "boot_id", "mtce_sequence"}
