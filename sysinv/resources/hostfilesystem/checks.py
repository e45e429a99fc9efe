# SPDX-License-Identifier: Apache-2.0
"""Check of file systems before an unlock."""
from __future__ import annotations

from sysinv.actions.checks import Check, Gate
from sysinv.actions.facts import ActionFacts
from sysinv.resources.hostfilesystem.rules import HostFacts, space_refusal


def space(facts: ActionFacts) -> str | None:
    """Refuse a host whose volume group has no space for the file systems that it makes while it boots."""
    missing = space_refusal(facts.of(HostFacts))
    return None if missing is None else f"Cannot unlock host {facts.host.name}: {missing}."


CHECKS = (Check(Gate.UNLOCK, 76, space, skipped_by_force=True),)
