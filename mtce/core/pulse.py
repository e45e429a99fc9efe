# SPDX-License-Identifier: Apache-2.0
"""Pulses that only their sender can have sent. No socket and no clock here.

A sender's pulses on one network are the values of a hash chain in reverse order: whoever has one value can calculate
all earlier ones, but no later one. The sender reveals one value per pulse, that of the present slot of its clock. A
host that knows one value of the chain, and when it was present, checks each later pulse with a few hashes.
"""
from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256

VALUE_BYTES = 16
SLOT_MS = 100
"""The shortest period of pulses."""
CHAIN_SLOTS = 1 << 16
GROW_STEPS = 64
LATE_MS = 2_000
AHEAD_MS = 2 * SLOT_MS
STEPS_MAX = 100
ASK_EVERY_MS = 100
ASK_VALID_MS = 1_000
SENDERS_MAX = 4
STRANGERS_MAX = 16
ANSWER, ASK, DROP = "answer", "ask", "drop"


def label_of(network: str) -> bytes:
    """Return what makes the chain of one network useless on another."""
    return b"flock pulse " + network.encode()


def earlier(label: bytes, value: bytes, steps: int) -> bytes:
    """Return the value ``steps`` slots before that of ``value``."""
    for _ in range(steps):
        value = sha256(label + value).digest()[:VALUE_BYTES]
    return value


class Chain:
    """The values of ``slots`` slots, calculated from the last one, ``seed``, to the first."""

    def __init__(self, label: bytes, seed: bytes, slots: int) -> None:
        self._label = label
        self._values = bytearray(slots * VALUE_BYTES)
        self._values[-VALUE_BYTES:] = seed
        self._lowest = slots - 1

    def grow(self, steps: int) -> None:
        """Calculate at most ``steps`` more values."""
        value = bytes(self._values[self._lowest * VALUE_BYTES:(self._lowest + 1) * VALUE_BYTES])
        for slot in range(self._lowest - 1, max(-1, self._lowest - 1 - steps), -1):
            value = earlier(self._label, value, 1)
            self._values[slot * VALUE_BYTES:(slot + 1) * VALUE_BYTES] = value
            self._lowest = slot

    def value(self, slot: int) -> bytes:
        """Return the value of a slot; calculates what is missing."""
        self.grow(max(0, self._lowest - slot))
        return bytes(self._values[slot * VALUE_BYTES:(slot + 1) * VALUE_BYTES])


@dataclass(frozen=True, slots=True)
class Standing:
    """A slot and its value, both public, and how many slots ago it was the present one."""

    slot: int
    value: bytes
    age: int


class Pulser:
    """Chooses the pulses of one sender on one network. Callers pass monotonic milliseconds.

    Begins a new chain when one ends; calculates that in small parts, so that no pulse is late. ``random(n)`` returns n
    bytes that nobody can guess.
    """

    def __init__(self, network: str, random: Callable[[int], bytes], slots: int = CHAIN_SLOTS) -> None:
        self._label = label_of(network)
        self._slots = slots
        self._random = random
        self._chain = self._next = self._new()
        self._next.grow(slots)
        self._start_ms: int | None = None
        self._slot = 0

    def pulse(self, now_ms: int) -> tuple[int, bytes]:
        """Return slot and value of the pulse to send now; a slot is never used twice."""
        slot = max(self._slot + 1, self._present(now_ms))
        if self._start_ms is None or slot >= self._slots:
            self._chain, self._next = self._next, self._new()
            self._start_ms, slot = now_ms, 1
        self._next.grow(GROW_STEPS)
        self._slot = slot
        return slot, self._chain.value(slot)

    def standing(self, now_ms: int) -> Standing | None:
        """Return the slot before the latest pulse's, so that a host told of it answers that pulse; None before the
        first pulse."""
        if self._start_ms is None:
            return None
        before = self._slot - 1
        return Standing(before, self._chain.value(before), max(1, self._present(now_ms) - before))

    def _present(self, now_ms: int) -> int:
        return 1 if self._start_ms is None else 1 + (now_ms - self._start_ms) // SLOT_MS

    def _new(self) -> Chain:
        return Chain(self._label, self._random(VALUE_BYTES), self._slots)


