# SPDX-License-Identifier: Apache-2.0
"""When beats to a multicast group go to a node by unicast as well: no socket and no clock here.

A switch that snoops IGMP may end the memberships of its ports, also because somebody on the network deceives it. Only a
receiver knows what comes by multicast, so each node tells in its beats whom it does not hear that way. Unicast alone
would not do: who sends with a controller's MAC address makes a switch send him that controller's frames.
"""
from __future__ import annotations

from collections.abc import Iterable

from sm.transport.keyring import EVERYBODY

QUIET_MS = 300
"""Three beats; the other node counts as silent on a path after eight."""
TOLD_MS = 2_000
"""For how long a node's word counts that it does not hear this one: beats by other paths may be lost for a while."""
TWINS_MAX = 64


class Fallback:
    """The nodes that are reached by the multicast group of one path. Callers pass monotonic milliseconds."""

    def __init__(self, nodes: Iterable[str]) -> None:
        self._heard_ms: dict[str, int | None] = dict.fromkeys(nodes)
        self._told_ms: dict[str, int] = {}
        self._first: dict[str, dict[int, str]] = {node: {} for node in self._heard_ms}

    def heard(self, node: str, sequence: int, receiver: str, now_ms: int) -> None:
        """A datagram of the node has been accepted, which was sent to ``receiver``: this node, or EVERYBODY."""
        if node not in self._heard_ms:
            return
        first = self._first[node]
        first[sequence] = receiver
        if len(first) > TWINS_MAX:
            del first[next(iter(first))]
        if receiver == EVERYBODY:
            self._heard_ms[node] = now_ms

    def is_twin(self, node: str, sequence: int, receiver: str, now_ms: int) -> bool:
        """Whether the first datagram of this sequence came by the other way, and this one has not come before."""
        first = self._first.get(node, {})
        if first.get(sequence, receiver) == receiver:
            return False
        del first[sequence]
        if receiver == EVERYBODY:
            self._heard_ms[node] = now_ms
        return True

    def told(self, node: str, unheard: bool, now_ms: int) -> None:
        """The node has said whether it misses this node's multicast on the path."""
        if unheard:
            self._told_ms[node] = now_ms
        else:
            self._told_ms.pop(node, None)

    def unheard(self, now_ms: int) -> tuple[str, ...]:
        """The nodes of which no multicast has come of late, for ``Beat.unheard``."""
        return tuple(node for node, at_ms in self._heard_ms.items() if at_ms is None or now_ms - at_ms >= QUIET_MS)

    def needed(self, now_ms: int) -> tuple[str, ...]:
        """The nodes that get each datagram by unicast as well.

        A node that this one does not hear may not hear this one either, and cannot say so.
        """
        told = {node for node, at_ms in self._told_ms.items() if now_ms - at_ms < TOLD_MS}
        unheard = self.unheard(now_ms)
        return tuple(node for node in self._heard_ms if node in told or node in unheard)
