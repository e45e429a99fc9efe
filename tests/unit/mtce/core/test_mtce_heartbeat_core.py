# SPDX-License-Identifier: Apache-2.0
from random import Random

import pytest

from flock.sim import seeds
from mtce.core.heartbeat import Detector, Thresholds, Watch

HOST = "2f1c1d7e-0000-4000-8000-000000000001"


class Bench:
    def __init__(self, networks=("mgmt",), **thresholds):
        self.detector = Detector(100, Thresholds(**thresholds))
        self.detector.watch(Watch(HOST, "worker-0", networks, 7))
        self.now_ms = 0
        self.detector.on_tick(0, networks)

    def tick(self, answered, networks=("mgmt",), after_ms=100, blind=frozenset()):
        self.now_ms += after_ms
        for network in networks:
            self.detector.path(HOST, network).answered = answered
        pulsed = [network for network in networks if network not in blind]
        return [(change.network, change.level) for change in self.detector.on_tick(self.now_ms, pulsed)]

    def run(self, answered, count, **kwargs):
        return [change for _ in range(count) for change in self.tick(answered, **kwargs)]


def test_levels_come_at_their_thresholds():
    bench = Bench()
    assert bench.tick(True) == [("mgmt", "ok")]
    assert bench.run(False, 3) == []
    assert bench.tick(False) == [("mgmt", "minor")]
    assert bench.run(False, 2) == [("mgmt", "degrade")]
    assert bench.run(False, 4) == [("mgmt", "loss")]
    assert bench.run(False, 200) == []


def test_minor_is_known_on_mgmt_only():
    bench = Bench(networks=("cluster-host",))
    assert bench.run(False, 5, networks=("cluster-host",)) == []
    assert bench.tick(False, networks=("cluster-host",)) == [("cluster-host", "degrade")]


@pytest.mark.parametrize(("misses", "hits"), [(4, 1), (6, 1), (10, 10)])
def test_recovery_takes_one_answer_or_ten_after_a_loss(misses, hits):
    bench = Bench()
    bench.tick(True)
    bench.run(False, misses)
    assert bench.run(True, hits - 1) == []
    assert bench.tick(True) == [("mgmt", "ok")]


def test_answers_in_a_row_means_in_a_row():
    bench = Bench()
    bench.tick(True)
    bench.run(False, 10)
    bench.run(True, 9)
    bench.tick(False)
    assert bench.run(True, 9) == []
    assert bench.tick(True) == [("mgmt", "ok")]


def test_host_that_never_answered_is_lost_too():
    assert Bench().run(False, 10)[-1] == ("mgmt", "loss")


def test_first_answer_ends_the_loss_of_a_host_that_was_never_heard_and_no_later_one():
    bench = Bench()
    assert bench.run(False, 30)[-1] == ("mgmt", "loss")
    assert bench.tick(True) == [("mgmt", "ok")]
    assert bench.run(False, 10)[-1] == ("mgmt", "loss")
    assert bench.run(True, 9) == []


def test_late_tick_counts_against_nobody_and_stretches_the_thresholds():
    bench = Bench()
    bench.tick(True)
    assert bench.run(False, 9)[-1] == ("mgmt", "degrade")
    assert bench.tick(False, after_ms=5_000) == []
    assert bench.tick(False) == []
    assert bench.tick(False) == []
    assert bench.tick(False) == [("mgmt", "loss")]


def test_own_link_down_counts_against_nobody():
    bench = Bench(networks=("mgmt", "cluster-host"))
    bench.tick(True, networks=("mgmt", "cluster-host"))
    changes = bench.run(False, 50, networks=("mgmt", "cluster-host"), blind=frozenset({"mgmt"}))
    assert changes == [("cluster-host", "degrade"), ("mgmt", "unknown"), ("cluster-host", "loss")]


@pytest.mark.parametrize("before", [[(True, 1)], [(True, 1), (False, 10)], [(False, 10)]])
def test_level_from_before_the_own_link_went_down_is_forgotten_and_begins_anew(before):
    bench = Bench()
    for answered, count in before:
        bench.run(answered, count)
    assert bench.run(False, 9, blind=frozenset({"mgmt"})) == []
    assert bench.run(False, 50, blind=frozenset({"mgmt"})) == [("mgmt", "unknown")]
    assert bench.run(False, 9) == [("mgmt", "minor"), ("mgmt", "degrade")]
    assert bench.tick(True) == [("mgmt", "ok")]


