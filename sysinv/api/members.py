# SPDX-License-Identifier: Apache-2.0
"""JSON patches that add members to a list of an object and remove them: the path of each operation is ``/<list>/-``."""
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flock.wire.errors import BadField, BadPatch, shown
from flock.wire.patch import parse_patch
from flock.wire.types import WireType
from sysinv.model.members import Member


def has_members(body: Any, name: str) -> bool:
    """Return whether a body has an operation on members of the list ``name``."""
    return isinstance(body, list) and any(
        isinstance(element, dict) and element.get("path") == f"/{name}/-" for element in body)


def members(body: Any, name: str, types: Mapping[str, WireType]) -> list[Member]:
    """Return the operations of a body on members of the list ``name``; BadPatch, BadField.

    ``types``: those of ``value`` and of other keys that an operation may have. Operations on attributes are refused:
    a request changes either members or attributes, all or none of them.
    """
    path = f"/{name}/-"
    if has_members(body, name) and any(isinstance(one, dict) and one.get("path") != path for one in body):
        raise BadPatch(detail=f"'{path}' can not be changed together with other attributes.")
    found = []
    for operation, element in zip(parse_patch(body, allowed=(name,)), body, strict=True):
        if operation.path != (name, "-"):
            raise BadPatch(detail=f"'/{'/'.join(operation.path)}' is not an attribute that can be updated")
        if operation.op == "replace":
            raise BadPatch(detail=f"Members of {name} can only be added and removed.")
        if "value" not in element:
            raise BadPatch(detail=f"An operation on '{path}' needs a value.")
        given = {key: _checked(key, element[key], datatype) for key, datatype in types.items() if key in element}
        found.append(Member(operation.op == "add", given.pop("value"), given))
    return found


def _checked(key: str, value: Any, datatype: WireType) -> str:
    try:
        return str(datatype.validate(value))
    except ValueError as error:
        raise BadField(field=key, value=shown(value), rule=str(error)) from None
