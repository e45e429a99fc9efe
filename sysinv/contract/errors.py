# SPDX-License-Identifier: Apache-2.0
"""Errors that cross the bus; the caller receives the same class."""
from __future__ import annotations

from typing import ClassVar

from flock.core.errors import NotFound, Refused, Unavailable


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


class ControllerFileMissing(Unavailable):
    """A file that a second controller needs cannot be read."""

    code: ClassVar[str] = "sysinv.install.controller_file"
    text: ClassVar[str] = "A controller cannot be installed: {reason}"


class ControllerNotExpected(Unavailable):
    """Nobody has permitted the installation of this controller; the machine asks again for some minutes."""

    code: ClassVar[str] = "sysinv.install.controller_not_expected"
    text: ClassVar[str] = ("{hostname} would get all keys of the system. If that is wanted, run "
                           "'flock-bootstrap --expect {mac}' as root on the active controller.")
