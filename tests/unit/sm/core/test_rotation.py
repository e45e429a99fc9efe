# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import itertools

import pytest

from flock.core.errors import Refused
from sm.contract.messages import KeyReport
from sm.core.rotation import NUMBER_MAX, Key, Ring, accept, advance, begin, lacking

OLD, NEW = Key(1, "aa", b"o" * 32), Key(2, "bb", b"n" * 32)
STEADY = Ring((OLD,), "aa")
NODES = ("controller-0", "controller-1", "witness")


def understood(sender: Ring, receiver: Ring) -> bool:
    return any(key == sender.signing for key in receiver.keys)


def moves(rings: dict[str, Ring]) -> list[tuple[str, Ring]]:
    """All single steps: a node takes the offer of another, or learns the reports of all or some of the others."""
    found = []
    for node, ring in rings.items():
        others = [other for other in NODES if other != node]
        for other in others:
            new = rings[other].new
            if new is not None:
                found.append((node, accept(ring, new)))
        found.append((node, advance(ring, others, {other: rings[other].report for other in others})))
        found.append((node, advance(ring, others, {others[0]: rings[others[0]].report})))
    return [(node, ring) for node, ring in found if ring != rings[node]]


@pytest.mark.parametrize("beginners", [{"controller-0": NEW}, {"controller-0": NEW, "controller-1": Key(2, "cc", b"c")},
                                       {"controller-0": Key(2, "dd", b"d"), "witness": NEW}])
def test_in_every_order_of_steps_all_understand_all_and_the_old_key_goes(beginners: dict[str, Key]) -> None:
    """Every reachable combination of the three rings."""
    start = {node: begin(STEADY, beginners[node].tag, beginners[node].secret) if node in beginners else STEADY
             for node in NODES}
    seen, pending, ends = set(), [start], []
    while pending:
        rings = pending.pop()
        key = tuple(rings[node] for node in NODES)
        if key in seen:
            continue
        seen.add(key)
        for one, other in itertools.permutations(NODES, 2):
            assert understood(rings[one], rings[other]), (one, other, rings)
        steps = moves(rings)
        if not steps:
            ends.append(key)
        pending += [{**rings, node: ring} for node, ring in steps]
    assert ends == [(Ring((NEW,), "bb"),) * 3] and len(seen) > 10


def test_a_node_that_is_away_stops_the_rotation() -> None:
    ring = begin(STEADY, "bb", NEW.secret)
    reports = {"controller-1": KeyReport(("aa", "bb"), "aa")}
    assert advance(ring, NODES[1:], reports) == ring and lacking(ring, NODES[1:], reports) == ("witness",)
    reports["witness"] = KeyReport(("aa", "bb"), "aa")
    using = advance(ring, NODES[1:], reports)
    assert using == Ring((OLD, NEW), "bb") and lacking(using, NODES[1:], reports) == ("controller-1", "witness")
    reports["controller-1"] = KeyReport(("bb",), "bb")
    assert advance(using, NODES[1:], reports) == using and lacking(using, NODES[1:], reports) == ("witness",)
    assert lacking(STEADY, NODES[1:], {}) == ()


def test_one_rotation_at_a_time() -> None:
    ring = begin(STEADY, "bb", NEW.secret)
    with pytest.raises(Refused, match="not ended"):
        begin(ring, "cc", NEW.secret)
    assert accept(ring, Key(3, "01", b"x")) == ring
    assert accept(Ring((OLD, NEW), "bb"), Key(2, "01", b"x")) == Ring((OLD, NEW), "bb")


def test_a_system_with_one_node_rotates_alone() -> None:
    assert advance(begin(STEADY, "bb", NEW.secret), (), {}) == Ring((NEW,), "bb")


def test_numbers_begin_again() -> None:
    last = Ring((Key(NUMBER_MAX, "aa", b"x"),), "aa")
    assert begin(last, "bb", b"y").new == Key(1, "bb", b"y")


def test_secrets_are_not_printed() -> None:
    assert "oooo" not in repr(STEADY) and "aa" in repr(STEADY)
