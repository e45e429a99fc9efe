# SPDX-License-Identifier: Apache-2.0
"""Checks of addresses before an unlock."""
from __future__ import annotations

from dataclasses import dataclass

from sysinv.actions.checks import Check, Gate
from sysinv.actions.facts import ActionFacts
from sysinv.contract.enums import Personality


@dataclass(frozen=True, slots=True)
class AddressFacts:
    """Whether the host has an address on the OAM network."""

    has_oam: bool = True


def oam_refusal(facts: ActionFacts) -> str | None:
    """Refuse a controller without an OAM address: operators reach it over the OAM network."""
    if facts.host.personality == Personality.CONTROLLER and not facts.of(AddressFacts).has_oam:
        return "Can not unlock a controller host without an oam interface. " \
               "Add an oam interface before re-attempting this command."
    return None


CHECKS = (Check(Gate.UNLOCK, 80, oam_refusal),)
