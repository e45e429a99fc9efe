# SPDX-License-Identifier: Apache-2.0
"""Checks the PATCH of a suppression entry."""
from __future__ import annotations

from typing import Any

from flock.wire.errors import BadPatch
from flock.wire.patch import parse_patch
from fm.contract.enums import SuppressionStatus

_FIXED = ("alarm_id", "description")


def wanted_status(body: Any) -> SuppressionStatus:
    """The status that a JSON-patch list sets; the last element counts. BadPatch when the list is invalid."""
    status: SuppressionStatus | None = None
    for operation in parse_patch(body, allow_add=True):
        if operation.name in _FIXED:
            raise BadPatch(detail=f"event_suppression {operation.name} is not allowed to be updated.")
        if operation.path != ("suppression_status",):
            raise BadPatch(detail="event_suppression invalid parameter.")
        try:
            status = SuppressionStatus(operation.value)
        except ValueError:
            valid = ", ".join(SuppressionStatus)
            raise BadPatch(detail="Invalid event_suppression parameter suppression_status values. "
                                  f"Valid values are: {valid}") from None
    if status is None:
        raise BadPatch(detail="event_suppression invalid parameter.")
    return status
