# SPDX-License-Identifier: Apache-2.0
"""Checks before a lock, an unlock or a swact: how a resource declares its own, and the order in which all are asked."""
from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from flock.core import slices
from sysinv.actions.facts import ActionFacts

RESOURCES = "sysinv.resources"


class Gate(StrEnum):
    """The actions that resources have a say in; the force variants go through the same gate."""

    LOCK = "lock"
    UNLOCK = "unlock"
    SWACT = "swact"


@dataclass(frozen=True, slots=True)
class Check:
    """One pure check: ``refusal`` gives the operator's sentence, None when nothing stands against the action.

    A resource publishes its checks as ``CHECKS`` in ``sysinv/resources/<noun>/checks.py``. Lower ``order`` is asked
    first; the host's own checks (``sysinv.actions``) have 10 to 70. ``skipped_by_force``: the force variant of the
    action does not ask.
    """

    gate: Gate
    order: int
    refusal: Callable[[ActionFacts], str | None]
    skipped_by_force: bool = False


@functools.cache
def of_resources() -> tuple[Check, ...]:
    """The checks of all resources."""
    return tuple(check for module in slices.modules(RESOURCES, "checks") for check in module.CHECKS)


def first_refusal(own: tuple[Check, ...], facts: ActionFacts, gate: Gate, *, forced: bool) -> str | None:
    """The first refusal among the host's ``own`` checks and those of the resources, in their order; None for none."""
    asked = [check for check in (*own, *of_resources()) if check.gate is gate]
    for check in sorted(asked, key=lambda one: one.order):
        if forced and check.skipped_by_force:
            continue
        refusal = check.refusal(facts)
        if refusal is not None:
            return refusal
    return None
