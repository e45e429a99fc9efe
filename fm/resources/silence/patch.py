# SPDX-License-Identifier: Apache-2.0
"""The change of a silence that a client asks for: apart from the rules, since fm-manager needs nothing of the wire."""
from __future__ import annotations

from typing import Any

from flock.wire.errors import BadField, BadPatch, shown
from flock.wire.patch import PatchOp, last_values, parse_patch
from flock.wire.types import Text
from fm.contract.limits import TEXT_MAX
from fm.contract.silence import SilenceChange

CHANGEABLE = {"expires_at": Text(), "comment": Text(TEXT_MAX)}


def wanted_change(body: Any) -> SilenceChange:
    """The change that a JSON-patch list makes; removing ``expires_at`` makes the silence permanent. BadPatch, BadField.
    """
    operations = parse_patch(body, allowed=CHANGEABLE, allow_add=True, allow_empty=True)
    for operation in operations:
        if len(operation.path) != 1:
            raise BadPatch(detail=f"'/{'/'.join(operation.path)}' is not an attribute that can be updated")
        if operation.value is not None:
            _check(operation)
    values = last_values(operations)
    comment = values.get("comment", "") or ""
    return SilenceChange(
        expires_at=values.get("expires_at"), without_end="expires_at" in values and values["expires_at"] is None,
        comment=comment if "comment" in values else None)


def _check(operation: PatchOp) -> None:
    try:
        CHANGEABLE[operation.name].validate(operation.value)
    except ValueError as error:
        raise BadField(field=operation.name, value=shown(operation.value), rule=str(error)) from None
