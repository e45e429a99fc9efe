# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest

from flock.core.records import replace
from sm.contract.messages import Beat, Echo
from sm.core.admission import FRESH_MS, GREETED_MAX, LATE_MS, WINDOW, Admission, Verdict

ACCEPTED, GREETED, REPLAYED, LATE = Verdict.ACCEPTED, Verdict.GREETED, Verdict.REPLAYED, Verdict.LATE
OFFSET = 500_000
"""The peer's clock is this much behind."""


def beat(boot: str, now_ms: int, echo_ms: int | None = None, echo_boot: str = "mine") -> Beat:
    """A beat that the peer sent at ``now_ms`` of this node's clock."""
    echoes = {} if echo_ms is None else {"controller-0": Echo(echo_boot, echo_ms)}
    return Beat("controller-1", boot, 1, now_ms - OFFSET, echoes=echoes)


@pytest.fixture
def admission() -> Admission:
    """Has accepted boot ``one`` at 1,000,000 with datagram 100."""
    made = Admission("controller-0", "mine")
    assert made.admit("mgmt", beat("one", 1_000_000, 999_950), 100, 1_000_000) is ACCEPTED
    return made


def test_two_nodes_that_start_at_once_believe_each_other_after_two_beats() -> None:
    zero, one = Admission("controller-0", "b0"), Admission("controller-1", "b1")
    assert one.admit("mgmt", Beat("controller-0", "b0", 1, 10), 1, 900) is GREETED
    assert zero.admit("mgmt", Beat("controller-1", "b1", 1, 905), 1, 15) is GREETED
    answer = Beat("controller-0", "b0", 2, 110, greetings=zero.greetings(110))
    assert one.admit("mgmt", answer, 2, 1_000) is ACCEPTED
    answer = Beat("controller-1", "b1", 2, 1_005, greetings=one.greetings(1_005))
    assert answer.greetings == {}
    # What the domain has accepted it echoes itself.
    answer = replace(answer, echoes={"controller-0": Echo("b0", 110)})
    assert zero.admit("mgmt", answer, 2, 115) is ACCEPTED
    assert (zero.boot_of("controller-1"), one.boot_of("controller-0")) == ("b1", "b0")
    assert zero.greetings(115) == one.greetings(1_005) == {}


@pytest.mark.parametrize("echo", [None, 1_000_000 - FRESH_MS - 1, 1_000_001])
def test_a_boot_without_a_fresh_echo_is_not_life(echo: int | None) -> None:
    admission = Admission("controller-0", "mine")
    assert admission.admit("mgmt", beat("one", 1_000_000, echo), 1, 1_000_000) is GREETED
    assert admission.boot_of("controller-1") is None


def test_an_echo_of_an_earlier_boot_of_this_node_proves_nothing() -> None:
    admission = Admission("controller-0", "mine")
    assert admission.admit("mgmt", beat("one", 1_000_000, 999_990, "former"), 1, 1_000_000) is GREETED


def test_the_boot_before_is_never_believed_again(admission: Admission) -> None:
    recorded = beat("one", 1_000_400, 1_000_350)
    assert admission.admit("mgmt", beat("two", 1_000_500, 1_000_450), 1, 1_000_500) is ACCEPTED
    # Recorded on another path, its echo is still fresh, but it is older than the belief in the new boot.
    assert admission.admit("oam", recorded, 104, 1_000_510) is GREETED
    assert admission.boot_of("controller-1") == "two"


def test_a_sequence_counts_once_per_path(admission: Admission) -> None:
    now = 1_000_100
    assert admission.admit("mgmt", beat("one", now), 101, now) is ACCEPTED
    assert admission.admit("mgmt", beat("one", now), 101, now) is REPLAYED
    assert admission.admit("oam", beat("one", now), 101, now) is ACCEPTED
    assert admission.admit("oam", beat("one", now), 101, now) is REPLAYED


def test_datagrams_may_come_in_another_order_within_the_window(admission: Admission) -> None:
    now = 1_000_100
    assert admission.admit("mgmt", beat("one", now), 100 + WINDOW, now) is ACCEPTED
    assert admission.admit("mgmt", beat("one", now), 101, now) is ACCEPTED
    assert admission.admit("mgmt", beat("one", now), 101, now) is REPLAYED
    assert admission.admit("mgmt", beat("one", now), 101 + WINDOW, now) is ACCEPTED
    assert admission.admit("mgmt", beat("one", now), 101, now) is REPLAYED
    assert admission.admit("mgmt", beat("one", now), 100 + 10 * WINDOW, now) is ACCEPTED
    assert admission.admit("mgmt", beat("one", now), 100 + WINDOW, now) is REPLAYED


def test_nothing_from_before_the_first_accepted_beat_counts(admission: Admission) -> None:
    for path in ("mgmt", "oam"):
        assert admission.admit(path, beat("one", 1_000_000), 99, 1_000_010) is REPLAYED
        assert admission.admit(path, beat("one", 1_000_000), 36, 1_000_010) is REPLAYED


def test_a_beat_that_was_held_back_is_no_life(admission: Admission) -> None:
    assert admission.admit("mgmt", beat("one", 1_000_100), 101, 1_000_100 + LATE_MS + 10) is LATE
    assert admission.admit("oam", beat("one", 1_000_100), 101, 1_000_100 + LATE_MS) is ACCEPTED


def test_a_sender_whose_clock_stood_still_is_heard_again(admission: Admission) -> None:
    """A paused virtual machine: its beats seem late, and the echo proves that they are not."""
    behind, now = 30_000, 1_050_000
    paused = replace(beat("one", now), sent_ms=now - OFFSET - behind)
    assert admission.admit("mgmt", paused, 101, now) is LATE
    proven = replace(paused, echoes={"controller-0": Echo("mine", now - 50)})
    assert admission.admit("mgmt", proven, 102, now) is ACCEPTED
    assert admission.admit("mgmt", replace(paused, sent_ms=paused.sent_ms + 100), 103, now + 100) is ACCEPTED


def test_clocks_may_drift_apart(admission: Admission) -> None:
    for hour in range(1, 25):
        now = 1_000_000 + hour * 3_600_000
        drifted = replace(beat("one", now), sent_ms=now - OFFSET - hour * 1_800)  # 500 ppm
        assert admission.admit("mgmt", drifted, 100 + hour, now) is ACCEPTED


def test_recordings_of_old_boots_do_not_crowd_out_a_new_one(admission: Admission) -> None:
    now = 1_000_100
    for number in range(3 * GREETED_MAX):
        assert admission.admit("mgmt", beat(f"old{number}", now), 5, now) is GREETED
    assert admission.admit("mgmt", beat("new", now), 1, now) is GREETED
    greeted = [echo.boot for echo in admission.greetings(now)["controller-1"]]
    assert "new" in greeted and len(greeted) == GREETED_MAX
    # The same recording again is no news, and the boot that is believed stays.
    assert admission.admit("mgmt", beat(f"old{3 * GREETED_MAX - 1}", now), 5, now) is REPLAYED
    assert admission.boot_of("controller-1") == "one"


def test_greetings_end(admission: Admission) -> None:
    assert admission.admit("mgmt", beat("two", 1_000_100), 1, 1_000_100) is GREETED
    assert set(admission.greetings(1_000_100 + FRESH_MS)) == {"controller-1"}
    assert admission.greetings(1_000_101 + FRESH_MS) == {}
