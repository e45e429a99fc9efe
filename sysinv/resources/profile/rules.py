# SPDX-License-Identifier: Apache-2.0
"""Rules of profiles themselves: when one may be taken, and its name."""
from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import ClassVar

from flock.core.errors import Conflict, Refused
from flock.wire.errors import shown
from flock.wire.patch import PatchOp
from flock.wire.resource import given, parse_body
from sysinv.contract.enums import InvProvision
from sysinv.model.host import InventoryHost
from sysinv.model.system import SystemView
from sysinv.resources.profile.fields import ApplyProfile, ProfileType

APPLY = "apply-profile"
# The lists of profiles answer with all of them, each with all that it has.
PROFILES_MAX = 200


class ProfileRefused(Refused):
    """A rule about profiles refuses a request."""

    code: ClassVar[str] = "sysinv.profile.refused"


class ProfileExists(Conflict):
    """The name is used by another profile or by a host."""

    code: ClassVar[str] = "sysinv.profile.exists"
    text: ClassVar[str] = "Profile name {name} is already used by {owner}."


class ProfileInUse(Conflict):
    """Hosts wait for the profile."""

    code: ClassVar[str] = "sysinv.profile.in_use"
    text: ClassVar[str] = "Profile {name} can not be deleted while hosts wait for it: {hosts}."


def profile_type(text: str, source: InventoryHost) -> ProfileType:
    """Return the type of a profile that is taken from a host: of one with worker function, storage is local."""
    found = ProfileType(text)
    return ProfileType.LOCAL_STORAGE if found is ProfileType.OSD and source.has_worker_function else found


def check_system(system: SystemView) -> None:
    """Raise ProfileRefused on a simplex system, which has no second host."""
    if system.is_simplex:
        raise ProfileRefused(detail="Profiles are not allowed on a simplex system.")


def check_source(name: str, system: SystemView, host: InventoryHost, count: int) -> None:
    """Raise ProfileRefused when no profile ``name`` can be taken from the host; ``count`` profiles are there."""
    check_system(system)
    if host.invprovision != InvProvision.PROVISIONED:
        raise ProfileRefused(detail=(
            f"Cannot create profile {name} until host {host.name} is unlocked for the first time."))
    check_count(count)


def check_count(count: int) -> None:
    """Raise ProfileRefused when there are as many profiles as can be stored."""
    if count >= PROFILES_MAX:
        raise ProfileRefused(detail=f"There are {count} profiles, which is the most that can be stored.")


def check_name(name: str, hostnames: Collection[str]) -> None:
    """Raise ProfileExists when a host has the name, in whatever case."""
    if name.lower() in {hostname.lower() for hostname in hostnames}:
        raise ProfileExists(name=name, owner="a host")


def check_delete(name: str, hosts: Sequence[str]) -> None:
    """Raise ProfileInUse while ``hosts`` wait for the profile."""
    if hosts:
        raise ProfileInUse(name=name, hosts=", ".join(hosts[:5]))


def asked(operations: Sequence[PatchOp]) -> str | None:
    """Return the uuid of the profile that a PATCH of a host applies; None when it applies none.

    ProfileRefused, BadField, UnknownField for one that applies a profile and is otherwise wrong.
    """
    values = {"/".join(one.path): one.value for one in operations}
    if APPLY not in [one.value for one in operations if one.name == "action"]:
        if "iprofile_uuid" in values:
            raise ProfileRefused(detail=f"iprofile_uuid can only be given with action {APPLY}.")
        return None
    others = sorted(values.keys() - {"action", "iprofile_uuid"})
    if others or len(values) != len(operations):
        problem = shown(", ".join(others)) or "one attribute twice"
        raise ProfileRefused(detail=f"Action {APPLY} can not be combined with other changes: {problem}.")
    return str(given(parse_body(ApplyProfile, values))["iprofile_uuid"])
