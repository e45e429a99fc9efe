# SPDX-License-Identifier: Apache-2.0
"""Errors that cross the bus; the caller receives the same class."""
from __future__ import annotations

from typing import ClassVar

from flock.core.errors import NotFound, Refused


class HostNotFound(NotFound):
    """No host has that id, uuid or hostname."""

    code: ClassVar[str] = "sysinv.host.not_found"
    text: ClassVar[str] = "Server {id} could not be found."


class ActionRejected(Refused):
    """mtce rejected an action."""

    code: ClassVar[str] = "sysinv.action.rejected"
    text: ClassVar[str] = "Operation Rejected: {reason}. {action}."


class AddRejected(Refused):
    """mtce rejected the record of a host."""

    code: ClassVar[str] = "sysinv.host.add_rejected"
    text: ClassVar[str] = ("Maintenance has returned with a status of {status}, reason: {reason}, "
                           "recommended action: {action}")
