# SPDX-License-Identifier: Apache-2.0
"""What the active node knows of the others: who is in sync, and what may be acknowledged. Pure; times are in ms."""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from flock.core.records import replace
from sm.mirror.manifest import NONE, Generation

LAG_MS = 2_000
"""A node that gets every change, and lacks the newest one for no longer than this, is in sync."""
SILENT_MS = 5_000
NO_ORDER = -1


@dataclass(frozen=True, slots=True)
class Peer:
    """``stored``: what it has acknowledged on this connection. ``lacking_since_ms``: since when it has lacked
    something; -1 while it lacks nothing. ``reason``: why the last connection ended."""

    connected: bool = False
    stored: Generation = NONE
    digest: str = ""
    heard_ms: int = -1
    lacking_since_ms: int = -1
    reason: str = "it has not connected"


@dataclass(frozen=True, slots=True)
class Order:
    """Who must have stored a write before it is acknowledged. ``number``: of the daemon that has ordered it.
    ``point``: what the nodes must have for the order to hold: all that was written before it."""

    nodes: frozenset[str]
    number: int = NO_ORDER
    point: Generation = NONE


@dataclass(frozen=True, slots=True)
class Standing:
    """``complete``: the list of the generation holds all of the directory that can be mirrored."""

    order: Order
    generation: Generation = NONE
    complete: bool = False
    peers: Mapping[str, Peer] = field(default_factory=dict)

    def peer(self, name: str) -> Peer:
        """What is known of a node."""
        return self.peers.get(name, Peer())

    def with_peer(self, name: str, known: Peer) -> Standing:
        """With other knowledge of a node."""
        return replace(self, peers={**self.peers, name: known})


def connected(standing: Standing, name: str, now_ms: int) -> Standing:
    """The node has connected; it lacks everything until it says otherwise."""
    return standing.with_peer(name, Peer(True, heard_ms=now_ms, lacking_since_ms=now_ms, reason="it is being filled"))


def gone(standing: Standing, name: str, reason: str) -> Standing:
    """The connection has ended. What it had stored counts no more: it may come back with an older disk."""
    return standing.with_peer(name, Peer(reason=reason))


def published(standing: Standing, generation: Generation, complete: bool, now_ms: int) -> Standing:
    """There is a new generation, which nobody has yet."""
    peers = {name: replace(known, lacking_since_ms=now_ms) if known.lacking_since_ms < 0 else known
             for name, known in standing.peers.items()}
    return replace(standing, generation=generation, complete=complete, peers=peers)


def stored(standing: Standing, name: str, generation: Generation, digest: str, newer_since_ms: int,
           now_ms: int) -> Standing:
    """The node has acknowledged a generation. ``newer_since_ms``: when the next one was published, if it is not the
    newest."""
    known = standing.peer(name)
    if not known.connected:
        return standing
    lacking = -1 if generation >= standing.generation else newer_since_ms
    return standing.with_peer(name, replace(known, stored=generation, digest=digest, heard_ms=now_ms,
                                            lacking_since_ms=lacking, reason=""))


def in_sync(standing: Standing, now_ms: int) -> frozenset[str]:
    """The nodes that have everything, but for what is on its way to them."""
    return frozenset(name for name in standing.peers if not lag(standing, name, now_ms))


def lag(standing: Standing, name: str, now_ms: int) -> str:
    """Why a node is not in sync; empty when it is."""
    known = standing.peer(name)
    if not known.connected or known.stored == NONE:
        return known.reason
    if not standing.complete:
        return "the directory holds more than can be mirrored"
    if now_ms - known.heard_ms > SILENT_MS:
        return f"it was not heard for {(now_ms - known.heard_ms) // 1_000} s"
    if known.lacking_since_ms >= 0 and now_ms - known.lacking_since_ms > LAG_MS:
        return f"it lacks changes for {(now_ms - known.lacking_since_ms) // 1_000} s"
    return ""


def missing(standing: Standing, generation: Generation) -> frozenset[str]:
    """The required nodes that have not stored a generation. Empty: it may be acknowledged."""
    return frozenset(name for name in standing.order.nodes
                     if not standing.peer(name).connected or standing.peer(name).stored < generation)


def enforced(standing: Standing, active: bool) -> int:
    """The number of the order, if it holds; NO_ORDER while it is not proven."""
    order = standing.order
    if not order.nodes:
        return order.number
    return order.number if active and not missing(standing, order.point) else NO_ORDER
