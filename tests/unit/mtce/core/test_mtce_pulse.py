# SPDX-License-Identifier: Apache-2.0
"""The chain of a sender and what a host accepts as its pulses."""
from random import Random

import hypothesis.strategies as st
import pytest
from hypothesis import given

from mtce.core import pulse
from mtce.core.pulse import ANSWER, ASK, DROP, Listener, Pulser, Standing

CONTROLLER, RELAY = "10.0.0.2", "10.0.0.66"


def pulser(network="mgmt", slots=512, seed=1):
    return Pulser(network, Random(seed).randbytes, slots)


def meet(listener, sender, now_ms, address=CONTROLLER):
    listener.ask(address, now_ms)
    listener.learn(address, sender.standing(now_ms), now_ms)


@pytest.fixture
def sender():
    made = pulser()
    made.pulse(0)
    return made


@pytest.fixture
def listener(sender):
    made = Listener("mgmt", Random(2).randbytes)
    meet(made, sender, 5)
    return made


def test_each_value_is_the_hash_of_the_next_and_none_is_zero():
    chain = pulse.Chain(b"label", b"s" * 16, 50)
    values = [chain.value(slot) for slot in range(50)]
    assert values[49] == b"s" * 16
    assert all(pulse.earlier(b"label", values[slot + 1], 1) == values[slot] for slot in range(49))
    assert len(set(values)) == 50


@given(st.lists(st.integers(0, 30_000), min_size=1, max_size=60))
def test_no_slot_is_used_twice_whatever_the_clock_does(gaps):
    sender, now, seen = pulser(slots=64), 0, set()
    for gap in gaps:
        now += gap
        slot, value = sender.pulse(now)
        assert value not in seen
        seen.add(value)
        standing = sender.standing(now)
        assert (standing.slot, pulse.earlier(pulse.label_of("mgmt"), value, 1)) == (slot - 1, standing.value)


def test_next_chain_is_ready_when_one_ends():
    sender = pulser(slots=pulse.GROW_STEPS * 4)
    chains = set()
    for tick in range(pulse.GROW_STEPS * 9):
        sender.pulse(tick * 100)
        chains.add(sender._chain)
    assert len(chains) == 3
    assert sender._chain._lowest == 0


@pytest.mark.parametrize("period_ms", [100, 350, 1_000])
def test_pulses_of_a_known_sender_are_answered_once(listener, sender, period_ms):
    for tick in range(1, 40):
        now = tick * period_ms
        slot, value = sender.pulse(now)
        assert listener.hear(CONTROLLER, slot, value, now + 3) == ANSWER
        assert listener.hear(CONTROLLER, slot, value, now + 4) != ANSWER


def test_pulse_at_hand_when_the_host_asked_is_answered(listener, sender):
    slot, value = sender._slot, sender._chain.value(sender._slot)
    assert listener.hear(CONTROLLER, slot, value, 8) == ANSWER


def test_asking_again_makes_no_pulse_answerable_twice(listener, sender):
    slot, value = sender.pulse(100)
    assert listener.hear(CONTROLLER, slot, value, 100) == ANSWER
    meet(listener, sender, 120)
    assert listener.hear(CONTROLLER, slot, value, 130) != ANSWER


@pytest.mark.parametrize("missed", [0, 5, 60])
def test_lost_pulses_leave_the_next_one_answerable(listener, sender, missed):
    for tick in range(missed):
        sender.pulse(100 + tick * 100)
    now = 100 + missed * 100
    assert listener.hear(CONTROLLER, *sender.pulse(now), now) == ANSWER


def test_relayed_pulse_is_not_answered(listener, sender):
    assert listener.hear(RELAY, *sender.pulse(100), 100) == ASK


def test_pulse_of_another_network_is_not_answered(sender):
    other = Listener("cluster-host", Random(2).randbytes)
    meet(other, sender, 5)
    assert other.hear(CONTROLLER, *sender.pulse(100), 100) != ANSWER


@pytest.mark.parametrize("nonce", [b"n" * 16, b"\0" * 16])
def test_value_that_is_not_the_senders_is_not_answered(listener, nonce):
    assert listener.hear(CONTROLLER, 2, nonce, 100) == ASK


@pytest.mark.parametrize(("delay_ms", "verdict"), [(1_900, ANSWER), (2_200, ASK)])
def test_withheld_pulse_is_answered_only_within_the_bound(listener, sender, delay_ms, verdict):
    assert listener.hear(CONTROLLER, *sender.pulse(100), 100 + delay_ms) == verdict


def test_early_or_far_slot_costs_no_hash(listener, sender, monkeypatch):
    monkeypatch.setattr(pulse, "earlier", lambda *_: pytest.fail("hashed"))
    assert listener.hear(CONTROLLER, 10, b"n" * 16, 100) != ANSWER
    assert listener.hear(CONTROLLER, 0, b"n" * 16, 100) != ANSWER
    assert listener.hear(CONTROLLER, 2**64 - 1, b"n" * 16, 100) != ANSWER
    assert listener.hear(CONTROLLER, 1_000, b"n" * 16, 100_000) != ANSWER


