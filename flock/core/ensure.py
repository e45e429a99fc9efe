# SPDX-License-Identifier: Apache-2.0
"""Invariants that are checked in production: a broken one is an error of this code, never of a caller."""
from __future__ import annotations

from flock.core.errors import FlockError

SHOWN_MAX = 1000


class InvariantBroken(FlockError):
    """Something that cannot be true is true; the work on this object stops, the process goes on."""

    code, http, text = "flock.invariant_broken", 500, "Internal check failed: {rule} ({view})"


def ensure(condition: bool, rule: str, view: object = None) -> None:
    """Raise ``InvariantBroken`` naming ``rule`` and showing ``view`` (bounded) unless ``condition`` holds."""
    if not condition:
        raise InvariantBroken(rule=rule, view=repr(view)[:SHOWN_MAX])
