# SPDX-License-Identifier: Apache-2.0
"""Rules of PTP interfaces and of their assignment to interfaces of hosts."""
from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import ClassVar

from flock.core.errors import Conflict, NotFound, Refused
from sysinv.resources.ptpinstance.rules import name_refusal


class PtpInterfaceRefused(Refused):
    """A rule about PTP interfaces refuses a request."""

    code: ClassVar[str] = "sysinv.ptp_interface.refused"


class PtpInterfaceExists(Conflict):
    """The name is that of another PTP interface."""

    code: ClassVar[str] = "sysinv.ptp_interface.exists"
    text: ClassVar[str] = "A PTP interface with name {name} already exists."


class PtpInterfaceAssigned(Conflict):
    """The interface has the PTP interface already."""

    code: ClassVar[str] = "sysinv.ptp_interface.assigned"
    text: ClassVar[str] = "PTP interface {name} is already assigned to interface {interface}."


class PtpInterfaceNotAssigned(NotFound):
    """The interface does not have the PTP interface."""

    code: ClassVar[str] = "sysinv.ptp_interface.not_assigned"
    text: ClassVar[str] = "PTP interface {name} is not assigned to interface {interface}."


@dataclass(frozen=True, slots=True)
class Assignment:
    """A PTP interface that is assigned to an interface, or taken from it."""

    adds: bool
    id: int
    name: str


def check_new(name: str) -> None:
    """Raise PtpInterfaceRefused when a PTP interface can not have this name."""
    refusal = name_refusal(name)
    if refusal is not None:
        raise PtpInterfaceRefused(detail=refusal)


def check_delete(uuid: str, *, interfaces: bool) -> None:
    """Raise PtpInterfaceRefused while interfaces of hosts have the PTP interface."""
    if interfaces:
        raise PtpInterfaceRefused(detail=f"PTP interface {uuid} is still associated with host interface(s)")


def assigned(interface: str, known: Mapping[int, str], changes: Iterable[Assignment]) -> dict[int, str]:
    """Return the names of the PTP interfaces that an interface has after ``changes``, by id.

    PtpInterfaceAssigned, PtpInterfaceNotAssigned.
    """
    found = dict(known)
    for one in changes:
        if one.adds and one.id in found:
            raise PtpInterfaceAssigned(name=one.name, interface=interface)
        if one.adds:
            found[one.id] = one.name
        elif found.pop(one.id, None) is None:
            raise PtpInterfaceNotAssigned(name=one.name, interface=interface)
    return found
