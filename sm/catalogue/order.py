# SPDX-License-Identifier: Apache-2.0
"""The order that dependencies demand: which steps wait for which, in what layers services start, and cycles."""
from __future__ import annotations

import graphlib
from collections.abc import Mapping
from dataclasses import dataclass

from sm.contract.states import DependencyKind, ServiceAction, ServiceState
from sm.core.model import Catalogue, Dependency


@dataclass(frozen=True, slots=True, order=True)
class Step:
    """One action of one service; ``str`` gives ``postgres go-active``."""

    service: str
    action: ServiceAction

    def __str__(self) -> str:
        return f"{self.service} {self.action}"


Steps = Mapping[Step, frozenset[Step]]
"""Each step and the steps that must end before it."""


def start_steps(catalogue: Catalogue) -> Steps:
    """What must happen before each service is enabled, and before it is made active."""
    steps = {}
    for name, spec in catalogue.services.items():
        enable = Step(name, ServiceAction.ENABLE)
        steps[enable] = _needed(catalogue, enable)
        if spec.has_standby:
            active = Step(name, ServiceAction.GO_ACTIVE)
            steps[active] = _needed(catalogue, active) | {enable}
    return steps


def stop_steps(catalogue: Catalogue) -> Steps:
    """What must happen before each service is made standby, and before it is disabled."""
    steps = {}
    for name, spec in catalogue.services.items():
        for action in (ServiceAction.GO_STANDBY, ServiceAction.DISABLE):
            if action in spec.actions:
                steps[Step(name, action)] = _needed(catalogue, Step(name, action))
    return steps


def _needed(catalogue: Catalogue, step: Step) -> frozenset[Step]:
    # All rows: the catalogue's index leaves out those that close a cycle, which are looked for here. What must hold for
    # as long as a service is enabled must hold when it is enabled.
    rows = [row for row in catalogue.dependencies if row.service == step.service and (
        row.action is step.action if row.kind is DependencyKind.ACTION else step.action is ServiceAction.ENABLE)]
    return frozenset(_step(catalogue, row, step.action) for row in rows)


def _step(catalogue: Catalogue, row: Dependency, action: ServiceAction) -> Step:
    """What the other service must have done."""
    stands_by = catalogue.services[row.dependent].has_standby
    stopping = action in (ServiceAction.DISABLE, ServiceAction.GO_STANDBY)
    if stopping:
        goes_standby = (stands_by and row.state is ServiceState.ENABLED_STANDBY
                        and not catalogue.services[row.dependent].restarts_to_stand_by)
        return Step(row.dependent, ServiceAction.GO_STANDBY if goes_standby else ServiceAction.DISABLE)
    goes_active = stands_by and row.state is ServiceState.ENABLED_ACTIVE
    return Step(row.dependent, ServiceAction.GO_ACTIVE if goes_active else ServiceAction.ENABLE)


def cycle(steps: Steps) -> tuple[Step, ...]:
    """Steps that wait for each other, the first one again at the end; empty when there are none."""
    try:
        graphlib.TopologicalSorter(steps).prepare()
    except graphlib.CycleError as error:
        return tuple(reversed(error.args[1]))
    return ()


def layers(steps: Steps) -> tuple[tuple[Step, ...], ...]:
    """The steps in the order in which they can run; those of one layer run together. CycleError when there is none."""
    sorter = graphlib.TopologicalSorter(steps)
    sorter.prepare()
    found = []
    while sorter.is_active():
        ready = sorter.get_ready()
        found.append(tuple(sorted(ready)))
        sorter.done(*ready)
    return tuple(found)
