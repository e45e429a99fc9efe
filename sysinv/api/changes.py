# SPDX-License-Identifier: Apache-2.0
"""Converts a JSON patch of plain attributes to typed values."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flock.wire.errors import BadPatch, shown
from flock.wire.patch import PatchOp
from flock.wire.resource import Resource, coerce


def plain_changes(resource: type[Resource], operations: Sequence[PatchOp]) -> dict[str, Any]:
    """Return the new value of each attribute, converted to its field's type; BadPatch for a path with several parts."""
    for operation in operations:
        if len(operation.path) != 1:
            raise BadPatch(detail=f"'{shown('/' + '/'.join(operation.path))}' is not an attribute that can be updated")
    return {one.name: coerce(resource, one.name, one.value) for one in operations}
