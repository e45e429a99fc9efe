# SPDX-License-Identifier: Apache-2.0
"""Rules of PTP instances and of their assignment to hosts."""
from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import ClassVar

from flock.core import ids
from flock.core.errors import Conflict, NotFound, Refused

SERVICES = ("ptp4l", "phc2sys", "ts2phc", "clock", "synce4l", "gnss-monitor", "dpll-mgr")
# Services of which a host runs one.
SINGLE = ("gnss-monitor", "dpll-mgr")
NAME_LENGTH_MAX = 64
# A number would be taken for an id.
NAME_PATTERN = r"(?![0-9]+$)[A-Za-z0-9][A-Za-z0-9_.\-]*"
# Paths below the collection.
RESERVED = ("apply", "detail")


class PtpInstanceRefused(Refused):
    """A rule about PTP instances refuses a request."""

    code: ClassVar[str] = "sysinv.ptp_instance.refused"


class PtpInstanceExists(Conflict):
    """The name is that of another PTP instance."""

    code: ClassVar[str] = "sysinv.ptp_instance.exists"
    text: ClassVar[str] = "A PTP instance with name {name} already exists."


class PtpInstanceAssigned(Conflict):
    """The host has the PTP instance already."""

    code: ClassVar[str] = "sysinv.ptp_instance.assigned"
    text: ClassVar[str] = "PTP instance {name} is already assigned to host {host}."


class PtpInstanceNotAssigned(NotFound):
    """The host does not have the PTP instance."""

    code: ClassVar[str] = "sysinv.ptp_instance.not_assigned"
    text: ClassVar[str] = "PTP instance {name} is not assigned to host {host}."


@dataclass(frozen=True, slots=True)
class InstanceView:
    """What the rules of assignments need of a PTP instance."""

    id: int
    name: str
    service: str


@dataclass(frozen=True, slots=True)
class Assignment:
    """A PTP instance that is assigned to a host, or taken from it."""

    adds: bool
    instance: InstanceView


def name_refusal(name: str) -> str | None:
    """Return why nothing may have this name; None when it may. Names stand in paths, beside uuids."""
    if name in RESERVED or ids.is_uuid(name):
        return f"The name {name} is reserved."
    return None


def check_new(name: str) -> None:
    """Raise PtpInstanceRefused when a PTP instance can not have this name."""
    refusal = name_refusal(name)
    if refusal is not None:
        raise PtpInstanceRefused(detail=refusal)


def check_delete(uuid: str, *, hosts: bool, interfaces: bool) -> None:
    """Raise PtpInstanceRefused while hosts have the PTP instance, or PTP interfaces belong to it."""
    if interfaces:
        raise PtpInstanceRefused(detail=f"PTP instance {uuid} is still associated with PTP interface(s)")
    if hosts:
        raise PtpInstanceRefused(detail=f"PTP instance {uuid} is still associated with host(s)")


def assigned(host: str, known: Mapping[int, InstanceView], changes: Iterable[Assignment]) -> dict[int, InstanceView]:
    """Return the PTP instances that a host has after ``changes``, by id.

    PtpInstanceAssigned, PtpInstanceNotAssigned, PtpInstanceRefused.
    """
    found = dict(known)
    for change in changes:
        one = change.instance
        if change.adds and one.id in found:
            raise PtpInstanceAssigned(name=one.name, host=host)
        if change.adds:
            found[one.id] = one
        elif found.pop(one.id, None) is None:
            raise PtpInstanceNotAssigned(name=one.name, host=host)
    for service in SINGLE:
        same = [one.name for one in found.values() if one.service == service]
        if len(same) > 1:
            raise PtpInstanceRefused(detail=f"Host {host} can have only one PTP instance of service {service}, "
                                            f"not {' and '.join(same)}.")
    return found
