# SPDX-License-Identifier: Apache-2.0
import pytest

from flock.core.records import replace
from sm.core.fencing import Evidence, Permit, Refusal, judge
from sm.core.timing import Timing

NOW = 1_000_000
TIMING = Timing()
DEAD = Evidence(target="controller-1", silent_since_ms=NOW - 60_000, quiet_until_ms=0, heard_by="", reachable=1,
                voters=2, outvoted=False, leading=True, leader="", eligible=True, data_refusal="", isolated="",
                stalled_ms=0, fenceable=True, attempts=0, last_attempt_ms=None, waiting=False)


def test_silence_on_every_path_permits_a_strike_and_says_so():
    assert judge(DEAD, NOW, TIMING) == Permit("controller-1 is silent on every path for 60000 ms; this node leads")


@pytest.mark.parametrize(("changes", "reason"), [
    ({"fenceable": False}, "no BMC"),
    ({"eligible": False}, "locked or not ready"),
    ({"isolated": "mgmt has no carrier"}, "own networks are at fault: mgmt has no carrier"),
    ({"heard_by": "witness"}, "witness hears controller-1"),
    ({"silent_since_ms": None}, "never heard"),
    ({"silent_since_ms": NOW - TIMING.silent_ms + 1}, "silent for less than"),
    ({"quiet_until_ms": NOW + 1}, "pauses"),
    ({"stalled_ms": NOW - 10}, "itself stalled"),
    ({"waiting": True}, "not answered yet"),
    ({"attempts": 2, "last_attempt_ms": NOW - 2 * TIMING.fence_retry_ms + 1}, "attempt 2 has failed"),
    ({"leading": False, "leader": "controller-2"}, "controller-2 leads"),
    ({"leading": False, "voters": 3}, "only 1 of 3 voters"),
    ({"leading": False, "data_refusal": "its data is not current"}, "could not take over"),
    ({"leading": False, "silent_since_ms": NOW - TIMING.silent_ms}, "silent for less than 5800 ms"),
    ({"leading": False, "voters": 3, "reachable": 2, "silent_since_ms": NOW - TIMING.silent_ms},
     "silent for less than 1800 ms"),
    ({"voters": 3, "outvoted": True, "silent_since_ms": NOW - TIMING.silent_ms}, "silent for less than 5800 ms"),
])
def test_what_forbids_a_strike(changes, reason):
    verdict = judge(replace(DEAD, **changes), NOW, TIMING)
    assert isinstance(verdict, Refusal)
    assert reason in verdict.reason


@pytest.mark.parametrize(("changes", "delay_ms"), [
    ({}, 0),
    ({"leading": False}, TIMING.fence_delay_ms),
    ({"leading": False, "voters": 3, "reachable": 2}, TIMING.majority_delay_ms),
    ({"voters": 3, "reachable": 2}, 0),
    ({"voters": 3, "outvoted": True}, TIMING.fence_delay_ms),
])
def test_who_strikes_first_when_two_do_not_hear_each_other(changes, delay_ms):
    silent = replace(DEAD, silent_since_ms=NOW - TIMING.silent_ms - delay_ms, **changes)
    assert isinstance(judge(silent, NOW, TIMING), Permit)
    assert delay_ms == 0 or isinstance(judge(silent, NOW - 1, TIMING), Refusal)


def test_failed_attempts_are_repeated_ever_more_seldom():
    waits = []
    for attempts in (1, 2, 3, 20):
        failed = replace(DEAD, attempts=attempts, last_attempt_ms=NOW)
        waits.append(next(ms for ms in range(0, 10**6, 1_000)
                          if isinstance(judge(failed, NOW + ms, TIMING), Permit)))
    assert waits == [5_000, 10_000, 20_000, 60_000]
