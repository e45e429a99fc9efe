# SPDX-License-Identifier: Apache-2.0
"""Checks before a lock, an unlock or a swact: how a resource declares them, and the order in which they run."""
from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from flock.core import slices
from sysinv.actions.facts import ActionFacts

RESOURCES = "sysinv.resources"


class Gate(StrEnum):
    """Actions that resources can refuse; the force variants use the same gate."""

    LOCK = "lock"
    UNLOCK = "unlock"
    SWACT = "swact"


@dataclass(frozen=True, slots=True)
class Check:
    """A pure check: ``refusal`` returns the sentence for the operator, or None when the action is permitted.

    A resource publishes its checks as ``CHECKS`` in ``sysinv/resources/<noun>/checks.py``. Checks run in
    ascending ``order``; those of the host (``sysinv.actions``) have 10 to 70. The force variant of the action omits
    checks with ``skipped_by_force``.
    """

    gate: Gate
    order: int
    refusal: Callable[[ActionFacts], str | None]
    skipped_by_force: bool = False


@functools.cache
def of_resources() -> tuple[Check, ...]:
    """Return the checks of all resources."""
    return tuple(check for module in slices.modules(RESOURCES, "checks") for check in module.CHECKS)


def first_refusal(own: tuple[Check, ...], facts: ActionFacts, gate: Gate, *, forced: bool) -> str | None:
    """Return the first refusal, by order, of the host's ``own`` checks and those of the resources; None without one."""
    asked = [check for check in (*own, *of_resources()) if check.gate is gate]
    for check in sorted(asked, key=lambda one: one.order):
        if forced and check.skipped_by_force:
            continue
        refusal = check.refusal(facts)
        if refusal is not None:
            return refusal
    return None
