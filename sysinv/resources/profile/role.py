# SPDX-License-Identifier: Apache-2.0
"""The part of a profile for the role: personality, subfunctions, and the parameters of an installation."""
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sysinv.model.host import HostRefused, InventoryHost
from sysinv.resources.host.rules import INSTALL_PARAMETERS
from sysinv.resources.profile.body import ProfileRole


def taken(row: Mapping[str, Any]) -> ProfileRole:
    """Return the role of a host as a profile has it."""
    install = {name: str(row[name]) for name in sorted(INSTALL_PARAMETERS) if row[name] is not None}
    return ProfileRole(str(row["personality"]), str(row["subfunctions"]), install)


def refusal(name: str, wanted: ProfileRole, personality: str | None, subfunctions: str | None) -> str | None:
    """Return why profile ``name`` is not for a host with this role; None when it is."""
    if (personality, subfunctions) == (wanted.personality, wanted.subfunctions):
        return None
    return (f"Profile {name} is for hosts with personality {wanted.personality} and subfunctions "
            f"{wanted.subfunctions}, not {personality} and {subfunctions}.")


def completed(values: Mapping[str, Any], wanted: ProfileRole) -> dict[str, Any]:
    """Return the values of a new host, with the role and the parameters that they leave to the profile."""
    return {"personality": wanted.personality, "subfunctions": wanted.subfunctions, **wanted.install, **values}


def check(name: str, wanted: ProfileRole, host: InventoryHost) -> None:
    """Raise HostRefused when the host has another role: a role is set once, and a profile cannot change it.

    The parameters of an installation are of use when a host is added with the profile, before its installation.
    """
    problem = refusal(name, wanted, host.personality, host.subfunctions)
    if problem is not None:
        raise HostRefused(detail=f"Host {host.name}: {problem}")
