# SPDX-License-Identifier: Apache-2.0
"""A host that is silent because somebody else claims the addresses: no strike for silence, a bounded time, all said."""
from random import Random

import pytest

from flock.core.clock import Instant
from mtce.contract.states import HostAction
from mtce.core.events import Claimed
from mtce.core.view import Network, from_document, to_document

MAC = "02:00:00:00:00:66"
CLAIM = Claimed("192.168.204.1", MAC, Network.MGMT)
TASK = f"No reset: MAC {MAC} claims addresses, see 400.005"


def cut_off(s, seconds):
    """Nothing of the host arrives any more; its controller's agent sees the claim and confirms it every ten seconds."""
    s.machine.mgmt_cut = s.machine.cluster_cut = True
    for _ in range(0, seconds, 10):
        s.claimed(CLAIM).run_s(10)
    return s


@pytest.mark.parametrize("seconds", [30, 600, 3_600])
def test_who_claims_the_addresses_of_the_controller_gets_no_host_reset(story, seconds):
    s = cut_off(story(bmc=True).enabled().forget_story(), seconds)
    assert s.strikes == []
    assert s.machine.resets == s.machine.reboot_commands == 0
    assert s.view.states()[:2] == ("unlocked", "disabled")
    assert ("200.005", ".network=Management", "critical") in s.view.alarms
    assert s.view.task == TASK
    assert len(TASK) <= 64
    boot = s.machine.boot
    s.machine.mgmt_cut = s.machine.cluster_cut = False
    s.until_states("unlocked-enabled-available", 120)
    assert (s.machine.boot, s.strikes) == (boot, [])


def test_without_the_claim_the_same_silence_is_struck(story):
    s = story(bmc=True).enabled().forget_story()
    s.machine.mgmt_cut = s.machine.cluster_cut = True
    s.run_s(600)
    assert s.strikes


def test_a_claim_that_nobody_confirms_protects_for_a_bounded_time(story):
    s = cut_off(story(bmc=True).enabled().forget_story(), 300)
    s.hang()
    ended_ms = s.now_ms
    s.run_s(60)
    assert s.strikes
    assert s.strikes[0][0] - ended_ms <= s.settings.claim_trusted_ms + 5_000


def test_a_claim_that_begins_during_the_wait_for_the_board_prevents_the_reset(story):
    s = story(bmc=True).enabled().forget_story()
    s.machine.mgmt_cut = s.machine.cluster_cut = True
    s.run_s(200)
    assert s.machine.resets == 0
    cut_off(s, 400)
    assert s.machine.resets == 0
    assert s.view.task == TASK


def test_an_operator_may_still_act(story):
    s = cut_off(story(bmc=True).enabled().forget_story(), 60)
    s.command(HostAction.FORCE_LOCK)
    cut_off(s, 600)
    assert s.machine.resets >= 1
    assert all(reason.startswith("operator:") for _, reason in s.strikes)


def test_an_enable_that_was_cut_off_does_not_reboot_either(story):
    s = story(bmc=True).enabled().forget_story()
    cut_off(s, 20)
    s.restart_conductor()
    cut_off(s, 900)
    assert s.strikes == []


def test_the_evidence_survives_a_restart_of_the_conductor_only_for_its_time(story):
    s = cut_off(story(bmc=True).enabled(), 20)
    at = Instant("clock", s.now_ms)
    stored = to_document(s.view, at)
    assert from_document(stored, at, is_active=False).claimed_ms == s.view.claimed_ms
    for name in ("claimed", "claimed_ms", "claimed_by"):
        del stored[name]
    assert from_document(stored, at, is_active=False).claimed_ms is None


@pytest.mark.parametrize("seed", range(12))
def test_no_silence_strikes_within_the_time_of_a_claim(story, seed):
    """Cuts, deaths, claims and restarts of the conductor in any order, for two hours each."""
    random = Random(seed)
    s = story(bmc=True, seed=seed).enabled().forget_story()
    last_claim_ms = None
    for _ in range(400):
        what = random.randrange(12)
        if what < 4:
            s.claimed(CLAIM)
            last_claim_ms = s.now_ms
        elif what < 6:
            s.machine.mgmt_cut = s.machine.cluster_cut = what == 4
        elif what == 6 and s.machine.up:
            s.hang()
        elif what == 7:
            s.restart_conductor()
            # The evidence of the last seconds is not stored; the agents confirm it before a strike is possible.
            if last_claim_ms is not None and s.now_ms - last_claim_ms < s.settings.claim_trusted_ms:
                s.claimed(CLAIM)
                last_claim_ms = s.now_ms
        strikes = len(s.strikes)
        s.run_s(random.randrange(1, 36))
        for at_ms, reason in s.strikes[strikes:]:
            assert last_claim_ms is None or at_ms - last_claim_ms >= s.settings.claim_trusted_ms \
                or not reason.startswith("silence"), (at_ms - last_claim_ms, reason)
    assert any(reason.startswith("silence") for _, reason in s.strikes), "claims end, and silence counts again"
