# SPDX-License-Identifier: Apache-2.0
"""Check of volume groups before an unlock."""
from __future__ import annotations

from dataclasses import dataclass

from sysinv.actions.checks import Check, Gate
from sysinv.actions.facts import ActionFacts
from sysinv.resources.volumegroup.rules import PLATFORM_GROUP


@dataclass(frozen=True, slots=True)
class GroupFacts:
    """Name and number of physical volumes of each volume group of the host, those that no list shows included."""

    groups: tuple[tuple[str, int], ...] = ()


def platform_refusal(facts: ActionFacts) -> str | None:
    """Refuse a host whose platform group has no volume. A host that never reported that group does not use it."""
    if (PLATFORM_GROUP, 0) in facts.of(GroupFacts).groups:
        return f"Cannot unlock host {facts.host.name}: volume group {PLATFORM_GROUP} has no physical volume."
    return None


CHECKS = (Check(Gate.UNLOCK, 75, platform_refusal),)
