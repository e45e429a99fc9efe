# SPDX-License-Identifier: Apache-2.0
"""Refusals that cross process boundaries, so that the caller rebuilds the class it knows."""
from __future__ import annotations

from typing import ClassVar

from flock.core.errors import NotFound, Refused


class HostNotFound(NotFound):
    """No host has that id, uuid or hostname."""

    code: ClassVar[str] = "sysinv.host.not_found"
    text: ClassVar[str] = "Server {id} could not be found."


class ActionRejected(Refused):
    """Host maintenance said no to an action."""

    code: ClassVar[str] = "sysinv.action.rejected"
    text: ClassVar[str] = "Operation Rejected: {reason}. {action}."


class AddRejected(Refused):
    """Host maintenance said no to a host."""

    code: ClassVar[str] = "sysinv.host.add_rejected"
    text: ClassVar[str] = ("Maintenance has returned with a status of {status}, reason: {reason}, "
                           "recommended action: {action}")
