# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest

from flock.core.records import replace
from sm.postgres.observe import LAG_MS, Sender, Standbys, obeys, position

NAME = "controller-1"
ROW = Sender(NAME, 100, "streaming", "sync", 1, 1_000, "12:00:00")
LISTED = {NAME: 1}


def row(second: int, **changes: object) -> Sender:
    return replace(ROW, reply=f"12:00:{second:02}", **changes)


def test_a_standby_that_answers_and_has_everything_is_in_sync() -> None:
    standbys = Standbys()
    for second in range(10):
        found = standbys.see([row(second, flushed=1_000 + second)], LISTED, 1_000 + second, second * 1_000)
        assert found == {NAME}


@pytest.mark.parametrize("changes", [{"state": "catchup"}, {"state": "backup"}, {"flushed": 999},
                                     {"sync_state": "async"}, {"sync_state": "potential"}])
def test_what_is_not_in_sync(changes: dict[str, object]) -> None:
    assert Standbys().see([row(0, **changes)], LISTED, 1_000, 0) == frozenset()


def test_a_standby_that_is_not_required_yet_may_be_complete() -> None:
    assert Standbys().see([row(0, sync_state="async", priority=0)], {}, 1_000, 0) == {NAME}


def test_a_standby_that_says_nothing_is_not_in_sync_though_nothing_is_written() -> None:
    standbys = Standbys()
    assert standbys.see([ROW], LISTED, 1_000, 0)
    assert standbys.see([ROW], LISTED, 1_000, LAG_MS - 1)
    assert standbys.see([ROW], LISTED, 1_000, LAG_MS) == frozenset()


def test_a_standby_that_answers_but_falls_behind_is_not_in_sync() -> None:
    standbys = Standbys()
    found = [standbys.see([row(second)], LISTED, 1_000 + second, second * 1_000) for second in range(6)]
    assert found[0] == {NAME} and found[-1] == frozenset()
    assert standbys.see([row(6, flushed=1_006)], LISTED, 1_006, 6_000) == {NAME}


def test_a_new_connection_must_get_as_far_as_the_wal_is_now() -> None:
    standbys = Standbys()
    assert standbys.see([row(0)], LISTED, 1_000, 0)
    assert standbys.see([row(1, pid=101)], LISTED, 5_000, 1_000) == frozenset()
    assert standbys.see([row(2, pid=101, flushed=4_999)], LISTED, 5_000, 2_000) == frozenset()
    assert standbys.see([row(3, pid=101, flushed=5_000)], LISTED, 5_000, 3_000) == {NAME}


def test_after_a_new_list_a_standby_must_get_as_far_as_the_wal_was_then() -> None:
    standbys = Standbys()
    assert standbys.see([row(0)], LISTED, 1_000, 0)
    standbys.rebase(1_500)
    assert standbys.see([row(1)], LISTED, 1_500, 1_000) == frozenset()
    assert standbys.see([row(2, flushed=1_500)], LISTED, 1_500, 2_000) == {NAME}


def test_each_sender_must_have_read_the_list() -> None:
    other = replace(ROW, node="controller-2", priority=1)
    assert obeys([ROW], {NAME: 1})
    assert obeys([], {NAME: 1})
    assert not obeys([ROW], {NAME: 2, "controller-2": 1})
    assert not obeys([ROW, other], {NAME: 1}), "it lets commits go on that the new list holds"


@pytest.mark.parametrize(("text", "number"), [("0/10", 16), ("1/0", 1 << 32), (None, 0), ("", 0)])
def test_positions(text: str | None, number: int) -> None:
    assert position(text) == number
