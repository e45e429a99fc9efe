# SPDX-License-Identifier: Apache-2.0
"""Requests of the operator to create and change silences."""
from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SilenceRequest:
    """A silence to create: hides alarms of an id, on an entity and below, or both (None means any; one must be given).

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
    """A change of a silence: None keeps the stored value, ``without_end`` removes the expiry."""

    expires_at: str | None = None
    without_end: bool = False
    comment: str | None = None
