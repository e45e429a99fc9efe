# SPDX-License-Identifier: Apache-2.0
"""Several events of one moment."""
from __future__ import annotations

from sm.contract.states import ActionResult, GroupState, ServiceState
from sm.core.actions import Action, RunAction
from sm.core.events import ActionDone, Order
from sm.core.local.adoption import begin
from sm.core.local.step import step, step_all
from tests.sim.service_catalogues import large


def test_orders_of_one_moment_have_the_result_of_one_by_one() -> None:
    catalogue = large(20)
    view, todo = begin(catalogue, 1_000)
    for action in todo:
        if isinstance(action, RunAction):
            view, _ = step(view, ActionDone(action.service, action.action, action.run_id, ActionResult.SUCCESS,
                                            state=ServiceState.DISABLED), catalogue, 2_000)
    orders = [Order(group, GroupState.ACTIVE) for group in catalogue.groups]
    together, actions = step_all(view, orders, catalogue, 3_000)
    one_by_one, apart = view, list[Action]()
    for order in orders:
        one_by_one, done = step(one_by_one, order, catalogue, 3_000)
        apart += done
    assert together.services.keys() == one_by_one.services.keys()
    assert {name: (one.state, one.desired) for name, one in together.services.items()} == {
        name: (one.state, one.desired) for name, one in one_by_one.services.items()}
    assert together.groups == one_by_one.groups
    assert actions and sorted((one.service, one.action) for one in actions if isinstance(one, RunAction)) == sorted(
        (one.service, one.action) for one in apart if isinstance(one, RunAction))
