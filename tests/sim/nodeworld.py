# SPDX-License-Identifier: Apache-2.0
"""Controllers that run the whole step of a node: agreement, scheduler, groups and services whose plug-ins may fail."""
from flock.core.records import replace
from sm.contract import messages
from sm.contract.messages import NodeReport
from sm.contract.states import (
    ActionResult,
    Administrative,
    Availability,
    Impact,
    Operational,
    PluginKind,
    RedundancyModel,
    ServiceAction,
    ServiceState,
)
from sm.core.actions import CancelAction, RunAction
from sm.core.domain import events as domain
from sm.core.domain.view import View
from sm.core.events import ActionDone, ProcessDied
from sm.core.local.adoption import begin, resume
from sm.core.model import ActionSpec, Catalogue, Dependency, GroupSpec, MemberSpec, ServiceSpec
from sm.core.node.step import step, watchdog_until
from sm.core.node.view import BeatCame, NodeView, Send, Standing, StandingChanged, Swact
from sm.core.wireform import domain_beat, with_domain
from tests.sim.domainworld import ACTIVE, HANGING_DAEMON_MS, STARTING, STOPPED, Controller, Voter

ENABLE, DISABLE, GO_ACTIVE, GO_STANDBY = (ServiceAction.ENABLE, ServiceAction.DISABLE, ServiceAction.GO_ACTIVE,
                                          ServiceAction.GO_STANDBY)
UP, WARM, DOWN = ServiceState.ENABLED_ACTIVE, ServiceState.ENABLED_STANDBY, ServiceState.DISABLED
RESULT = {ENABLE: UP, DISABLE: DOWN, GO_ACTIVE: UP, GO_STANDBY: WARM}


def service(name, *without):
    kinds = [kind for kind in ServiceAction if kind not in without]
    return ServiceSpec(name, {kind: ActionSpec(kind, PluginKind.EXEC, name, kind.value, 5, interval_s=10)
                              for kind in kinds})


def group(name, *members, aggregate="", model=RedundancyModel.N_PLUS_M, n_active=1, m_standby=1):
    return GroupSpec(name, model, n_active, m_standby, tuple(MemberSpec(each, Impact.CRITICAL) for each in members),
                     aggregate, failure_debounce_ms=30_000, fatal_error_reboot=bool(aggregate))


def needs(name, *others):
    return [Dependency(name, ENABLE, other, UP) for other in others] + [
        Dependency(other, DISABLE, name, DOWN) for other in others]


SITE = Catalogue(
    {each.name: each for each in (
        group("oam-services", "oam-ip", aggregate="controller-aggregate"),
        group("controller-services", "management-ip", "postgres", "api", aggregate="controller-aggregate"),
        group("patching-services", "patch-alarm-manager"),
        group("web-services", "lighttpd", model=RedundancyModel.N, n_active=2, m_standby=0))},
    {each.name: each for each in (
        *(service(name, GO_ACTIVE, GO_STANDBY)
          for name in ("oam-ip", "management-ip", "patch-alarm-manager", "lighttpd")),
        # Stands by with everything loaded, and is stopped and started to get there.
        service("api", GO_STANDBY), service("postgres"))},
    (*needs("oam-ip", "management-ip"), Dependency("postgres", GO_ACTIVE, "management-ip", UP),
     Dependency("api", GO_ACTIVE, "postgres", UP), Dependency("api", GO_ACTIVE, "management-ip", UP),
     Dependency("postgres", GO_STANDBY, "api", WARM), Dependency("postgres", DISABLE, "api", DOWN),
     Dependency("management-ip", DISABLE, "api", DOWN)))
LEASED = ("oam-ip", "management-ip", "postgres", "api")
HEALTHY = NodeReport(Administrative.UNLOCKED, Operational.ENABLED, Availability.AVAILABLE, Operational.ENABLED, "1")


