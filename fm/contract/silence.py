# SPDX-License-Identifier: Apache-2.0
"""What operators ask for when they hide alarms of one id, of one entity and below, or of both; for a time or for good.
"""
from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SilenceRequest:
    """A silence to make. ``alarm_id`` None means any id, ``entity_instance_id`` None any entity; one must be given.

    ``expires_at`` is ISO 8601 UTC without zone, None for a silence without end. Texts: ``comment`` at most 2048
    characters, ``created_by`` at most 255.
    """

    alarm_id: str | None
    entity_instance_id: str | None
    expires_at: str | None = None
    comment: str = ""
    created_by: str = ""


@dataclass(frozen=True, slots=True)
class SilenceChange:
    """What to change of a silence: None leaves a value alone, ``without_end`` takes the end away."""

    expires_at: str | None = None
    without_end: bool = False
    comment: str | None = None
