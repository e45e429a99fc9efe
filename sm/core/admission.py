# SPDX-License-Identifier: Apache-2.0
"""Which authentic beats count as life of their sender: not repeated, not held back, of a start that is proven to live.

A start of a node (its boot) is believed once a beat of it echoes what this node has sent in the last ``FRESH_MS``. The
page on messaging has the proof that a recorded beat of an earlier boot never does.
"""
from __future__ import annotations

import enum
from dataclasses import dataclass, field

from sm.contract.messages import Beat, Echo

WINDOW = 64
FRESH_MS = 2_000
LATE_MS = 1_000
GREETED_MAX = 4
DRIFT_MS_PER_MS = 1_000
"""Clocks may differ by one millisecond in this many."""


class Verdict(enum.StrEnum):
    """What an authentic beat is worth. Only ``ACCEPTED`` is life of its sender."""

    ACCEPTED = "accepted"
    GREETED = "greeted"
    REPLAYED = "replayed"
    LATE = "late"


@dataclass(slots=True)
class _Window:
    """The highest sequence that was accepted, and which of the 64 up to it were: bit 0 stands for ``top``."""

    top: int
    bits: int = (1 << WINDOW) - 1

    def is_new(self, sequence: int) -> bool:
        behind = self.top - sequence
        return behind < 0 or (behind < WINDOW and not self.bits >> behind & 1)

    def take(self, sequence: int) -> None:
        ahead = sequence - self.top
        if ahead > 0:
            self.bits = (self.bits << ahead | 1) & ((1 << WINDOW) - 1) if ahead < WINDOW else 1
            self.top = sequence
        else:
            self.bits |= 1 << -ahead


@dataclass(slots=True)
class _Greeted:
    """A boot that has not proven that it lives: its latest sequence and beat, and when that came."""

    sequence: int
    sent_ms: int
    heard_ms: int


@dataclass(slots=True)
class _Peer:
    boot: str | None = None
    since_ms: int = 0
    """When ``boot`` was accepted; an echo of anything sent earlier proves no other boot."""
    floor: int = 0
    """The sequence of the first accepted beat; earlier ones are not accepted on any path."""
    windows: dict[str, _Window] = field(default_factory=dict)
    offset_ms: int = 0
    """The least seen difference of this node's clock and ``sent_ms``, and when it was seen."""
    offset_at_ms: int = 0
    greeted: dict[str, _Greeted] = field(default_factory=dict)


class Admission:
    """Judges the authentic beats that this boot of this node receives. Times are of the node's monotonic clock."""

    def __init__(self, node: str, boot: str) -> None:
        self._node = node
        self._boot = boot
        self._peers: dict[str, _Peer] = {}

    def admit(self, path: str, beat: Beat, sequence: int, now_ms: int) -> Verdict:
        """Judge one authentic beat; ``sequence`` is its datagram's, which grows with each datagram of a boot.

        The caller has made sure that ``beat.node`` is a configured peer.
        """
        peer = self._peers.setdefault(beat.node, _Peer())
        if beat.boot == peer.boot:
            return self._of_known_boot(peer, path, beat, sequence, now_ms)
        proven_ms = self._echoed_ms(beat)
        if proven_ms is not None and now_ms - FRESH_MS <= proven_ms <= now_ms and (
                peer.boot is None or proven_ms > peer.since_ms):
            self._peers[beat.node] = _Peer(beat.boot, now_ms, sequence, {path: _Window(sequence)},
                                           now_ms - beat.sent_ms, now_ms)
            return Verdict.ACCEPTED
        return _greet(peer, beat, sequence, now_ms)

    def greetings(self, now_ms: int) -> dict[str, tuple[Echo, ...]]:
        """What to tell boots that have not proven that they live, for ``Beat.greetings``."""
        told = {}
        for node, peer in self._peers.items():
            peer.greeted = {boot: row for boot, row in peer.greeted.items() if now_ms - row.heard_ms <= FRESH_MS}
            if peer.greeted:
                told[node] = tuple(Echo(boot, row.sent_ms) for boot, row in peer.greeted.items())
        return told

    def boot_of(self, node: str) -> str | None:
        """The boot of a node that is believed; None before any has been."""
        return self._peers[node].boot if node in self._peers else None

    def _of_known_boot(self, peer: _Peer, path: str, beat: Beat, sequence: int, now_ms: int) -> Verdict:
        window = peer.windows.get(path) or _Window(peer.floor - 1)
        if not window.is_new(sequence):
            return Verdict.REPLAYED
        offset_ms = now_ms - beat.sent_ms
        least_ms = peer.offset_ms + (now_ms - peer.offset_at_ms) // DRIFT_MS_PER_MS
        late = offset_ms - least_ms > LATE_MS
        if late:
            # The sender's clock may have stood still, as in a paused virtual machine: an echo tells that from a delay.
            proven_ms = self._echoed_ms(beat)
            if proven_ms is None or not now_ms - FRESH_MS <= proven_ms <= now_ms:
                return Verdict.LATE
        if late or offset_ms < least_ms:
            peer.offset_ms, peer.offset_at_ms = offset_ms, now_ms
        window.take(sequence)
        peer.windows[path] = window
        return Verdict.ACCEPTED

    def _echoed_ms(self, beat: Beat) -> int | None:
        """The latest value of this boot of this node that the sender had heard."""
        heard = [*beat.greetings.get(self._node, ())]
        if self._node in beat.echoes:
            heard.append(beat.echoes[self._node])
        return max((echo.sent_ms for echo in heard if echo.boot == self._boot), default=None)


def _greet(peer: _Peer, beat: Beat, sequence: int, now_ms: int) -> Verdict:
    """Remember a boot in order to answer it; the one that was silent for longest gives way to a further one."""
    known = peer.greeted.pop(beat.boot, None)
    if known is not None and sequence <= known.sequence:
        peer.greeted = {beat.boot: known, **peer.greeted}
        return Verdict.REPLAYED
    peer.greeted[beat.boot] = _Greeted(sequence, beat.sent_ms, now_ms)
    if len(peer.greeted) > GREETED_MAX:
        del peer.greeted[next(iter(peer.greeted))]
    return Verdict.GREETED
