# SPDX-License-Identifier: Apache-2.0
"""Check of storage back ends before a controller is locked or hands over."""
from __future__ import annotations

from dataclasses import dataclass

from sysinv.actions.checks import Check, Gate
from sysinv.actions.facts import ActionFacts


@dataclass(frozen=True, slots=True)
class BackendFacts:
    """Names of the back ends that are being configured."""

    configuring: tuple[str, ...] = ()


def configuring_refusal(facts: ActionFacts) -> str | None:
    """Refuse to take a controller away that makes its part of a back end."""
    names = facts.of(BackendFacts).configuring
    if facts.host.is_controller and names:
        return (f"Rejected: storage backend {names[0]} is still being configured. Retry when 'system "
                "storage-backend-list' shows another state.")
    return None


CHECKS = (Check(Gate.LOCK, 76, configuring_refusal, skipped_by_force=True),
          Check(Gate.SWACT, 76, configuring_refusal, skipped_by_force=True))
