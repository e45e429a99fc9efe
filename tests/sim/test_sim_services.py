# SPDX-License-Identifier: Apache-2.0
"""Groups and services of a node under failing plug-ins, crashes, late and lost answers and restarts of the engine:
order is kept, nothing runs twice, nothing spins, what may be active is never denied, and in the end all is as ordered.
"""
from collections import defaultdict, deque

import pytest

from flock.core.codec import codec_for
from flock.core.records import replace
from flock.sim import World, seeds
from sm.contract.states import ActionResult, GroupState, ServiceAction, ServiceState
from sm.core import actions as wanted
from sm.core.events import ActionDone, AuditNow, Order, ProcessDied, Restart, SetManaged, Tick
from sm.core.local.adoption import adopt, begin, resume
from sm.core.local.explain import explain
from sm.core.local.step import step
from sm.core.local.view import Bounce, LocalView, next_deadline_ms
from tests.sim import service_catalogues

pytestmark = pytest.mark.soak

A = ServiceAction
MINUTE_MS = 60_000
# Pauses of 1 to 60 s leave room for 7 starts with as many stops, and as many again after a recovery and after orders.
CHANGES_PER_MINUTE_MAX = 40


class Process:
    """What really runs of one service."""

    def __init__(self):
        self.runs = self.promoted = False
        self.job = None