def test_periods_without_a_pulse_between_misses_neither_count_nor_excuse():
    bench = Bench()
    bench.tick(True)
    for _ in range(9):
        bench.run(False, 1)
        bench.run(False, 9, blind=frozenset({"mgmt"}))
    assert [change.level for change in bench.detector.present()] == ["degrade"]
    assert bench.tick(False) == [("mgmt", "loss")]


def test_network_that_the_sender_does_not_have_stays_unknown():
    bench = Bench(networks=("mgmt", "cluster-host"))
    assert {network for network, _ in bench.run(False, 50)} == {"mgmt"}


@pytest.mark.parametrize("number", seeds(20))
def test_pulses_that_do_not_leave_never_lead_to_a_loss(number):
    random = Random(number)
    bench = Bench()
    misses = 0
    for _ in range(2_000):
        sent, answered = random.random() < 0.4, random.random() < 0.05
        changes = bench.tick(sent and answered, blind=frozenset() if sent else frozenset({"mgmt"}))
        misses = 0 if sent and answered else misses + sent
        if ("mgmt", "loss") in changes:
            assert misses >= 10


def test_list_of_hosts_keeps_counters_of_the_same_epoch():
    bench = Bench()
    bench.run(False, 10)
    bench.detector.watch_all([Watch(HOST, "worker-0", ("mgmt",), 7)])
    assert [change.level for change in bench.detector.present()] == ["loss"]
    bench.detector.watch_all([Watch(HOST, "worker-0", ("mgmt",), 8)])
    assert [(change.level, change.epoch) for change in bench.detector.present()] == [("unknown", 8)]
    bench.detector.unwatch(HOST)
    assert bench.detector.present() == []


@pytest.mark.parametrize(("network", "lost", "answered"), [
    ("mgmt", 9, 1), ("mgmt", 5, 1), ("mgmt", 3, 1), ("mgmt", 1, 1), ("cluster-host", 9, 1), ("cluster-host", 5, 1),
    ("cluster-host", 3, 3), ("mgmt", 9, 9)])
def test_path_that_answers_now_and_then_is_degraded_once_until_it_is_over(network, lost, answered):
    bench = Bench(networks=(network,))

    def cycle():
        return bench.run(False, lost, networks=(network,)) + bench.run(True, answered, networks=(network,))

    bench.tick(True, networks=(network,))
    first = [level for _ in range(4 * 10) for _, level in cycle()]
    assert first[-1] == "degrade"
    assert "loss" not in first
    assert first.count("degrade") <= 2  # misses in a row may show before their share does
    assert [change for _ in range(500) for change in cycle()] == []
    assert bench.run(True, 9 - answered, networks=(network,)) == []
    assert bench.run(True, 10, networks=(network,)) == [(network, "ok")]
    assert bench.run(True, 100, networks=(network,)) == []


def test_path_that_misses_one_pulse_in_four_is_steady():
    bench = Bench()
    bench.tick(True)
    assert [change for _ in range(100) for change in bench.run(False, 1) + bench.run(True, 3)] == []


def test_unsteady_path_is_lost_by_misses_in_a_row_and_steady_after_the_loss():
    bench = Bench()
    bench.tick(True)
    for _ in range(20):
        bench.run(False, 9)
        bench.tick(True)
    assert bench.run(False, 10) == [("mgmt", "loss")]
    assert bench.run(True, 10) == [("mgmt", "ok")]
    assert bench.run(False, 1) + bench.run(True, 1) + bench.run(False, 3) == []


def test_misses_of_a_sender_in_doubt_make_no_path_unsteady():
    bench = Bench()
    bench.tick(True)
    levels = []
    for _ in range(100):
        levels += bench.tick(False, after_ms=500) + bench.tick(False) + bench.tick(True)
    assert levels == []


def test_thresholds_are_checked():
    with pytest.raises(ValueError, match="minor <= loss"):
        Thresholds(minor=11)
