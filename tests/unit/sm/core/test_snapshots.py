# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import itertools

import pytest

from flock.core.errors import InvalidInput
from sm.contract.messages import AssignmentReport, GroupOrder, NodeReport, Snapshot
from sm.contract.states import GroupState
from sm.core.snapshots import Assembly, split

GROUPS = [f"group-{number:02}" for number in range(10)]
SNAPSHOT = Snapshot(5, nodes={"controller-0": NodeReport(state_uuid="u")},
                    assignments=tuple(AssignmentReport(name) for name in GROUPS),
                    orders={node: tuple(GroupOrder(name, GroupState.ACTIVE) for name in GROUPS)
                            for node in ("controller-0", "controller-1")})


def at_most(groups: int) -> object:
    return lambda piece: len(piece.assignments) <= groups


def same(one: Snapshot | None, other: Snapshot) -> bool:
    """Equal but for the order of rows."""
    def rows(snapshot: Snapshot) -> object:
        return (snapshot.revision, snapshot.nodes, sorted(row.group for row in snapshot.assignments),
                {node: sorted(order.group for order in orders) for node, orders in snapshot.orders.items()})
    return one is not None and rows(one) == rows(other)


@pytest.mark.parametrize(("most", "count"), [(10, 1), (9, 2), (5, 2), (4, 4), (1, 16)])
def test_pieces_are_few_and_make_the_whole_in_any_order(most: int, count: int) -> None:
    pieces = split(SNAPSHOT, at_most(most))  # type: ignore[arg-type]
    assert len(pieces) == count
    orders = list(itertools.permutations(pieces)) if count <= 4 else [pieces, pieces[::-1]]
    for order in orders:
        assembly = Assembly()
        got = [assembly.add("controller-0", "b", piece) for piece in order]
        assert got[:-1] == [None] * (count - 1) and same(got[-1], SNAPSHOT)
        assert same(assembly.add("controller-0", "b", order[0]), SNAPSHOT)


def test_what_does_not_fit_is_an_error_that_says_so() -> None:
    with pytest.raises(InvalidInput, match="32 datagrams; 10 groups"):
        split(SNAPSHOT, lambda piece: False)


def test_pieces_of_two_revisions_or_boots_do_not_mix() -> None:
    assembly = Assembly()
    old = split(SNAPSHOT, at_most(5))  # type: ignore[arg-type]
    new = split(Snapshot(6, assignments=SNAPSHOT.assignments), at_most(5))  # type: ignore[arg-type]
    assert assembly.add("controller-0", "b", old[0]) is None
    assert assembly.add("controller-0", "b", new[1]) is None
    assert assembly.add("controller-0", "b", old[1]) is None
    assert assembly.add("controller-0", "other", new[0]) is None
    assert assembly.add("controller-0", "other", new[1]) is not None
    assert assembly.add("controller-1", "b", old[0]) is None


def test_a_piece_of_impossible_numbers_is_passed_over() -> None:
    assembly = Assembly()
    for part, parts in ((1, 1), (-1, 2), (0, 0), (0, 1000), (5, 3)):
        assert assembly.add("controller-0", "b", Snapshot(1, part, parts)) is None