def test_flood_of_forged_pulses_costs_few_hashes_each_and_few_questions(listener, sender, monkeypatch):
    steps, real = [], pulse.earlier
    monkeypatch.setattr(pulse, "earlier", lambda label, value, count: steps.append(count) or real(label, value, count))
    asked = answered = forged = 0
    for tick in range(1, 21):
        now = tick * 100
        slot, value = sender.pulse(now)
        answered += listener.hear(CONTROLLER, slot, value, now) == ANSWER
        for number in range(200):
            forged += 1
            verdict = listener.hear(CONTROLLER, slot + 1 + number % 3, b"n" * 16, now + number // 2)
            assert verdict != ANSWER
            if verdict == ASK:
                asked += 1
                listener.ask(CONTROLLER, now + number // 2)
    assert answered == 20
    assert sum(steps) / forged < 3.5
    assert asked <= 21


def test_restarted_sender_is_asked_and_then_answered(listener):
    again = pulser(seed=9)
    assert listener.hear(CONTROLLER, *again.pulse(60_000), 60_000) == ASK
    meet(listener, again, 60_001)
    assert listener.hear(CONTROLLER, *again.pulse(60_100), 60_100) == ANSWER


def test_end_of_a_chain_costs_one_pulse():
    sender, listener, verdicts = pulser(slots=32), Listener("mgmt", Random(2).randbytes), []
    for tick in range(100):
        now = tick * 100
        verdicts.append(listener.hear(CONTROLLER, *sender.pulse(now), now))
        if verdicts[-1] == ASK:
            meet(listener, sender, now + 1)
    assert [tick for tick, verdict in enumerate(verdicts) if verdict != ANSWER] == [0, 31, 62, 93]


def test_recorded_pulses_are_not_answered_by_a_host_that_restarts(sender):
    recorded = [sender.pulse(tick * 100) for tick in range(1, 50)]
    fresh = Listener("mgmt", Random(3).randbytes)
    assert all(fresh.hear(CONTROLLER, slot, value, 5_000) != ANSWER for slot, value in recorded)
    meet(fresh, sender, 5_100)
    assert all(fresh.hear(CONTROLLER, slot, value, 5_110) != ANSWER for slot, value in recorded[:-1])


def test_slow_sender_with_a_long_period_is_learned_between_its_pulses():
    sender, listener = pulser(), Listener("mgmt", Random(2).randbytes)
    sender.pulse(0)
    meet(listener, sender, 900)
    assert listener.hear(CONTROLLER, *sender.pulse(1_000), 1_001) == ANSWER


def test_only_a_reply_to_a_recent_question_is_awaited(listener):
    nonce = listener.ask(RELAY, 0)
    assert listener.ask(RELAY, 200) == nonce
    assert listener.asked(RELAY, pulse.ASK_VALID_MS).nonce == nonce
    assert listener.asked(RELAY, pulse.ASK_VALID_MS + 1) is None
    assert listener.ask(RELAY, pulse.ASK_VALID_MS + 1) != nonce
    assert listener.asked("10.0.0.9", 0) is None


def test_strangers_are_few_and_do_not_keep_known_senders_from_being_asked(listener):
    asked = 0
    for number in range(200):
        address = f"10.0.1.{number}"
        if listener.hear(address, 1, b"n" * 16, 1_000) == ASK:
            asked += 1
            listener.ask(address, 1_000)
    assert asked == pulse.STRANGERS_MAX
    assert listener.hear(CONTROLLER, 7, b"n" * 16, 1_000) == ASK
    assert listener.hear("10.0.2.1", 1, b"n" * 16, 1_000) == DROP
    assert listener.hear("10.0.2.1", 1, b"n" * 16, 1_000 + pulse.ASK_VALID_MS + 1) == ASK


def test_sender_longest_silent_is_forgotten(listener, sender):
    for number in range(pulse.SENDERS_MAX):
        meet(listener, sender, 10 + number, f"10.0.0.{10 + number}")
    slot, value = sender.pulse(100)
    assert listener.hear(CONTROLLER, slot, value, 100) == ASK
    assert listener.hear("10.0.0.10", slot, value, 100) == ANSWER


@given(st.integers(0, 2**64 - 1), st.binary(min_size=16, max_size=16), st.integers(-100, 10**7))
def test_noise_is_never_answered(slot, value, now_ms):
    sender = pulser()
    sender.pulse(0)
    listener = Listener("mgmt", Random(2).randbytes)
    listener.ask(CONTROLLER, 0)
    listener.learn(CONTROLLER, Standing(0, sender.standing(0).value, 1), 0)
    assert listener.hear(CONTROLLER, slot, value, now_ms) != ANSWER
