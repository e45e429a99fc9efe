# SPDX-License-Identifier: Apache-2.0
"""When a health page says that Keystone checks no tokens, and when the alarm about it is set and cleared."""
from __future__ import annotations

from typing import Any

import pytest
from oslo_config import cfg

from flock.auth.keystone import INTERVAL_S, SILENT_S, KeystoneWatch
from flock.core.errors import Unavailable
from fm.raiser.busalarm import BROKEN_S, BusAlarm, Change


class Keystone:
    def __init__(self) -> None:
        self.now = 1000.0
        self.failure: Exception | None = None
        self.watch = KeystoneWatch(None, ask=self.ask, clock=lambda: self.now)

    def ask(self) -> None:
        if self.failure is not None:
            raise self.failure

    def pass_s(self, seconds: float) -> str | None:
        for _ in range(int(seconds // INTERVAL_S)):
            self.now += INTERVAL_S
            assert self.watch.check() == INTERVAL_S
        return self.watch.trouble()


@pytest.fixture
def keystone() -> Keystone:
    return Keystone()


DEAD = Unavailable(service="Keystone", reason="ConnectFailure")


def test_a_keystone_that_checks_tokens_is_no_trouble(keystone: Keystone) -> None:
    assert keystone.pass_s(1000) is None


def test_a_restart_is_no_trouble_and_a_death_is(keystone: Keystone) -> None:
    keystone.failure = DEAD
    assert keystone.pass_s(SILENT_S) is None
    assert keystone.pass_s(INTERVAL_S) == "Keystone has checked no token for 30 s (ConnectFailure)"
    keystone.failure = None
    assert keystone.pass_s(INTERVAL_S) is None


def test_a_question_that_never_ends_is_trouble(keystone: Keystone) -> None:
    keystone.now += SILENT_S + 1
    assert keystone.watch.trouble() == "Keystone has checked no token for 26 s (not asked yet)"


def test_a_defect_is_no_reply(keystone: Keystone) -> None:
    keystone.failure = ValueError("x")
    with pytest.raises(ValueError, match="x"):
        keystone.watch.check()
    keystone.now += SILENT_S + 1
    assert keystone.watch.trouble() is not None


def test_without_credentials_nobody_is_asked() -> None:
    conf = cfg.ConfigOpts()
    conf([])
    now = [0.0]
    watch = KeystoneWatch(conf, clock=lambda: now[0])
    watch.start()
    now[0] += 1000
    assert watch.trouble() is None
    assert watch.check() == INTERVAL_S


def test_the_alarm_is_raised_and_cleared(keystone: Keystone) -> None:
    told: list[Any] = []
    alarm = BusAlarm("controller-0", "keystone", keystone.watch.trouble, lambda *what: told.append(what),
                     lambda: keystone.now, problem="checks no tokens")
    alarm.audit()
    told.clear()
    keystone.failure = DEAD
    for _ in range(int((SILENT_S + BROKEN_S) // INTERVAL_S) + 2):
        keystone.pass_s(INTERVAL_S)
        alarm.audit()
    [(change, entity, text)] = told
    assert (change, entity) == (Change.SET, "host=controller-0.process=keystone")
    assert text.startswith("keystone checks no tokens: Keystone has checked no token for")
    keystone.failure = None
    keystone.pass_s(INTERVAL_S)
    alarm.audit()
    assert told[1][:2] == (Change.CLEAR, "host=controller-0.process=keystone")
    alarm.audit()
    assert len(told) == 2
