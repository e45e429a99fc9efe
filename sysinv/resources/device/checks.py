# SPDX-License-Identifier: Apache-2.0
"""What devices have to say before a lock."""
from __future__ import annotations

from dataclasses import dataclass

from sysinv.actions.checks import Check, Gate
from sysinv.actions.facts import ActionFacts


@dataclass(frozen=True, slots=True)
class DeviceFacts:
    """Whether an image is being written to a device of the host."""

    image_update_in_progress: bool = False


def image_refusal(facts: ActionFacts) -> str | None:
    """A device whose image is half written may never start again."""
    if facts.host.has_worker_function and facts.of(DeviceFacts).image_update_in_progress:
        return f"Rejected: Can not lock host {facts.host.name} while a device image update is in progress."
    return None


CHECKS = (Check(Gate.LOCK, 80, image_refusal, skipped_by_force=True),)
