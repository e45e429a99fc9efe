# SPDX-License-Identifier: Apache-2.0
"""Layers of steps and cycles among them."""
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sm.catalogue.order import Step, cycle, layers, start_steps, stop_steps
from sm.contract.states import DependencyKind, PluginKind, ServiceAction, ServiceState
from sm.core.model import ActionSpec, Catalogue, Dependency, ServiceSpec

ENABLE, DISABLE, UP, DOWN = (ServiceAction.ENABLE, ServiceAction.DISABLE, ServiceAction.GO_ACTIVE,
                             ServiceAction.GO_STANDBY)
ACTIVE, STANDBY, DISABLED = ServiceState.ENABLED_ACTIVE, ServiceState.ENABLED_STANDBY, ServiceState.DISABLED


def service(name: str, *, standby: bool = False) -> ServiceSpec:
    has = (ENABLE, DISABLE, UP, DOWN) if standby else (ENABLE, DISABLE)
    return ServiceSpec(name, {action: ActionSpec(action, PluginKind.LSB, name, "x", 1) for action in has})


def made(*rows: Dependency, standing: str = "") -> Catalogue:
    return Catalogue({}, {name: service(name, standby=name in standing) for name in "abcd"}, rows)


def test_going_active_comes_after_enabling_and_counts_for_those_who_need_it() -> None:
    found = made(Dependency("b", ENABLE, "a", ACTIVE), Dependency("a", UP, "c", ACTIVE), standing="a")
    assert layers(start_steps(found)) == ((Step("a", ENABLE), Step("c", ENABLE), Step("d", ENABLE)), (Step("a", UP),),
                                          (Step("b", ENABLE),))


def test_one_who_needs_a_service_on_standby_only_waits_for_its_start() -> None:
    found = made(Dependency("b", ENABLE, "a", STANDBY), standing="a")
    assert start_steps(found)[Step("b", ENABLE)] == {Step("a", ENABLE)}


def test_stopping() -> None:
    found = made(Dependency("a", DOWN, "b", DISABLED), Dependency("a", DOWN, "c", STANDBY),
                 Dependency("a", DISABLE, "d", STANDBY), standing="ac")
    steps = stop_steps(found)
    assert steps[Step("a", DOWN)] == {Step("b", DISABLE), Step("c", DOWN)}
    assert steps[Step("a", DISABLE)] == {Step("d", DISABLE)}


def test_what_must_last_must_be_there_first() -> None:
    found = made(Dependency("a", DISABLE, "b", ACTIVE, DependencyKind.STATE))
    assert start_steps(found)[Step("a", ENABLE)] == {Step("b", ENABLE)}
    assert stop_steps(found)[Step("a", DISABLE)] == frozenset()


@pytest.mark.parametrize(("rows", "length"), [
    ([("a", ENABLE, "b"), ("b", ENABLE, "a")], 5), ([("a", ENABLE, "b"), ("b", ENABLE, "c"), ("c", ENABLE, "a")], 6),
    ([("a", ENABLE, "b"), ("b", UP, "a")], 4), ([("a", ENABLE, "b"), ("a", UP, "b"), ("c", ENABLE, "a")], 0)])
def test_cycles(rows: list[tuple[str, ServiceAction, str]], length: int) -> None:
    found = cycle(start_steps(made(*(Dependency(one, action, other, ACTIVE) for one, action, other in rows),
                                   standing="ab")))
    assert len(found) == length
    assert not found or (found[0] == found[-1] and str(found[0]).split()[0] in "abc")


@given(st.sets(st.tuples(st.sampled_from("abcd"), st.sampled_from([ENABLE, UP]), st.sampled_from("abcd"))))
def test_layers_obey_every_dependency_or_there_is_a_cycle(rows: set[tuple[str, ServiceAction, str]]) -> None:
    steps = start_steps(made(*(Dependency(*row, ACTIVE) for row in sorted(rows)), standing="abcd"))
    found = cycle(steps)
    if found:
        assert all(later in steps[earlier] for earlier, later in zip(found, found[1:], strict=False))
        return
    number = {step: at for at, layer in enumerate(layers(steps)) for step in layer}
    assert set(number) == set(steps)
    assert all(number[needed] < number[step] for step, needs in steps.items() for needed in needs)