class Plant:
    """The node: plug-ins that fail at random, and the shell around the engine, with the checkers of what it does."""

    def __init__(self, world, catalogue):
        self.world, self.catalogue, self.random = world, catalogue, world.random
        self.whole, self.abandoned = catalogue, set()
        self.faulty, self.quick = True, ""
        self.processes = {name: Process() for name in catalogue.services}
        for process in self.processes.values():
            process.runs = self.random.random() < 0.1
        self.ordered = dict.fromkeys(catalogue.groups)
        self.changes = defaultdict(deque)
        self.reboots = 0
        self.timer = 0
        self.steps = 0
        self.view, todo = begin(catalogue, self.now())
        self.carry_out(todo)
        world.always(lambda _: self.wrong())

    def now(self):
        return int(self.world.now_ms)

    def tell(self, event):
        self.view, todo = step(self.view, event, self.catalogue, self.now())
        self.steps += 1
        if not isinstance(event, Tick):
            self.world.say(f"{event}")
        self.carry_out(todo)

    def carry_out(self, todo):
        codec = codec_for(LocalView)
        if self.steps % 25 == 0:
            assert codec.decode(codec.encode(self.view, "view"), "view") == self.view
            assert all(explain(self.view, self.catalogue, name, self.now()).endswith(".") for name in self.processes)
        for action in todo:
            self.world.say(f"    {action}")
            if isinstance(action, wanted.RunAction):
                self.begin(action)
            elif isinstance(action, wanted.CancelAction):
                self.cancel(action)
            elif isinstance(action, wanted.RebootNode):
                self.reboots += 1
        self.timer += 1
        timer, due_ms = self.timer, next_deadline_ms(self.view)
        assert due_ms > self.now(), f"the next deadline, {due_ms}, is over: a hot loop"
        self.world.at(due_ms, lambda: self.tell(Tick()) if timer == self.timer else None)

    def begin(self, action):
        process = self.processes[action.service]
        if process.job is not None:
            self.world.fail(f"{action} while {process.job} runs")
        wrong = self.disorder(action)
        if wrong:
            self.world.fail(f"{action}: {wrong}")
        process.job = action
        if action.action in (A.ENABLE, A.GO_ACTIVE) and self.random.random() < 0.5:
            self.take_effect(action)
        usual_ms = 20 if action.service == self.quick else self.random.choice((20, 200, 2_000, 20_000))
        took_ms = usual_ms * self.random.uniform(0.5, 1.5)
        if self.faulty and self.random.random() < 0.01:
            return  # An answer that never comes.
        self.world.after(took_ms, lambda: self.finish(action))

    def cancel(self, action):
        process = self.processes[action.service]
        if process.job is not None and process.job.run_id == action.run_id:
            if self.random.random() < 0.5:
                self.take_effect(process.job)
            process.job = None

    def finish(self, action):
        process = self.processes[action.service]
        if process.job is not action:
            if self.random.random() < 0.3:  # It was killed; its answer is under way nevertheless.
                self.tell(ActionDone(action.service, action.action, action.run_id, ActionResult.SUCCESS))
            return
        process.job = None
        failed = self.faulty and self.random.random() < 0.25
        if not failed or self.random.random() < 0.3:
            self.take_effect(action)
        state = None
        if action.action in service_catalogues.AUDITS:
            state = self.state(action.service)
        result = ActionResult.SUCCESS
        if failed:
            result = self.random.choice((ActionResult.FAILED, ActionResult.FAILED, ActionResult.TIMEOUT))
            result = ActionResult.FATAL if self.random.random() < 0.01 else result
        done = ActionDone(action.service, action.action, action.run_id, result, state=state)
        self.tell(done)
        if self.random.random() < 0.05:
            self.tell(done)

    def take_effect(self, action):
        process = self.processes[action.service]
        if action.action is A.ENABLE:
            process.runs = True
        elif action.action is A.DISABLE:
            process.runs = process.promoted = False
        elif action.action is A.GO_ACTIVE:
            process.promoted = process.runs
        elif action.action is A.GO_STANDBY:
            process.promoted = False

    def state(self, name):
        process = self.processes[name]
        if not process.runs:
            return ServiceState.DISABLED
        warm = A.GO_ACTIVE in self.whole.services[name].actions
        return ServiceState.ENABLED_STANDBY if warm and not process.promoted else ServiceState.ENABLED_ACTIVE

    def order(self, name, state, **flags):
        self.ordered[name] = state
        self.tell(Order(name, state, **flags))

    def restart_engine(self):
        codec = codec_for(LocalView)
        stored = codec.decode(codec.encode(self.view, "view"), "view")
        self.ordered = dict.fromkeys(self.ordered)
        self.world.say("the engine restarts")
        self.view, todo = resume(stored, self.catalogue, self.now())
        self.carry_out(todo)

    def change_catalogue(self):
        """Some services leave, all others are there, and one of them is defined otherwise."""
        before, gone = self.catalogue, {name for name in self.processes if self.random.random() < 0.15}
        services = {name: spec for name, spec in self.whole.services.items() if name not in gone}
        if services:
            changed = self.random.choice(list(services))
            services[changed] = replace(services[changed], parameters={"version": str(self.steps)})
        groups = {one.name: replace(one, members=tuple(member for member in one.members if member.service not in gone))
                  for one in self.whole.groups.values()}
        groups = {name: one for name, one in groups.items() if one.members}
        rows = tuple(row for row in self.whole.dependencies if not {row.service, row.dependent} & gone)
        self.abandoned |= {name for name in gone if name in self.view.services and not self.view.services[name].managed}
        self.switch(replace(self.whole, groups=groups, services=services, dependencies=rows), before)

    def switch(self, catalogue, before):
        self.catalogue = catalogue
        self.ordered = {name: self.ordered.get(name) for name in catalogue.groups}
        self.world.say("the catalogue changes")
        self.view, todo = adopt(self.view, before, catalogue, self.now())
        for name, group in self.view.groups.items():
            if group.desired is GroupState.INITIAL and name in self.ordered:
                self.ordered[name] = None
        self.carry_out(todo)

    # Checkers

    def disorder(self, action):
        """What is wrong with starting this action now, by rules written down once more."""
        name, services = action.service, self.view.services
        if action.action not in service_catalogues.AUDITS:
            recent = self.changes[name]
            recent.append(self.now())
            while recent[0] < self.now() - MINUTE_MS:
                recent.popleft()
            if len(recent) > CHANGES_PER_MINUTE_MAX:
                return f"{len(recent)} changes in a minute"
        if not services[name].managed and action.action is not A.AUDIT_DISABLED:
            return "it is unmanaged"
        if action.action is A.GO_ACTIVE and self.ordered.get(services[name].group) is not GroupState.ACTIVE:
            return f"its group is ordered {self.ordered.get(services[name].group)}"
        if action.action is A.ENABLE:
            starting = sum(process.job is not None and process.job.action is A.ENABLE
                           for process in self.processes.values())
            if starting >= max(self.catalogue.enabling_max, 1):
                return f"{starting} services start already"
        for row in self.catalogue.dependencies:
            if row.service == name and row.action is action.action:
                wrong = self.unmet(row)
                if wrong:
                    return wrong
        return None

    def unmet(self, row):
        services = self.view.services
        other, process = services[row.dependent], self.processes[row.dependent]
        if row.action in (A.ENABLE, A.GO_ACTIVE):
            if other.state is ServiceState.ENABLED_ACTIVE or (
                    row.action is A.ENABLE and other.desired is ServiceState.ENABLED_STANDBY):
                return None
            return f"{other.name} is {other.state}"
        limit = self.whole.services[other.name].max_action_failures
        helpless = other.stop_failures >= limit or other.state is ServiceState.SHUTDOWN
        hurried = services[row.service].bounce in (Bounce.CRASH, Bounce.ALONE)
        warm = A.GO_ACTIVE in self.whole.services[other.name].actions
        promotes = process.job is not None and process.job.action is A.GO_ACTIVE
        standing_by = row.action is A.DISABLE and warm and not process.promoted and not promotes
        if not process.runs or not other.managed or helpless or hurried or standing_by:
            return None
        return f"{other.name} still runs"

    def wrong(self):
        """What must never be, looked at after every event of the world."""
        active_groups = self.view.active_groups
        for name, process in self.processes.items():
            service = self.view.services.get(name)
            if service is None:
                if process.runs and name not in self.abandoned:
                    return f"{name} is forgotten and still runs"
                continue
            warm = A.GO_ACTIVE in self.whole.services[name].actions
            active = process.runs and (process.promoted or not warm)
            if active and service.managed and service.group not in active_groups:
                return f"{name} is active, but its group is said not to be: {service}"
            promotes = process.job is not None and process.job.action is A.GO_ACTIVE
            if promotes and self.ordered.get(service.group) is not GroupState.ACTIVE:
                return f"{name} is being promoted, and its group is ordered {self.ordered.get(service.group)}"
        return None

    def trouble(self):
        """One random thing that happens to the node, and again later."""
        if not self.faulty:
            return
        kinds = {self.kill: 35, self.look: 15, self.restart_service: 10, self.toggle_managed: 3,
                 self.change_catalogue: 3, self.restart_engine: 2, self.repeat_orders: 14, self.order_anew: 20}
        self.random.choices(list(kinds), kinds.values())[0]()
        self.world.after(self.random.expovariate(1 / 15_000), self.trouble)

    def any_service(self):
        return self.random.choice(list(self.catalogue.services) or list(self.processes))

    def kill(self):
        name = self.any_service()
        process = self.processes[name]
        if process.runs and process.job is None and not process.promoted:
            process.runs = False
            self.tell(ProcessDied(name, "killed by signal 9"))

    def look(self):
        self.tell(AuditNow(self.any_service()))

    def restart_service(self):
        self.tell(Restart(self.any_service(), alone=self.random.random() < 0.5))

    def toggle_managed(self):
        name = self.any_service()
        if name in self.view.services:
            self.tell(SetManaged(name, not self.view.services[name].managed))

    def repeat_orders(self):
        flags = {flag: self.random.random() < 0.5 for flag in ("recover", "clear_fatal", "escalate")}
        for group, state in list(self.ordered.items()):
            if state is not None:
                self.order(group, state, **flags)

    def order_anew(self):
        chosen = self.random.choice((GroupState.ACTIVE, GroupState.ACTIVE, GroupState.STANDBY, GroupState.DISABLED))
        for group in self.ordered:
            if self.random.random() < 0.85:
                self.order(group, chosen if self.random.random() < 0.9 else GroupState.ACTIVE)

    def heal(self, state):
        """No more faults; the leader says once more what it wants, and goes on recovering what has failed."""
        self.faulty = False
        self.switch(self.whole, self.catalogue)
        for name in self.processes:
            self.tell(SetManaged(name, True))
        self.repeat(state)

    def repeat(self, state):
        for group in self.ordered:
            self.order(group, state, recover=True, clear_fatal=True)
        self.world.after(10_000, lambda: self.repeat(state))

    def unsettled(self, state):
        """What is not as ordered."""
        wrong = [f"{name}: {group.state}" for name, group in self.view.groups.items() if group.state is not state]
        for name in self.processes:
            warm = A.GO_ACTIVE in self.catalogue.services[name].actions
            expected = {GroupState.ACTIVE: ServiceState.ENABLED_ACTIVE, GroupState.DISABLED: ServiceState.DISABLED,
                        GroupState.STANDBY: ServiceState.ENABLED_STANDBY if warm else ServiceState.DISABLED}[state]
            if self.state(name) is not expected:
                wrong.append(f"{self.state(name)}; {explain(self.view, self.catalogue, name, self.now())}")
        return wrong


