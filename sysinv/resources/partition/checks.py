# SPDX-License-Identifier: Apache-2.0
"""Check of partitions before an unlock."""
from __future__ import annotations

from dataclasses import dataclass

from sysinv.actions.checks import Check, Gate
from sysinv.actions.facts import ActionFacts
from sysinv.contract.enums import PartitionStatus

_WORDS = {PartitionStatus.CREATING: "Creating", PartitionStatus.DELETING: "Deleting",
          PartitionStatus.MODIFYING: "Modifying"}


@dataclass(frozen=True, slots=True)
class PartitionFacts:
    """Device path and status of the host's partitions that are being changed."""

    changing: tuple[tuple[str, PartitionStatus], ...] = ()


def changing_refusal(facts: ActionFacts) -> str | None:
    """Refuse while the host changes a partition: it restarts at the unlock, in the middle of the change."""
    for path, status in facts.of(PartitionFacts).changing:
        return f"Cannot unlock host {facts.host.name} while partition {path} is in state {_WORDS[status]}."
    return None


CHECKS = (Check(Gate.UNLOCK, 200, changing_refusal),)
