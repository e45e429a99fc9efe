# SPDX-License-Identifier: Apache-2.0
"""What file systems of hosts and of controllers have in common: a request that gives several of them new sizes."""
from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from flock.wire.errors import BadPatch, shown
from flock.wire.patch import parse_patch
from flock.wire.types import Integer

GIB_MIB = 1024
SIZE_MAX_GIB = 2**31 // GIB_MIB - 1
REQUESTS_MAX = 64
_SIZE = Integer(0, SIZE_MAX_GIB)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a request says about one file system; None where it says nothing."""

    name: str
    size_gib: int | None = None
    capabilities: dict[str, Any] | None = None


def parse_update(body: Any, allowed: Collection[str]) -> list[Wanted]:
    """Return what ``update_many`` asks for: a list of JSON patches, each of one file system named by ``/name``.

    ``allowed``: attributes that a patch may have besides the name. Raises BadPatch.
    """
    if not isinstance(body, list) or not body:
        raise BadPatch(detail="The body must be a non-empty list of JSON patches, one for each file system.")
    if len(body) > REQUESTS_MAX:
        raise BadPatch(detail=f"A request may change at most {REQUESTS_MAX} file systems.")
    found = [_wanted(patch, allowed) for patch in body]
    names = [one.name for one in found]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise BadPatch(detail=f"name: file system {twice} is given twice.")
    return found


def parse_size(value: Any, name: str) -> int:
    """Return a size in whole GiB; BadPatch names the file system."""
    try:
        return _SIZE.validate(value)
    except ValueError:
        raise BadPatch(detail=f"size: that of file system {name} must be a number of whole GiB from 0 to "
                              f"{SIZE_MAX_GIB}, not '{shown(value)}'.") from None



def gib(mib: int) -> str:
    """Return MiB as GiB, rounded down to two decimals: a sentence never promises space that does not exist."""
    return f"{mib * 100 // GIB_MIB / 100:g}"


def _wanted(patch: Any, allowed: Collection[str]) -> Wanted:
    given: dict[str, Any] = {}
    for operation in parse_patch(patch, allowed=("name", *allowed), mandatory=("name", *allowed)):
        if len(operation.path) != 1:
            raise BadPatch(detail=f"'/{shown('/'.join(operation.path))}' is not an attribute that can be updated")
        if operation.name in given:
            raise BadPatch(detail=f"'/{operation.name}' is given twice for one file system.")
        given[operation.name] = operation.value
    name = given.get("name")
    if not isinstance(name, str):
        raise BadPatch(detail="name: each patch must name its file system in '/name'.")
    if len(given) == 1:
        raise BadPatch(detail=f"The patch of file system {shown(name)} changes nothing: give "
                              f"{' or '.join(f'/{one}' for one in allowed)}.")
    capabilities = given.get("capabilities")
    return Wanted(shown(name), parse_size(given["size"], shown(name)) if "size" in given else None,
                  None if capabilities is None else parse_capabilities(capabilities))


def parse_capabilities(value: Any) -> dict[str, Any]:
    """Return capabilities, which clients send as an object or as its JSON text; BadPatch."""
    try:
        found = json.loads(value) if isinstance(value, str) else value
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise BadPatch(detail="capabilities: must be a JSON object.")
    return found