def catalogue_for(world):
    return service_catalogues.controller() if world.seed % 5 == 0 else service_catalogues.chosen(world.random)


@pytest.mark.parametrize("seed", seeds(60))
def test_order_holds_under_faults_and_all_is_as_ordered_afterwards(seed):
    world = World(seed)
    plant = Plant(world, catalogue_for(world))
    world.after(1_000, plant.trouble)
    world.run(5 * MINUTE_MS)
    final = world.random.choice((GroupState.ACTIVE, GroupState.ACTIVE, GroupState.STANDBY, GroupState.DISABLED))
    plant.heal(final)
    # The last answer that never comes is missed after 300 s; a chain of starts of up to 30 s each follows.
    world.run(25 * MINUTE_MS)
    assert plant.unsettled(final) == []
    assert final is GroupState.ACTIVE or [one for one in plant.view.services.values() if one.is_active] == []


def longest_chain(catalogue):
    """The number of services that stop one after the other."""
    length = dict.fromkeys(catalogue.services, 1)
    for _ in length:
        for row in catalogue.dependencies:
            if row.action is A.DISABLE:
                length[row.service] = max(length[row.service], length[row.dependent] + 1)
    return max(length.values())


@pytest.mark.parametrize("seed", seeds(20))
def test_stepping_down_waits_for_nothing_that_does_not_come(seed):
    """Whatever was under way, an order to stop takes no longer than the stops themselves, one after the other."""
    world = World(seed)
    plant = Plant(world, catalogue_for(world))
    world.after(1_000, plant.trouble)
    world.run(world.random.uniform(0.2, 4) * MINUTE_MS)
    plant.faulty = False
    for name, service in list(plant.view.services.items()):
        plant.tell(SetManaged(name, True))
        if service.state is ServiceState.DISABLING and service.action is A.DISABLE:
            world.after(30_000, lambda job=plant.processes[name].job: job and plant.finish(job))
    for group in plant.ordered:
        plant.order(group, world.random.choice((GroupState.STANDBY, GroupState.DISABLED)))
    # A stop takes up to 30 s; a look before is given up after 5 s; one that had just failed is repeated after a pause.
    world.run((longest_chain(plant.whole) + 1) * 30_000 + 5_000 + 60_000)
    assert [explain(plant.view, plant.catalogue, one.name, plant.now()) for one in plant.view.services.values()
            if one.is_active and not one.given_up] == []


