# SPDX-License-Identifier: Apache-2.0
"""Controllers that run the daemon's reactor, paths, probes and commands, with plug-ins that answer with exit codes."""
from flock.core.records import replace
from sm.catalogue.build import catalogue
from sm.contract.control import Request, Verb
from sm.contract.messages import Beat, NodeReport
from sm.contract.states import (
    Administrative,
    Availability,
    Operational,
    PluginKind,
    ServiceAction,
    ServiceState,
)
from sm.core import paths
from sm.core.actions import CancelAction, RebootNode, RunAction, UnwatchProcess, WatchProcess
from sm.core.domain import events as domain
from sm.core.events import ActionDone, ProcessDied
from sm.core.node.step import watchdog_until
from sm.core.node.view import BeatCame, StandingChanged
from sm.core.reachability import PROBE_MS, Reachability
from sm.core.resultrows import TIMEOUT
from sm.core.swact import swact_log
from sm.core.wireform import domain_beat, with_domain
from sm.daemon.beginning import domain_view, first_view
from sm.daemon.commands import Commands
from sm.daemon.departure import AWAY_MS
from sm.daemon.memory import Left
from sm.daemon.reactor import Reactor
from sm.daemon.standing import Self
from sm.daemon.status import status
from sm.monitors.watch import unit_of
from sm.plugins.results import Tries, again
from tests.sim.domainworld import ACTIVE as SERVING
from tests.sim.domainworld import NEVER_MS, STARTING, STOPPED, Controller, Voter

UP, WARM, DOWN = ServiceState.ENABLED_ACTIVE, ServiceState.ENABLED_STANDBY, ServiceState.DISABLED
AUDITS = (ServiceAction.AUDIT_ENABLED, ServiceAction.AUDIT_DISABLED)
TARGETS = ("gateway", "neighbour")
UNLOCKED = NodeReport(Administrative.UNLOCKED, Operational.ENABLED, Availability.AVAILABLE)
# What a monitor exits with: active, standing by, stopped.
MONITOR = {PluginKind.LSB: ("0", "0", "3"), PluginKind.SYSTEMD: ("0", "2", "3")}
OCF_MONITOR = ("8", "0", "7")


class AlwaysReady:
    """The files that say that the node is ready; ``ready`` may be taken away."""

    ready = True

    def state(self, now_ms):
        return Operational.ENABLED if self.ready else Operational.DISABLED


class Told:
    """What a daemon says to fault management at once."""

    def __init__(self, site):
        self.site = site

    def swact(self, node, force):
        self.site.logs.append(("401.007", swact_log(node, force)[1]))


class Console:
    """What the commands of an operator need of a daemon."""

    def __init__(self, host):
        self.host, self.faults = host, Told(host.site)

    @property
    def view(self):
        return self.host.node

    @property
    def catalogue(self):
        return self.host.reactor.catalogue

    def now_ms(self):
        return self.host.local_ms()

    def feed(self, event):
        self.host.feed(event)

    def note(self, text):
        self.host.note(text)

    def status(self):
        lines = {path: line.state.value for path, line in self.host.self.view.lines.items()}
        return status(self.view, self.catalogue, self.now_ms(), lines, (), tuple(self.host.journal))

    def reload(self):
        """As the daemon: the plug-ins know the new catalogue first."""
        self.host.configured = catalogue(self.host.stored.configured(), 2)
        self.host.reactor.adopt(self.host.configured)
        return "taken"

    def set_report(self, report):
        self.host.take_report(report)


