# SPDX-License-Identifier: Apache-2.0
"""The rotation of the key that signs messages: every node accepts the new key, then uses it, then drops the old one.

Each node takes each step by itself when it knows that all others have taken the one before. A node that is away stops
the rotation where it is; no order of steps, losses and restarts makes two nodes refuse one another's messages.
"""
from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from flock.core.errors import Refused
from flock.core.records import replace
from sm.contract.messages import KeyReport

NUMBER_MAX = 255


@dataclass(frozen=True, slots=True)
class Key:
    """A key: ``number`` (1 to 255) stands in datagrams, ``tag`` is its name, ``secret`` is random and never shown."""

    number: int
    tag: str
    secret: bytes

    def __repr__(self) -> str:
        return f"Key({self.number}, {self.tag!r})"


@dataclass(frozen=True, slots=True)
class Ring:
    """The keys that a node accepts, the older one first; ``used`` is the tag of the one that it signs with."""

    keys: tuple[Key, ...]
    used: str

    @property
    def signing(self) -> Key:
        """The key that this node signs with."""
        return next(key for key in self.keys if key.tag == self.used)

    @property
    def report(self) -> KeyReport:
        """What this node tells of its keys."""
        return KeyReport(tuple(key.tag for key in self.keys), self.used)

    @property
    def new(self) -> Key | None:
        """The key that a rotation brings; None while there is no rotation."""
        return self.keys[1] if len(self.keys) > 1 else None


def begin(ring: Ring, tag: str, secret: bytes) -> Ring:
    """The ring with a new key, which is accepted but not used; Refused while a rotation is not over."""
    if ring.new is not None:
        raise Refused(detail="A rotation of the key has not ended; 'sm-key status' shows what it waits for.")
    return accept(ring, Key(ring.keys[0].number % NUMBER_MAX + 1, tag, secret))


def accept(ring: Ring, key: Key) -> Ring:
    """The ring after a node has offered ``key``.

    Where two nodes began a rotation at once, the key with the lesser tag stays; nobody uses one that is not everywhere.
    """
    if any(mine.tag == key.tag for mine in ring.keys):
        return ring
    old, new = ring.keys[0], ring.new
    if key.number != old.number % NUMBER_MAX + 1:
        return ring
    if new is not None and (ring.used == new.tag or new.tag < key.tag):
        return ring
    return replace(ring, keys=(old, key))


def advance(ring: Ring, others: Iterable[str], reports: Mapping[str, KeyReport]) -> Ring:
    """The ring after what the other nodes told: the new key is used once all accept it, the old one goes once all
    use the new one. ``reports`` are the latest ever heard; without one of each of ``others`` nothing happens."""
    new = ring.new
    if new is None:
        return ring
    told = [reports.get(node) for node in others]
    if ring.used != new.tag and all(report is not None and new.tag in report.accepted for report in told):
        ring = replace(ring, used=new.tag)
    if ring.used == new.tag and all(report is not None and report.used == new.tag for report in told):
        ring = Ring((new,), new.tag)
    return ring


def lacking(ring: Ring, others: Iterable[str], reports: Mapping[str, KeyReport]) -> tuple[str, ...]:
    """The nodes that have not said yet that they accept the new key, or, once it is used, that they use it."""
    new = ring.new
    if new is None:
        return ()
    using = ring.used == new.tag
    return tuple(node for node in others if (report := reports.get(node)) is None
                 or (report.used != new.tag if using else new.tag not in report.accepted))
