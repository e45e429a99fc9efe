# SPDX-License-Identifier: Apache-2.0
"""What a voter learns, and what it asks its shell to do."""
from __future__ import annotations

from dataclasses import dataclass

from sm.core.domain.view import Beat, Durable, Local
from sm.core.fencing import Permit


@dataclass(frozen=True, slots=True)
class Tick:
    """Time has passed; due every ``beat_ms``."""


@dataclass(frozen=True, slots=True)
class BeatHeard:
    """A genuine beat of another voter, newer than all before of the same boot."""

    beat: Beat


@dataclass(frozen=True, slots=True)
class LocalChanged:
    """The state of this node has changed."""

    local: Local


@dataclass(frozen=True, slots=True)
class FenceAnswered:
    """The BMC of a node answered a fence, or a later question. ``off``: it confirms that the node is off.

    ``asked_ms`` is that of the question: the answer may have waited, and the node may have started since.
    """

    target: str
    off: bool
    asked_ms: int
    detail: str = ""


@dataclass(frozen=True, slots=True)
class ForceActive:
    """An operator says that the silent nodes are off. ``accepts_loss``: also that data may be lost."""

    accepts_loss: bool = False


@dataclass(frozen=True, slots=True)
class Pausing:
    """The daemon is going to restart on purpose and be silent for this long."""

    pause_ms: int


@dataclass(frozen=True, slots=True)
class Departing:
    """The host goes down in order, and nothing that needs a right is active here any more. This start of the node does
    nothing after it but to say so. ``away_ms``: within which time it should be back."""

    away_ms: int


@dataclass(frozen=True, slots=True)
class Store:
    """Store this durably. Comes before every ``Send`` that tells of it."""

    durable: Durable


@dataclass(frozen=True, slots=True)
class Require:
    """Acknowledge a write only after these nodes have stored it. When that is proven to hold, ``Local.enforced`` is
    ``order`` or greater. Until then no other order than this one or a later one may come into force, and nothing may
    become writable without it."""

    nodes: frozenset[str]
    order: int


@dataclass(frozen=True, slots=True)
class Send:
    """Send the beat to every other voter on every path."""

    beat: Beat


@dataclass(frozen=True, slots=True)
class Fence:
    """Switch a node off through its BMC and confirm it; answered by ``FenceAnswered``. A strike."""

    target: str
    permit: Permit
    asked_ms: int


@dataclass(frozen=True, slots=True)
class AskFenced:
    """Ask the BMC whether a fenced node is still off; answered by ``FenceAnswered``."""

    target: str
    asked_ms: int


@dataclass(frozen=True, slots=True)
class Journal:
    """A decision, in a sentence for the operator."""

    text: str


Event = Tick | BeatHeard | LocalChanged | FenceAnswered | ForceActive | Pausing | Departing
Action = Store | Require | Send | Fence | AskFenced | Journal
