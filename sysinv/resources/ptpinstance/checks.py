# SPDX-License-Identifier: Apache-2.0
"""Checks of PTP before an unlock. Force skips them: something else may set the clock of the host."""
from __future__ import annotations

from dataclasses import dataclass

from sysinv.actions.checks import Check, Gate
from sysinv.actions.facts import ActionFacts


@dataclass(frozen=True, slots=True)
class PtpFacts:
    """Whether the host takes its time by PTP, and its PTP instances by name.

    ``wanted``: for each PTP interface on interfaces of the host its name and that of its PTP instance.
    """

    synchronised: bool = False
    instances: frozenset[str] = frozenset()
    wanted: tuple[tuple[str, str], ...] = ()


def ptp_refusal(facts: ActionFacts) -> str | None:
    """Refuse a host that would have no source of time, or PTP interfaces without effect."""
    known, name = facts.of(PtpFacts), facts.host.name
    if not known.synchronised:
        return None
    if not known.instances:
        return f"Cannot unlock host {name}: its clock_synchronization is ptp and it has no PTP instance. " \
               "Assign one, or set clock_synchronization to ntp."
    for interface, instance in known.wanted:
        if instance not in known.instances:
            return f"Cannot unlock host {name}: it has PTP interface {interface} and not its PTP instance {instance}." \
                   " Assign the instance to the host."
    return None


CHECKS = (Check(Gate.UNLOCK, 104, ptp_refusal, skipped_by_force=True),)
