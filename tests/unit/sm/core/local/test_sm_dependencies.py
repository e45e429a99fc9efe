# SPDX-License-Identifier: Apache-2.0
"""What each kind of dependency asks of the other service, in each of its states."""
import pytest

from sm.contract.states import DependencyKind, ServiceAction, ServiceState
from sm.core.local.dependencies import Relations
from sm.core.local.view import ServiceView
from sm.core.model import Catalogue, Dependency
from tests.sim.service_catalogues import WARM, group, service

A, S = ServiceAction, ServiceState
ALL = frozenset(ServiceState)


def relations(row, other, own=S.ENABLED_ACTIVE, groups=None):
    services = {"one": service("one"), "other": service("other", WARM)}
    catalogue = Catalogue(groups or {"g": group("g", services)}, services, (row,))
    place = {name: catalogue.group_of(name).name for name in services}
    views = {"one": ServiceView("one", group=place["one"], desired=own)}
    if other is not None:
        views["other"] = other
    return Relations(catalogue, views, {}), views["one"]


def missing(row, other, own=S.ENABLED_ACTIVE, groups=None):
    found, one = relations(row, other, own, groups)
    return found.missing(one, row.action) == "other"


@pytest.mark.parametrize(("action", "required", "met"), [
    (A.ENABLE, S.ENABLED_ACTIVE, {S.ENABLED_ACTIVE}),
    (A.ENABLE, S.ENABLED_STANDBY, {S.ENABLED_ACTIVE, S.ENABLED_STANDBY, S.ENABLED_GO_ACTIVE, S.ENABLED_GO_STANDBY}),
    (A.GO_ACTIVE, S.ENABLED_ACTIVE, {S.ENABLED_ACTIVE}),
    (A.GO_ACTIVE, S.ENABLED_STANDBY, {S.ENABLED_ACTIVE, S.ENABLED_STANDBY, S.ENABLED_GO_ACTIVE, S.ENABLED_GO_STANDBY}),
    (A.DISABLE, S.DISABLED, {S.ENABLED_STANDBY, S.SHUTDOWN}),
    (A.GO_STANDBY, S.DISABLED, {S.SHUTDOWN}),
    (A.GO_STANDBY, S.ENABLED_STANDBY, {S.ENABLED_STANDBY, S.SHUTDOWN})])
def test_states_in_which_an_action_may_begin(action, required, met):
    row = Dependency("one", action, "other", required)
    assert {state for state in ALL if not missing(row, ServiceView("other", group="g", state=state))} == met


@pytest.mark.parametrize("action", [A.DISABLE, A.GO_STANDBY])
@pytest.mark.parametrize("other", [
    None, ServiceView("other", group="g", state=S.DISABLED, stopped=True),
    ServiceView("other", group="g", state=S.ENABLING_THROTTLE, stopped=True),
    ServiceView("other", group="g", state=S.ENABLED_ACTIVE, managed=False),
    ServiceView("other", group="g", state=S.DISABLING, stop_failures=4)])
def test_what_is_gone_or_will_not_go_is_not_waited_for(action, other):
    assert not missing(Dependency("one", action, "other", S.DISABLED), other)


def test_stops_that_failed_less_often_are_waited_for():
    other = ServiceView("other", group="g", state=S.DISABLING, stop_failures=3)
    assert missing(Dependency("one", A.DISABLE, "other", S.DISABLED), other)


@pytest.mark.parametrize(("own", "together", "expected"), [
    (S.ENABLED_STANDBY, True, False), (S.ENABLED_ACTIVE, True, True), (S.ENABLED_ACTIVE, False, False)])
def test_starting_without_what_stands_by_here(own, together, expected):
    aggregate = "all" if together else ""
    groups = {"g": group("g", ["one"], aggregate="all"), "h": group("h", ["other"], aggregate=aggregate)}
    other = ServiceView("other", group="h", state=S.DISABLED, desired=S.ENABLED_STANDBY)
    assert missing(Dependency("one", A.ENABLE, "other", S.ENABLED_ACTIVE), other, own, groups) is expected


@pytest.mark.parametrize("action", [A.ENABLE, A.DISABLE])
def test_a_lasting_dependency_is_lost_in_every_lesser_state(action):
    row = Dependency("one", action, "other", S.ENABLED_STANDBY, DependencyKind.STATE)
    lost = set()
    for state in ALL:
        found, one = relations(row, ServiceView("other", group="g", state=state))
        assert found.missing(one, action) == ""
        if found.lost(one):
            lost.add(state)
    assert ALL - lost == {S.ENABLED_ACTIVE, S.ENABLED_STANDBY, S.ENABLED_GO_ACTIVE, S.ENABLED_GO_STANDBY}
    found, one = relations(row, None)
    assert found.lost(one) == ""


def test_of_several_that_press_the_one_that_asks_most_counts():
    rows = (Dependency("one", A.DISABLE, "warm", S.DISABLED), Dependency("two", A.GO_STANDBY, "warm", S.DISABLED))
    views = {"one": ServiceView("one", leaving=A.DISABLE), "two": ServiceView("two", leaving=A.GO_STANDBY),
             "warm": ServiceView("warm")}
    assert Relations(Catalogue({}, {}, rows), views, {}).pressing(views["warm"]) == rows[1]


@pytest.mark.parametrize(("leaving", "managed", "pressed"), [
    (A.DISABLE, True, True), (A.GO_STANDBY, True, False), (None, True, False), (A.DISABLE, False, False)])
def test_who_is_pressed(leaving, managed, pressed):
    row = Dependency("one", A.DISABLE, "other", S.DISABLED)
    found, _ = relations(row, ServiceView("other", group="g"))
    services = {"one": ServiceView("one", leaving=leaving, managed=managed), "other": found.services["other"]}
    found = Relations(found.catalogue, services, {})
    assert (found.pressing(services["other"]) == row) is pressed
    assert found.pressing(services["one"]) is None
