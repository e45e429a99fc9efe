# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from sm.core.reachability import SILENT_PROBES, Reachability


def probed(known: Reachability, times: int, *answering: str) -> Reachability:
    for _ in range(times):
        for target in known.targets:
            known.on_probe(target)
            if target in answering:
                known.on_answer(target)
    return known


def watching(*targets: str) -> Reachability:
    known = Reachability()
    known.watch(targets)
    return known


def test_one_answer_is_enough() -> None:
    assert probed(watching("a", "b"), 1, "b").reachable is True
    assert probed(watching("a"), 1, "a").reachable is True


def test_silence_of_all_cuts_off_after_some_probes() -> None:
    known = probed(watching("a", "b"), 1, "a", "b")
    assert probed(known, SILENT_PROBES).reachable is True
    assert probed(known, 1).reachable is False
    assert probed(known, 1, "b").reachable is True


def test_what_never_answered_proves_nothing() -> None:
    assert probed(watching("a", "b"), 10).reachable is None
    assert watching().reachable is None


def test_one_silent_target_may_be_down_itself() -> None:
    known = probed(watching("a"), 1, "a")
    assert probed(known, 10).reachable is None


def test_targets_can_be_replaced() -> None:
    known = probed(watching("a", "b"), 1, "a")
    known.watch(["a", "c"])
    assert known.reachable is True and set(known.targets) == {"a", "c"}
    known.on_probe("b")
    known.on_answer("b")
    assert set(known.targets) == {"a", "c"}