@dataclass(frozen=True, slots=True)
class Source:
    """What a host knows of a sender: the latest value it revealed, and when slot 0 was the present one."""

    slot: int
    value: bytes
    zero_ms: int
    heard_ms: int


def accept(source: Source, label: bytes, slot: int, value: bytes, now_ms: int) -> Source | None:
    """Return what is known after a pulse; None when the pulse is repeated, late, early, or not the sender's."""
    age_ms = now_ms - source.zero_ms - slot * SLOT_MS
    if not source.slot < slot <= source.slot + STEPS_MAX or not -AHEAD_MS <= age_ms <= LATE_MS:
        return None
    if earlier(label, value, slot - source.slot) != source.value:
        return None
    return Source(slot, value, min(source.zero_ms, now_ms - slot * SLOT_MS), now_ms)


@dataclass(frozen=True, slots=True)
class Asked:
    """A question to the sender at an address: where its chain stands. Only a reply to this nonce is believed."""

    nonce: bytes
    first_ms: int
    last_ms: int


class Listener:
    """The senders that one host answers on one network. Callers pass monotonic milliseconds.

    A sender is known by its address once it replied, with the host's key, to this host's own nonce. So a value that
    somebody recorded or received earlier than this host makes no sender of him.
    """

    def __init__(self, network: str, random: Callable[[int], bytes]) -> None:
        self._label = label_of(network)
        self._random = random
        self._sources: dict[str, Source] = {}
        self._asked: dict[str, Asked] = {}

    def hear(self, address: str, slot: int, value: bytes, now_ms: int) -> str:
        """Return ANSWER for a pulse of the sender at ``address``, ASK when that sender should be asked, else DROP."""
        source = self._sources.get(address)
        if source is not None:
            after = accept(source, self._label, slot, value, now_ms)
            if after is not None:
                self._sources[address] = after
                return ANSWER
        return ASK if self._may_ask(address, now_ms) else DROP

    def ask(self, address: str, now_ms: int) -> bytes:
        """Return the nonce for a question to ``address``; a question repeated soon has the same."""
        asked = self.asked(address, now_ms)
        asked = Asked(self._random(VALUE_BYTES), now_ms, now_ms) if asked is None else Asked(
            asked.nonce, asked.first_ms, now_ms)
        self._asked[address] = asked
        return asked.nonce

    def asked(self, address: str, now_ms: int) -> Asked | None:
        """Return the question to ``address`` that awaits its reply."""
        asked = self._asked.get(address)
        return asked if asked is not None and now_ms - asked.first_ms <= ASK_VALID_MS else None

    def learn(self, address: str, standing: Standing, now_ms: int) -> None:
        """Note a genuine reply of the sender at ``address``; forgets the sender longest silent when there are many."""
        asked = self._asked.pop(address)
        old, slot, value = self._sources.get(address), standing.slot, standing.value
        if old is not None and slot <= old.slot <= slot + STEPS_MAX and earlier(
                self._label, old.value, old.slot - slot) == value:
            # The same chain: a pulse that was answered is not answered again.
            slot, value = old.slot, old.value
        # The reply was true at some time since the question.
        zero_ms = asked.first_ms - (standing.slot + standing.age) * SLOT_MS
        self._sources[address] = Source(slot, value, zero_ms, now_ms)
        if len(self._sources) > SENDERS_MAX:
            del self._sources[min(self._sources, key=lambda known: self._sources[known].heard_ms)]

    def _may_ask(self, address: str, now_ms: int) -> bool:
        asked = self._asked.get(address)
        if asked is not None:
            return now_ms - asked.last_ms >= ASK_EVERY_MS
        if address in self._sources or len(self._asked) < STRANGERS_MAX:
            return True
        self._asked = {key: value for key, value in self._asked.items() if now_ms - value.first_ms <= ASK_VALID_MS}
        return len(self._asked) < STRANGERS_MAX
