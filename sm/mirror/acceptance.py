# SPDX-License-Identifier: Apache-2.0
"""From whom a standby takes data. Pure."""
from __future__ import annotations

from dataclasses import dataclass

from sm.mirror.manifest import Generation


@dataclass(frozen=True, slots=True)
class Leader:
    """What service management of this node says: the node that leads (empty: nobody it knows), and the latest term."""

    name: str
    term: int


@dataclass(frozen=True, slots=True)
class Held:
    """What this node has stored: the node from which it is, itself where it was active, and its generation."""

    origin: str
    generation: Generation


def refusal(me: str, peer: str, offered: Generation, leader: Leader, held: Held) -> str:
    """Why ``offered`` by ``peer`` is not taken; empty when it is."""
    if leader.name == me:
        return f"{me} leads, so it takes data from nobody"
    if peer != leader.name:
        return f"{peer} does not lead; service management names {leader.name or 'nobody'}"
    if offered.term < leader.term:
        return f"term {offered.term} of {peer} is over; the present one is {leader.term}"
    if held.origin == me and offered.term <= held.generation.term:
        return f"{me} was active in term {held.generation.term}, which is not older than term {offered.term}"
    if held.origin != me and offered < held.generation:
        return f"generation {offered} is older than {held.generation}, which is stored here"
    return ""
