# SPDX-License-Identifier: Apache-2.0
"""A silent controller is switched off either by service management or by mtce, never by both at a time."""
import pytest

from flock.core.clock import Instant
from mtce.contract.states import HostAction
from mtce.core.events import Guarded
from mtce.core.view import from_document, to_document
from sm.contract.nodecommand import Fencing

BOOT_S = 1_200


@pytest.fixture
def standby(story):
    """Controller-1 in service, with a board."""
    return story(bmc=True, personality="controller").enabled().forget_story()


def told(s, fencing, seconds):
    """Service management says it every ten seconds."""
    for _ in range(0, seconds, 10):
        s.guarded(Guarded(fencing)).run_s(10)
    return s


def test_while_service_management_strikes_mtce_does_not(standby):
    s = told(standby.guarded(Guarded(Fencing.ABLE)).hang(), Fencing.ABLE, 600)
    assert (s.strikes, s.machine.resets, s.machine.power_ons) == ([], 0, 0)
    assert s.view.states()[:2] == ("unlocked", "disabled")
    assert s.view.task == "Silent; service management switches it off"


def test_without_that_word_mtce_strikes(standby):
    assert standby.hang().run_s(600).strikes


def test_a_word_that_is_not_repeated_ends(standby):
    s = standby.guarded(Guarded(Fencing.ABLE)).hang()
    began_ms = s.now_ms
    s.run_s(120)
    assert s.settings.guard_trusted_ms - 5_000 <= s.strikes[0][0] - began_ms <= s.settings.guard_trusted_ms + 10_000


def test_what_was_fenced_boots_without_a_second_strike_and_recovers(standby):
    s = told(standby.guarded(Guarded(Fencing.ABLE)).hang(), Fencing.ABLE, 10)
    told(s, Fencing.OFF, 300)
    assert (s.strikes, s.view.task) == ([], "Switched off by service management; booting")
    s.power_on().until_states("unlocked-enabled-available", 300)
    assert s.strikes == []


def test_what_does_not_boot_after_it_was_fenced_is_mtces_again(standby):
    s = told(standby.guarded(Guarded(Fencing.ABLE)).hang(), Fencing.OFF, BOOT_S - 60)
    assert s.strikes == []
    assert told(s, Fencing.OFF, 120).strikes


def test_the_time_of_the_boot_counts_from_the_fence_also_for_the_next_conductor(standby):
    s = told(standby.hang(), Fencing.OFF, 20)
    at = Instant("this boot", s.now_ms)
    stored = to_document(s.view, at)
    assert from_document(stored, at, is_active=False).fenced_ms == s.view.fenced_ms
    for name in ("guarded_ms", "fenced_ms"):
        del stored[name]  # as a conductor of an earlier release stores it
    assert from_document(stored, at, is_active=False).fenced_ms is None
    s.guarded(Guarded(Fencing.ABLE))
    assert s.view.fenced_ms is None, "it is heard again"


def test_an_operator_is_not_kept_from_anything(story):
    s = story(bmc=True, personality="controller", states="locked-disabled-online")
    s.guarded(Guarded(Fencing.ABLE)).command(HostAction.RESET).run_s(60)
    assert s.machine.resets == 1