class Machine(Controller):
    """A controller with services. ``state`` is what really runs, whatever the engines believe."""

    failing = 0.02

    def __init__(self, *args, **kwargs):
        self.running = dict.fromkeys(SITE.services, DOWN)
        self.cancelled = set()
        super().__init__(*args, **kwargs)

    @property
    def running(self):
        """What runs, by service; replaced by every change."""
        return self._running

    @running.setter
    def running(self, value):
        self._running, self._state = value, None

    @property
    def state(self):
        if self._state is None:
            self._state = self.state_now()
        return self._state

    def state_now(self):
        """What ``running`` amounts to."""
        if self.running["postgres"] is UP:
            return ACTIVE
        return STARTING if any(self.running[name] is UP for name in LEASED) else STOPPED

    @state.setter
    def state(self, value):
        assert value == STOPPED
        self.running = dict.fromkeys(SITE.services, DOWN)

    def begin(self):
        self.boots += 1
        now_ms = self.local_ms()
        self.newest = {}
        if self.boots == 1 or self.grace_ms < 0:
            local, actions = begin(SITE, now_ms)
        else:
            local, actions = resume(self.node.local, SITE, now_ms)
        agreement = View(self.name, f"{self.name}-{self.boots}", f"host-{self.host_boots}", self.config, now_ms,
                         durable=self.durable, grace_until_ms=self.grace_ms,
                         required=(self.durable.record.members | self.ordered) - {self.name},
                         promised_until_ms=now_ms + self.config.timing.lease_ms)
        self.node = NodeView(agreement, local)
        self.began()
        for action in actions:
            self.perform(action)
        self.tick(self.boots)

    @property
    def view(self):
        return self.node.domain

    def tick(self, boots):
        if boots != self.boots:
            return
        self.timer(self.config.timing.beat_ms, lambda: self.tick(boots))
        known = self.local()
        report = HEALTHY if known.eligible else replace(HEALTHY, administrative=Administrative.LOCKED, state_uuid="2")
        standing = Standing(report, isolated=known.isolated, in_sync=known.in_sync, fenceable=known.fenceable,
                            enforced=known.enforced)
        if standing != self.node.standing:
            self.feed(StandingChanged(standing))
        self.feed(domain.Tick())
        until = watchdog_until(self.node, SITE)
        self.pet(HANGING_DAEMON_MS if until is None else until - self.local_ms())

    def feed(self, event):
        if isinstance(event, domain.BeatHeard):
            event = BeatCame(event.beat)
        self.node, actions = step(self.node, event, SITE, self.local_ms())
        for action in actions:
            self.perform(action)

    def on_message(self, source, payload):
        boot, sent_ms = self.newest.get(source, ("", -1))
        if payload.boot != boot or payload.sent_ms > sent_ms:
            self.newest[source] = (payload.boot, payload.sent_ms)
            self.feed(BeatCame(payload))

    def perform(self, action):
        if isinstance(action, RunAction):
            self.run(action)
        elif isinstance(action, CancelAction):
            self.cancelled.add((self.boots, action.run_id))
        elif isinstance(action, Send):
            for path in self.paths.values():
                path.multicast(self.name, self.others, action.beat)
        else:
            super().perform(action)

    def run(self, action):
        """Carry out an action after a while; some fail."""
        random, boots = self.world.random, self.boots
        fails = random.random() < self.failing

        def done():
            if boots != self.boots or (boots, action.run_id) in self.cancelled:
                return
            wanted = RESULT.get(action.action)
            spec = SITE.services[action.service]
            if wanted is not None and not fails:
                self.change(action.service, WARM if wanted is UP and action.action is ENABLE and spec.has_standby
                            else wanted)
            result = ActionResult.FAILED if fails else ActionResult.SUCCESS
            state = None if fails else self.running[action.service]
            self.feed(ActionDone(action.service, action.action, action.run_id, result, state))

        delay_ms = random.uniform(5, 30) if action.action not in RESULT else random.uniform(20, 250)
        self.in_life(delay_ms, lambda: self.world.after(0, lambda: self.deliver_call(done)))

    def deliver_call(self, what):
        self._alive_then(self._life, what)

    def change(self, name, state):
        before = self.state
        self.running = {**self.running, name: state}
        if before != ACTIVE and self.state == ACTIVE:
            self.promoted()
        if before == ACTIVE and self.state != ACTIVE:
            self.synced = {}

    def promoted(self):
        kept = set(self.data)
        lost = [item for item in self.cloud.acknowledged if item not in kept]
        if lost and not self.cloud.loss_accepted:
            self.world.fail(f"{self.name} is promoted without {len(lost)} acknowledged writes")
        self.world.say(f"{self.name} is active")
        self.write()

    def die(self, name):
        """The process of a service ends."""
        if self.up and self.running[name] is not DOWN:
            self.world.say(f"{name} dies on {self.name}")
            self.running = {**self.running, name: DOWN}
            self.deliver_call(lambda: self.feed(ProcessDied(name, "killed")))

    def swact(self):
        self.world.say(f"swact away from {self.name}")
        self.feed(Swact(self.name))


class Witness(Voter):
    """A voter that exchanges whole messages."""

    def perform(self, action):
        if isinstance(action, domain.Send):
            message = with_domain(messages.Beat(self.name, self.view.boot, 0, 0), action.beat)
            action = domain.Send(message)
        super().perform(action)

    def on_message(self, source, payload):
        boot, sent_ms = self.newest.get(source, ("", -1))
        if payload.boot != boot or payload.sent_ms > sent_ms:
            self.newest[source] = (payload.boot, payload.sent_ms)
            self.feed(domain.BeatHeard(domain_beat(payload)))
