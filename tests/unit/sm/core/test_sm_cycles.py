# SPDX-License-Identifier: Apache-2.0
"""Dependencies that close a cycle are left out; those that only look like one are kept."""
import pytest

from sm.contract.states import DependencyKind, ServiceAction, ServiceState
from sm.core.cycles import without_cycles
from sm.core.model import Catalogue, Dependency

ENABLE, DISABLE, GO_ACTIVE = ServiceAction.ENABLE, ServiceAction.DISABLE, ServiceAction.GO_ACTIVE
ACTIVE, STANDBY, DISABLED = ServiceState.ENABLED_ACTIVE, ServiceState.ENABLED_STANDBY, ServiceState.DISABLED


def test_a_chain_stays_whole():
    rows = [Dependency("fs", ENABLE, "drbd", ACTIVE), Dependency("drbd", GO_ACTIVE, "ip", ACTIVE),
            Dependency("ip", DISABLE, "fs", DISABLED), Dependency("drbd", DISABLE, "fs", DISABLED)]
    assert without_cycles(rows) == (rows, [])


def test_starting_after_and_stopping_after_the_same_service_is_no_cycle():
    rows = [Dependency("ipsec", ENABLE, "ip", ACTIVE), Dependency("ipsec", DISABLE, "ip", DISABLED)]
    assert without_cycles(rows) == (rows, [])


def test_two_phases_that_wait_for_each_other_in_turn_are_no_cycle():
    rows = [Dependency("fs", ENABLE, "drbd", STANDBY), Dependency("drbd", GO_ACTIVE, "fs", ACTIVE)]
    assert without_cycles(rows) == (rows, [])


@pytest.mark.parametrize(("action", "state"), [(ENABLE, ACTIVE), (DISABLE, DISABLED)])
def test_the_row_that_closes_a_cycle_is_left_out(action, state):
    rows = [Dependency(one, action, other, state) for one, other in ("ab", "bc", "ca")]
    assert without_cycles(rows) == (rows[:2], rows[2:])


def test_a_service_does_not_wait_for_itself():
    row = Dependency("a", ENABLE, "a", ACTIVE)
    assert without_cycles([row]) == ([], [row])


def test_waiting_for_the_promotion_of_what_waits_for_ones_own_start_is_a_cycle():
    rows = [Dependency("fs", ENABLE, "drbd", ACTIVE), Dependency("drbd", GO_ACTIVE, "fs", ACTIVE)]
    assert without_cycles(rows) == (rows[:1], rows[1:])


def test_a_lasting_dependency_counts_as_one_of_the_start():
    rows = [Dependency("a", DISABLE, "b", ACTIVE, DependencyKind.STATE), Dependency("b", ENABLE, "a", ACTIVE)]
    assert without_cycles(rows) == (rows[:1], rows[1:])


def test_the_catalogue_answers_from_both_ends_and_names_what_it_left_out():
    rows = (Dependency("a", ENABLE, "b", ACTIVE), Dependency("b", ENABLE, "a", ACTIVE))
    catalogue = Catalogue({}, {}, rows)
    assert catalogue.of("a", ENABLE) == catalogue.naming("b") == rows[:1]
    assert catalogue.of("b", ENABLE) == catalogue.naming("a") == ()
    assert catalogue.closing == rows[1:]