class Host(Controller):
    """A controller. ``running`` is what really runs; ``scripts`` makes plug-ins misbehave: by service and action, a
    function of the number of the attempt that gives an exit code and how long it takes (ms), or None for the usual."""

    write_ms = 250

    def __init__(self, world, name, config, networks, cloud, **kwargs):
        self.site, self.configured = cloud, cloud.catalogue
        self.running = dict.fromkeys(self.configured.services, DOWN)
        self.scripts, self.attempts, self.killed, self.journal, self.history = {}, {}, [], [], set()
        self.unmanaged = set()
        self.report, self.ready, self.left, self.reactor = UNLOCKED, AlwaysReady(), None, None
        self.daemon, self.stored = False, None
        super().__init__(world, name, config, networks, cloud, **kwargs)

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
            self._state = SERVING if self.running.get("postgres") is UP else STARTING if any(
                self.running.get(name) is UP for name in self.site.leased) else STOPPED
        return self._state

    @state.setter
    def state(self, value):
        assert value == STOPPED
        self.running = dict.fromkeys(self.running, DOWN)
        self.site.changes += 1

    @property
    def node(self):
        return self.reactor.view

    @property
    def view(self):
        return self.node.domain

    def on_start(self):
        self.left, self.attempts = None, {}
        super().on_start()
        self.site.see_carriers()

    def crash(self):
        super().crash()
        self.site.see_carriers()

    def begin(self):
        self.boots += 1
        self.daemon = True
        now_ms = self.local_ms()
        self.newest, self.watched, self.cancelled = {}, set(), set()
        self.probes = {path: Reachability() for path in self.paths}
        for probe in self.probes.values():
            probe.watch(TARGETS)
        view = domain_view(self.name, f"{self.name}-{self.boots}", f"host-{self.host_boots}", self.config, self.durable,
                           self.ordered, now_ms)
        node, first, self.resumed = first_view(view, self.configured, self.left, lambda version: None, now_ms)
        others = tuple(name for name in self.config.nodes if name != self.name)
        self.self = Self(
            paths.PathSettings(self.name, {path: path for path in self.paths}, others, self.site.direct,
                               timing=self.config.timing),
            self.ready, self.report, self.site.fenceable - {self.name}, self.note, lambda alarm, device: None, now_ms)
        self.reactor = Reactor(node, self.configured, self, self.local_ms)
        self.console = Console(self)
        self.commands = Commands(self.console)
        self.sequence, self.leads, self.basis, self.alarms_ms, self.due_ms = 0, False, (), now_ms, now_ms
        for path in self.paths:
            self.self.on_carrier(path, self.carrier(path), now_ms)
        self.began()
        self.reactor.begin(first)
        self.probe(self.boots)
        self.tick(self.boots)

    def began(self):
        self.enforced, self.limit_ends_ms = -1, 0
        self.require(self.view.required, self.view.order)

    def carrier(self, path):
        """Whether the device of a path has a carrier. A direct cable ends with the other end."""
        direct = path in self.site.direct
        others = [self.world.nodes.get(name) for name in self.config.nodes if name != self.name]
        return not self.paths[path].is_cut(self.name) and not (direct and any(
            other is not None and (not other.up or self.paths[path].is_cut(other.name)) for other in others))

    def see_carriers(self):
        """The kernel says how the devices are."""
        if self.up and self.daemon:
            for path in self.paths:
                if self.is_stalled() or self.self.view.lines[path].carrier is not self.carrier(path):
                    self.deliver_call(lambda path=path: self.self.on_carrier(path, self.carrier(path), self.local_ms()))

    def probe(self, boots):
        """Ping the targets of every path that leads to a switch."""
        if boots != self.boots or not self.daemon:
            return
        self.timer(PROBE_MS, lambda: self.probe(boots))
        for path, reach in self.probes.items():
            if path not in self.site.direct:
                for target in TARGETS:
                    reach.on_probe(target)
                    if not self.paths[path].is_cut(self.name) and (self.name, path) not in self.site.deaf:
                        reach.on_answer(target)
                self.self.on_reachable(path, reach.reachable)

    def tick(self, boots):
        if boots != self.boots or not self.daemon:
            return
        now_ms = self.local_ms()
        late_ms = now_ms - self.due_ms
        self.due_ms = max(self.due_ms + self.config.timing.beat_ms, now_ms + 1)
        self.timer(self.due_ms - now_ms, lambda: self.tick(boots))
        self.self.unstored = self.reactor.unstored
        self.self.on_tick(self.view.leading, late_ms, now_ms)
        in_sync = frozenset(self.synced) if self.state == SERVING else frozenset()
        in_sync = in_sync if self.site.has_data else frozenset(self.config.nodes)
        standing = self.self.standing(in_sync, self.enforced, now_ms)
        if standing != self.node.standing:
            self.feed(StandingChanged(standing))
        self.feed(domain.Tick())
        until = watchdog_until(self.node, self.reactor.catalogue)
        self.permit(until)
        self.left = Left(self.node.local, self.permitted(until, now_ms), 0)
        self.site.watch(self, now_ms)

    def left_alone(self, name):
        """Whether an operator has taken the service out of management here, and it has not been stopped since."""
        service = self.node.local.services.get(name)
        if service is not None and not service.managed:
            self.unmanaged.add(name)
        elif self.running.get(name) is not UP:
            self.unmanaged.discard(name)
        return name in self.unmanaged

    def permitted(self, until, now_ms):
        if until is not None:
            return until
        return now_ms + self.config.timing.lease_ms if self.reactor.bound_active else -1

    def feed(self, event):
        if self.daemon:
            before = self.node.local.groups
            self.reactor.feed(event)
            if self.node.local.groups is not before:
                self.history |= {(name, *told) for name, told in self.groups().items()}

    def on_message(self, source, payload):
        path, beat = payload
        if source == self.name or not self.daemon:
            return
        self.self.on_beat(path, beat, self.local_ms())
        boot, sequence = self.newest.get(source, ("", -1))
        if beat.boot != boot or beat.sequence > sequence:
            self.newest[source] = (beat.boot, beat.sequence)
            self.feed(BeatCame(beat))

    # What the reactor asks its shell to do.

    def store(self, durable):
        self.durable = durable

    def require(self, nodes, order):
        self.order(domain.Require(nodes, order))

    def take_report(self, report):
        self.report = self.self.report = report

    def send(self, beat):
        self.sequence += 1
        beat = replace(beat, sequence=self.sequence)
        for path, network in self.paths.items():
            network.multicast(self.name, self.others, (path, beat))

    def fence(self, action):
        Controller.perform(self, action)

    def note(self, text):
        if text.startswith("a step failed"):
            self.world.fail(f"{self.name}: {text}")
        self.journal.append(text)
        self.world.say(f"{self.name}: {text}")

    def service(self, action, former=None):
        match action:
            case RunAction():
                self.attempt(action, former or self.configured.services.get(action.service), Tries(), self.boots)
            case CancelAction():
                self.cancelled.add(action.run_id)
            case WatchProcess():
                self.watched.add(action.service)
            case UnwatchProcess():
                self.watched.discard(action.service)
            case RebootNode(reason):
                self.note(f"this node reboots: {reason}")
                self.site.reboots.append(self.name)
                self.site.reset(self)

    def attempt(self, action, spec, tries, boots):
        """One attempt of an action, with the product's own reading of exit codes and number of retries."""
        kind = action.action
        detail = None if spec is None else spec.actions.get(kind)
        if detail is None:
            self.world.fail(f"{self.name} cannot {kind} {action.service}: nothing defines it")
        count = self.attempts[action.service, kind] = self.attempts.get((action.service, kind), 0) + 1
        script = self.scripts.get((action.service, kind))
        told = script(count) if script is not None else None
        code, takes_ms = told or (None, self.world.random.uniform(*((5, 30) if kind in AUDITS else (20, 120))))
        limit_ms = detail.timeout_s * 1_000
        late = takes_ms > limit_ms

        def done():
            if boots != self.boots or not self.daemon or action.run_id in self.cancelled:
                return
            outcome = TIMEOUT if late else code or self.carry_out(action.service, kind, detail, spec)
            if late:
                self.killed.append((action.service, kind, limit_ms))
            counted = tries.counted(outcome)
            meaning = self.site.results.meaning(detail, outcome)
            if again(meaning, outcome, counted, detail.retries):
                self.attempt(action, spec, counted, boots)
                return
            self.feed(ActionDone(action.service, kind, action.run_id, meaning.result, meaning.state, meaning.status,
                                 meaning.condition, meaning.reason))

        self.in_life(min(takes_ms, limit_ms), lambda: self.deliver_call(done))

    def carry_out(self, name, kind, detail, spec):
        """Do what the plug-in is asked to; its exit code."""
        if kind in AUDITS:
            codes = MONITOR.get(detail.plugin, OCF_MONITOR)
            state = self.running.get(name, DOWN)
            if state is UP and not spec.has_standby:
                return "0"
            return codes[(UP, WARM, DOWN).index(state)]
        warm = {ServiceAction.ENABLE: WARM if spec.has_standby else UP, ServiceAction.DISABLE: DOWN,
                ServiceAction.GO_ACTIVE: UP, ServiceAction.GO_STANDBY: WARM}
        self.change(name, warm[kind])
        return "0"

    def change(self, name, state):
        """A service is in another state now."""
        before = self.state
        self.running = {**self.running, name: state}
        self.site.changes += 1
        if before != SERVING and self.state == SERVING:
            self.promoted()
        if before == SERVING and self.state != SERVING:
            self.synced = {}

    def promoted(self):
        """The data becomes writable here."""
        kept = set(self.data)
        lost = [item for item in self.cloud.acknowledged if item not in kept]
        if lost and not self.cloud.loss_accepted:
            self.world.fail(f"{self.name} is promoted without {len(lost)} acknowledged writes")
        self.world.say(f"{self.name} is active")
        self.site.promotions.append(self.name)
        self.write()

    def deliver_call(self, what):
        """Call ``what`` as soon as the daemon does not stand still."""
        self._alive_then(self._life, what)

    def die(self, name):
        """SIGKILL to the process of a service."""
        if not self.up or self.running[name] is DOWN:
            self.world.fail(f"{name} does not run on {self.name}")
        self.world.say(f"{name} dies on {self.name}")
        self.change(name, DOWN)
        spec = self.configured.services[name]
        if name in self.watched and (spec.pid_file or unit_of(spec)):
            self.timer(5, lambda: self.feed(ProcessDied(name, "killed by signal 9")))

    # What operators, host maintenance and the power supply do.

    def say(self, verb, **fields):
        """A request on the control socket; the answer's text. FlockError: it is refused."""
        return self.commands(Request("1", verb, **fields)).text

    def maintenance(self, **fields):
        """Host maintenance says how the host is."""
        told = replace(self.report, **fields)
        self.say(Verb.NODE, administrative=told.administrative, operational=told.operational,
                 availability=told.availability)

    def end_daemon(self, announced=False):
        """The daemon ends and leaves its services running; ``announced``: by a signal that lets it say so."""
        if announced:
            self.feed(domain.Pausing(self.config.timing.lease_ms))
            self.feed(domain.Tick())
            if not self.reactor.bound_active:
                self.pet_until_ms = NEVER_MS
        self.boots += 1
        self.daemon = False
        self.world.say(f"the daemon of {self.name} ends")

    def goes_down(self):
        """The daemon ends with its host, on which nothing is active that needs a right."""
        self.feed(domain.Departing(AWAY_MS))
        self.feed(domain.Tick())
        self.world.say(f"{self.name} goes down")

    def start_daemon(self):
        if self.up and not self.daemon:
            self.world.say(f"the daemon of {self.name} starts")
            self.begin()

    def groups(self):
        """State, status and condition of every group here, as this host knows them."""
        return {name: (view.state, view.status, view.condition) for name, view in self.node.local.groups.items()}

    def in_state(self, state, movable=True):
        """Whether all groups that move (or the others) are in a state."""
        return all(view.state is state for name, view in self.node.local.groups.items()
                   if self.reactor.catalogue.groups[name].movable is movable)


class WitnessHost(Voter):
    """A voter that exchanges whole messages on every path."""

    def perform(self, action):
        if isinstance(action, domain.Send):
            self.sequence = getattr(self, "sequence", 0) + 1
            self.send(with_domain(Beat(self.name, self.view.boot, self.sequence, 0), action.beat))
        else:
            super().perform(action)

    def send(self, beat):
        for path, network in self.paths.items():
            network.multicast(self.name, self.others, (path, beat))

    def on_message(self, source, payload):
        _, beat = payload
        boot, sequence = self.newest.get(source, ("", -1))
        if source != self.name and (beat.boot != boot or beat.sequence > sequence):
            self.newest[source] = (beat.boot, beat.sequence)
            self.feed(domain.BeatHeard(domain_beat(beat)))
