# SPDX-License-Identifier: Apache-2.0
"""An engine under test with a clock and plug-ins that answer when they are told to."""
from __future__ import annotations

from sm.contract.states import ActionResult, GroupState, ServiceState
from sm.core.actions import CancelAction, RunAction
from sm.core.events import ActionDone, Order, Tick
from sm.core.local.adoption import adopt, begin
from sm.core.local.explain import explain
from sm.core.local.step import step
from sm.core.local.view import next_deadline_ms
from sm.core.model import Catalogue
from tests.sim.service_catalogues import group, needs, service

DISABLED, STANDBY, ACTIVE = ServiceState.DISABLED, ServiceState.ENABLED_STANDBY, ServiceState.ENABLED_ACTIVE
FAILED, SUCCESS = ActionResult.FAILED, ActionResult.SUCCESS


def chain(**fields):
    """``app`` uses ``db``, and ``db`` uses ``ip``; all in group ``g``, which is critical."""
    names = ("ip", "db", "app")
    return Catalogue({"g": group("g", names)}, {name: service(name, **fields) for name in names},
                     (*needs("db", "ip"), *needs("app", "db")))


def single(name="svc", *args, impact=None, group_fields=None, **fields):
    """One service in group ``g``."""
    impacts = {} if impact is None else {"impact": impact}
    return Catalogue({"g": group("g", [name], **impacts, **(group_fields or {}))},
                     {name: service(name, *args, **fields)})


def active_movable(view, catalogue):
    """Groups that must not be active on two nodes, and of which something may be active here; a removed one too."""
    return view.active_groups - {one.name for one in catalogue.groups.values() if not one.movable}


class Engine:
    """The view after each event, and the actions of the last one; looks at the start find ``found``."""

    def __init__(self, catalogue, found=DISABLED, settings=None):
        self.catalogue, self.now_ms = catalogue, 10_000
        self.view, self.actions = begin(catalogue, self.now_ms, settings)
        if found is not None:
            for name in catalogue.services:
                if self.running(name):
                    self.done(name, state=found)

    def __getitem__(self, name):
        return self.view.services[name]

    @property
    def group(self):
        return self.view.groups["g"]

    def running(self, name):
        return self[name].action

    def ran(self):
        """Names and actions that the last event started."""
        return [(action.service, action.action.value) for action in self.actions if isinstance(action, RunAction)]

    def cancelled(self):
        return [action.service for action in self.actions if isinstance(action, CancelAction)]

    def tell(self, event, after_ms=10):
        self.now_ms += after_ms
        self.view, self.actions = step(self.view, event, self.catalogue, self.now_ms)
        assert next_deadline_ms(self.view) > self.now_ms
        return self

    def done(self, name, result=SUCCESS, **fields):
        job = self[name]
        assert job.action is not None, f"{name} runs nothing"
        return self.tell(ActionDone(name, job.action, job.run_id, result, **fields))

    def answer(self, *names, limit=200, **fields):
        """Everything that runs, of these services or of all, succeeds until nothing runs."""
        for _ in range(limit):
            busy = [name for name in names or self.view.services if name in self.view.services and self.running(name)]
            if not busy:
                return self
            self.done(busy[0], **fields)
        raise AssertionError("it never ends")

    def order(self, state, group="g", **flags):
        return self.tell(Order(group, GroupState(state), **flags))

    def up(self):
        """Everything active."""
        for name in self.catalogue.groups:
            self.order("active", name)
        return self.answer()

    def wait(self, duration_ms, audits=None):
        """Let time pass with a tick at each deadline; audits find ``audits`` or what was there."""
        end_ms = self.now_ms + duration_ms
        happened = []
        while next_deadline_ms(self.view) <= end_ms:
            self.tell(Tick(), next_deadline_ms(self.view) - self.now_ms)
            happened += self.actions
            for name in self.view.services:
                job = self[name]
                if job.action is not None and job.action.value.startswith("audit") and audits is not False:
                    self.done(name, state=DISABLED if job.state is DISABLED else audits)
                    happened += self.actions
        self.now_ms = end_ms
        self.actions = tuple(happened)
        return self

    def adopt(self, catalogue):
        before, self.catalogue = self.catalogue, catalogue
        self.now_ms += 10
        self.view, self.actions = adopt(self.view, before, catalogue, self.now_ms)
        return self

    def explain(self, name):
        return explain(self.view, self.catalogue, name, self.now_ms)