def never_starting(world):
    """A plant without other faults, and the service of which every start fails, with the moments of its starts."""
    plant = Plant(world, service_catalogues.chosen(world.random))
    plant.faulty = False
    victim = plant.quick = world.random.choice(list(plant.processes))
    honest, tried = plant.finish, []

    def finish(action):
        if action.service != victim or action.action is not A.ENABLE or plant.processes[victim].job is not action:
            honest(action)
            return
        tried.append(world.now_ms)
        plant.processes[victim].job = None
        plant.processes[victim].runs = False
        plant.tell(ActionDone(victim, A.ENABLE, action.run_id, ActionResult.FAILED, reason="exit code 1"))

    plant.finish = finish
    plant.processes[victim].runs = False
    for group in plant.ordered:
        plant.order(group, GroupState.ACTIVE)
    return plant, victim, tried


@pytest.mark.parametrize("seed", seeds(10))
def test_a_service_that_never_starts_is_tried_with_pauses_and_given_up(seed):
    world = World(seed)
    plant, victim, tried = never_starting(world)
    world.run(30 * MINUTE_MS)
    spec, service = plant.catalogue.services[victim], plant.view.services[victim]
    assert len(tried) == spec.max_transition_failures
    assert service.condition == "fatal-failure"
    assert service.state is ServiceState.SHUTDOWN
    assert "given up" in explain(plant.view, plant.catalogue, victim, plant.now())
    pauses = [later - sooner for sooner, later in zip(tried, tried[1:], strict=False)]
    assert all(pause >= min(1_000 << number, 60_000) for number, pause in enumerate(pauses))


@pytest.mark.parametrize("seed", seeds(10))
def test_orders_to_recover_that_never_end_make_no_hot_loop(seed):
    """The checker of the plant counts changes per minute."""
    world = World(seed)
    plant, _, tried = never_starting(world)

    def insist():
        for group in plant.ordered:
            plant.order(group, GroupState.ACTIVE, recover=True, clear_fatal=True)
        world.after(1_000, insist)

    insist()
    world.run(10 * MINUTE_MS)
    assert len(tried) >= 10
