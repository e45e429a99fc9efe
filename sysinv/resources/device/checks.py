# SPDX-License-Identifier: Apache-2.0
"""Checks of devices before a lock."""
from __future__ import annotations

from dataclasses import dataclass

from sysinv.actions.checks import Check, Gate
from sysinv.actions.facts import ActionFacts


@dataclass(frozen=True, slots=True)
class DeviceFacts:
    """Whether an image update of a device of the host is in progress."""

    image_update_in_progress: bool = False


def image_refusal(facts: ActionFacts) -> str | None:
    """Refuse during an image update: a device with a partly written image may never start again."""
    if facts.host.has_worker_function and facts.of(DeviceFacts).image_update_in_progress:
        return f"Rejected: Can not lock host {facts.host.name} while a device image update is in progress."
    return None


CHECKS = (Check(Gate.LOCK, 80, image_refusal, skipped_by_force=True),)
