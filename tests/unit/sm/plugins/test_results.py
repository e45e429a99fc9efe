# SPDX-License-Identifier: Apache-2.0
"""What exit codes mean, by the rows of the specification; and when an action is tried again."""
from __future__ import annotations

import pytest

from sm.contract.states import ActionResult, Condition, PluginKind, ServiceState, Status
from sm.core.model import ResultRow, Retries
from sm.core.resultrows import FAILURE, TIMEOUT
from sm.plugins.results import Meaning, Results, Tries, again
from tests.unit.sm.plugins.rows import ACTIVE, BAD, DISABLED, OK, ROWS, spec

LSB, OCF = PluginKind.LSB, PluginKind.OCF
NONE = (Status.NONE, Condition.NONE)
DEGRADED = Status.DEGRADED

CASES: list[tuple[PluginKind, str, str, str, ActionResult, ServiceState | None, Status | None, Condition | None]] = [
    (LSB, "haproxy", "status", "0", OK, ACTIVE, None, None),
    *((LSB, "haproxy", "status", code, OK, DISABLED, None, None) for code in "123"),
    *((LSB, "haproxy", "status", code, BAD, None, None, None) for code in ("4", "5", "255", FAILURE, TIMEOUT)),
    (LSB, "haproxy", "start", "0", OK, None, None, None),
    *((LSB, "haproxy", "start", code, BAD, None, None, None) for code in ("1", "6", "8", "139", FAILURE, TIMEOUT)),
    (LSB, "haproxy", "stop", "7", BAD, DISABLED, None, None),
    (LSB, "openldap", "status", "0", OK, ACTIVE, *NONE),
    (LSB, "openldap", "status", "160", OK, ACTIVE, *NONE),
    (LSB, "openldap", "status", "161", OK, ACTIVE, DEGRADED, Condition.FD_LIMIT_REACHED),
    (LSB, "openldap", "status", "3", OK, DISABLED, None, None),
    (LSB, "openldap", "start", "161", BAD, None, None, None),
    (OCF, "IPaddr2", "monitor", "0", OK, None, *NONE),
    (OCF, "IPaddr2", "monitor", "7", OK, DISABLED, *NONE),
    (OCF, "IPaddr2", "start", "5", BAD, None, None, None),
    (OCF, "IPaddr2", "stop", "5", OK, DISABLED, None, None),
    (OCF, "drbd", "demote", "5", OK, DISABLED, None, None),
    (OCF, "drbd", "demote", "1", BAD, None, None, None),
    (OCF, "drbd", "monitor", "8", OK, ACTIVE, *NONE),
    (OCF, "drbd", "monitor", "9", BAD, ACTIVE, None, None),
    (OCF, "drbd", "monitor", "35", OK, None, DEGRADED, Condition.DATA_SYNCING),
    (OCF, "drbd", "monitor", "37", OK, ACTIVE, DEGRADED, Condition.DATA_INCONSISTENT),
    (OCF, "drbd", "monitor", "41", OK, ACTIVE, DEGRADED, Condition.DATA_STANDALONE),
    (OCF, "drbd", "monitor", "42", BAD, None, None, None),
    (OCF, "Filesystem", "stop", "1", OK, DISABLED, None, None),
    (OCF, "Filesystem", "stop", TIMEOUT, OK, DISABLED, None, None),
    (OCF, "Filesystem", "stop", FAILURE, BAD, None, None, None),
    (OCF, "Filesystem", "start", TIMEOUT, BAD, None, None, None),
    (OCF, "Filesystem", "stop", "5", OK, DISABLED, None, None),
]


@pytest.mark.parametrize(("plugin", "name", "command", "code", "result", "state", "status", "condition"), CASES)
def test_codes_mean_what_the_rows_say(
        plugin: PluginKind, name: str, command: str, code: str, result: ActionResult, state: ServiceState | None,
        status: Status | None, condition: Condition | None) -> None:
    found = Results(ROWS).meaning(spec(plugin, name, command), code)
    assert (found.result, found.state, found.status, found.condition) == (result, state, status, condition)


def test_rows_are_looked_up_from_the_particular_to_the_general() -> None:
    places = [(name, command, code) for name in ("one", "default") for command in ("look", "default")
              for code in ("3", "other")]
    for number in range(len(places)):
        rows = [ResultRow(LSB, *place, OK, status=Status.WARN if place == places[number] else None)
                for place in reversed(places[number:])]
        assert Results(rows).meaning(spec(LSB, "one", "look"), "3").status is Status.WARN, places[number]
    assert Results(rows).row(OCF, "one", "look", "3") is None


def test_codes_without_rows_have_a_plain_meaning() -> None:
    none, action = Results(()), spec(LSB, "one", "start", timeout_s=7)
    assert none.meaning(action, "0", "fine\n") == Meaning(OK, reason="lsb-script one start ended with 0: fine")
    assert none.meaning(action, "1").result is ActionResult.FAILED
    assert none.meaning(action, TIMEOUT) == Meaning(
        ActionResult.TIMEOUT, reason="lsb-script one start did not end within 7 s")
    assert none.meaning(action, FAILURE, "a\n" + "x" * 400 + "\n\n").reason == \
        "lsb-script one start could not be carried out: " + "x" * 300


@pytest.mark.parametrize(("retries", "codes", "attempts"), [
    (Retries(2, 2, 2), ["1"] * 9, 3),
    (Retries(2, 2, 2), [TIMEOUT, "1", TIMEOUT, "1"], 3),
    (Retries(0, 0, 0), ["1"] * 3, 1),
    (Retries(1, 1, 1), [FAILURE, TIMEOUT, "1"], 2),
    (Retries(2, 0, 2), [TIMEOUT, "1"], 1),
    (Retries(2, 0, 2), ["1", TIMEOUT, "1"], 2),
    (Retries(2, 2, 9), ["1", TIMEOUT, "1", TIMEOUT, "1", "1"], 5),
    (Retries(2, 2, 2), ["1", "0", "1"], 2),
])
def test_attempts_end_by_kind_and_in_all(retries: Retries, codes: list[str], attempts: int) -> None:
    tries, made = Tries(), 0
    for code in codes:
        made += 1
        tries = tries.counted(code)
        if not again(Results(()).meaning(spec(LSB, "one", "start"), code), code, tries, retries):
            break
    assert made == attempts


def test_nothing_is_tried_again_after_a_fatal_result() -> None:
    rows = [ResultRow(LSB, "default", "default", "9", ActionResult.FATAL)]
    meaning = Results(rows).meaning(spec(LSB, "one", "start"), "9")
    assert not again(meaning, "9", Tries(failed=1), Retries(2, 2, 2))
