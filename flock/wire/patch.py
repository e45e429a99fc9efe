# SPDX-License-Identifier: Apache-2.0
"""JSON-patch bodies in the form that existing clients send: a list of replace, add and remove operations."""
from __future__ import annotations

import re
from collections.abc import Collection
from typing import Any, NamedTuple

from flock.wire.errors import BadPatch, shown

OPERATIONS = ("add", "replace", "remove")
INTERNAL = frozenset({"/created_at", "/id", "/links", "/updated_at", "/uuid"})
OPERATIONS_MAX = 500
_PATH = re.compile(r"/[a-zA-Z0-9\-_]+(/[a-zA-Z0-9\-_]+)*")


class PatchOp(NamedTuple):
    """One operation; ``path`` is split: ``("capabilities", "region")``. ``value`` is None for remove."""

    op: str
    path: tuple[str, ...]
    value: Any

    @property
    def name(self) -> str:
        """The top-level attribute."""
        return self.path[0]


def parse_patch(body: Any, *, allowed: Collection[str] | None = None, mandatory: Collection[str] = (),
                internal: Collection[str] = INTERNAL, allow_add: bool = False,
                allow_empty: bool = False) -> list[PatchOp]:
    """Check and split a json-patch list; ``BadPatch``, with the text that existing clients know, when it is invalid.

    ``allowed``: top-level names that a client may change (None: any). ``mandatory``: names that it may not remove.
    ``allow_add``: accept ``add`` of a top-level attribute like replace. ``allow_empty``: accept replace and add
    without a value or with null (the value is then None).
    """
    if not isinstance(body, list) or not body:
        raise BadPatch(detail="The body must be a non-empty list of JSON-patch operations.")
    if len(body) > OPERATIONS_MAX:
        raise BadPatch(detail=f"A JSON-patch list may have at most {OPERATIONS_MAX} operations.")
    return [_operation(element, allowed, mandatory, internal, allow_add, allow_empty) for element in body]


def _operation(element: Any, allowed: Collection[str] | None, mandatory: Collection[str],
               internal: Collection[str], allow_add: bool, allow_empty: bool) -> PatchOp:
    if not isinstance(element, dict):
        raise BadPatch(detail="Each JSON-patch operation must be an object with op, path and value.")
    op, path = element.get("op"), element.get("path")
    if op not in OPERATIONS:
        raise BadPatch(detail=f"Invalid input for field/attribute op. Value: '{shown(op)}'. "
                              f"Value should be one of: {', '.join(OPERATIONS)}")
    if not isinstance(path, str) or _PATH.fullmatch(path) is None:
        raise BadPatch(detail=f"Invalid input for field/attribute path. Value: '{shown(path)}'. "
                              r"Value should match ^(/[\w-]+)+$")
    segments = tuple(path.split("/")[1:])
    if path in internal or "/" + segments[0] in internal:
        raise BadPatch(detail=f"'{path}' is an internal attribute and can not be updated")
    if op == "remove" and segments[0] in mandatory:
        raise BadPatch(detail=f"'{path}' is a mandatory attribute and can not be removed")
    if op == "add" and len(segments) == 1 and not allow_add:
        raise BadPatch(detail=f"Adding a new attribute ({path}) to the root of  the resource is not allowed")
    if allowed is not None and segments[0] not in allowed:
        raise BadPatch(detail=f"'{path}' is not an attribute that can be updated")
    if op == "remove":
        return PatchOp(op, segments, None)
    if not allow_empty and (element.get("value") is None or element.get("value") == ""):
        raise BadPatch(detail="Edit and Add operation of the field requires non-empty value.")
    if segments[0] in mandatory and element.get("value") is None:
        raise BadPatch(detail=f"'{path}' is a mandatory attribute and can not be removed")
    return PatchOp(op, segments, element.get("value"))


def last_values(operations: list[PatchOp]) -> dict[str, Any]:
    """``{top-level attribute: last value}``; None for removed ones. Old clients repeat the same operation."""
    return {operation.name: operation.value for operation in operations if len(operation.path) == 1}
