# SPDX-License-Identifier: Apache-2.0
"""Cuts snapshots that do not fit into one datagram by groups, and puts the pieces together again."""
from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from flock.core.errors import InvalidInput
from flock.core.records import replace
from sm.contract.messages import Snapshot

PARTS_MAX = 32


def split(snapshot: Snapshot, fits: Callable[[Snapshot], bool]) -> tuple[Snapshot, ...]:
    """The snapshot in as few pieces as fit, each with all that concerns its groups; InvalidInput when none do.

    The first piece has the states of the nodes as well.
    """
    groups = sorted({row.group for row in snapshot.assignments}
                    | {order.group for orders in snapshot.orders.values() for order in orders})
    count = 1
    while count <= PARTS_MAX:
        pieces = tuple(_piece(snapshot, set(groups[part::count]), part, count) for part in range(count))
        if all(fits(piece) for piece in pieces):
            return pieces
        count *= 2
    raise InvalidInput(field="snapshot", rule=f"must fit into {PARTS_MAX} datagrams; {len(groups)} groups do not")


def _piece(snapshot: Snapshot, groups: set[str], part: int, parts: int) -> Snapshot:
    orders = {node: mine for node, orders in snapshot.orders.items()
              if (mine := tuple(order for order in orders if order.group in groups))}
    return Snapshot(snapshot.revision, part, parts, snapshot.nodes if part == 0 else {},
                    tuple(row for row in snapshot.assignments if row.group in groups),
                    orders, snapshot.obeyed, snapshot.maintenance)


@dataclass(slots=True)
class _Pile:
    boot: str
    revision: int
    parts: int
    pieces: dict[int, Snapshot] = field(default_factory=dict)


class Assembly:
    """Collects the pieces of each node's latest snapshot; an older revision of the same boot is passed over."""

    def __init__(self) -> None:
        self._piles: dict[str, _Pile] = {}

    def add(self, node: str, boot: str, piece: Snapshot) -> Snapshot | None:
        """The whole snapshot when ``piece`` was the last that lacked, or repeats one of a whole; else None."""
        if not 0 <= piece.part < piece.parts <= PARTS_MAX:
            return None
        pile = self._piles.get(node)
        if pile is not None and pile.boot == boot and piece.revision < pile.revision:
            return None
        if pile is None or pile.boot != boot or (piece.revision, piece.parts) != (pile.revision, pile.parts):
            pile = self._piles[node] = _Pile(boot, piece.revision, piece.parts)
        pile.pieces[piece.part] = piece
        if len(pile.pieces) < pile.parts:
            return None
        return _whole([pile.pieces[part] for part in range(pile.parts)])


def _whole(pieces: list[Snapshot]) -> Snapshot:
    orders = {node: tuple(order for piece in pieces for order in piece.orders.get(node, ()))
              for node in sorted({node for piece in pieces for node in piece.orders})}
    return replace(pieces[0], part=0, parts=1, orders=orders,
                   assignments=tuple(row for piece in pieces for row in piece.assignments))
