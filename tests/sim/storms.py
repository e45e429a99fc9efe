# SPDX-License-Identifier: Apache-2.0
"""Whole controllers in a storm: faults of every kind, of the networks, the hosts, the daemons, the disks, the data, the
BMCs, the witness and the services, while operators move and lock. ``run`` is one seed; ``FAULTS`` are all kinds."""
from collections import Counter
from random import Random

from flock.core.errors import FlockError, Unavailable
from flock.core.records import replace
from sm.contract.control import Verb
from sm.contract.states import Administrative, GroupState, Impact, Policy, ServiceAction
from sm.core import rotation
from sm.core.domain.events import BeatHeard, FenceAnswered
from sm.core.node.view import BeatCame
from sm.core.wireform import domain_beat
from sm.transport.keyring import SECRET_BYTES, TAG_BYTES
from tests.sim.domainworld import lab
from tests.sim.scenariohosts import AUDITS, UP, Host, WitnessHost
from tests.sim.scenarioworld import Site
from tests.sim.service_catalogues import small
from tests.sim.wire import disk, messaging
from tests.unit.sm.catalogue.sites import rows

KINDS = {
    "fence": {},
    "witness": {"witness": True, "bmc": False},
    "no-arbiter-freeze": {"bmc": False},
    "three-and-fence": {"nodes": 3},
    "direct-and-fence": {"mode": "duplex-direct"},
    "no-arbiter-promote": {"bmc": False, "policy": Policy.PROMOTE},
    "three": {"nodes": 3, "bmc": False},
    "witness-and-fence": {"witness": True},
    "fence-promote": {"policy": Policy.PROMOTE},
    "five": {"nodes": 5, "bmc": False},
    "direct-and-witness": {"mode": "duplex-direct", "witness": True},
    "four-and-fence": {"nodes": 4},
}
"""What decides in an emergency. A seed has the kind of its number, and every fifth sends real datagrams."""
ACTIVE = GroupState.ACTIVE
EVERY_MS = 3_000
"""One fault in this time, on average."""
FIRST_MS = 5_000
NOTICED_MS, SETTLES_MS, HOLDS_MS = 8_000, 150_000, 5_000
"""What faults have left behind is noticed; everything is back; and it stays so."""


class Stormy(Host):
    """A controller with a disk that may be full, data that may lag, and plug-ins that fail or hang now and then."""

    failing, hanging = 0.02, 0.002
    disk_full = lags = False

    def __init__(self, world, name, *args, **kwargs):
        self.keys = disk(name, lambda: self.disk_full)
        super().__init__(world, name, *args, **kwargs)

    def store(self, durable):
        self.written()
        super().store(durable)

    def take_report(self, report):
        self.written()
        super().take_report(report)

    def written(self):
        """Unavailable: the disk is full."""
        if self.disk_full:
            raise Unavailable(service="the store", reason="the disk is full")

    def require(self, nodes, order):
        """Without its file an order is not in force, and every node is required of what becomes writable."""
        boots = self.boots
        if not self.disk_full:
            super().require(nodes, order)
        else:
            self.ordered = frozenset(self.others) & frozenset(self.config.nodes)
            self.wanted = order
            self.timer(self.config.timing.beat_ms, lambda: self.require_again(nodes, order, boots))

    def require_again(self, nodes, order, boots):
        if self.boots == boots and self.daemon and self.wanted == order:
            self.require(nodes, order)

    def carry_out(self, name, kind, detail, spec):
        if kind not in AUDITS and self.world.random.random() < self.failing:
            return "1"
        return super().carry_out(name, kind, detail, spec)

    def replicate(self, name):
        other = self.world.nodes[name]
        if other is not self and (other.lags or self.lags):
            self.synced.pop(name, None)
            other.syncing_since = None
        else:
            super().replicate(name)


class Wired(Stormy):
    """A controller whose beats travel as the daemon's datagrams."""

    def began(self):
        self.messaging = messaging(self, f"{self.name}-{self.boots}", self.keys, lambda beat: self.feed(BeatCame(beat)),
                                   lambda path, beat: self.self.on_beat(path, beat, self.local_ms()))
        super().began()

    def send(self, beat):
        self.messaging.send(beat)

    def on_message(self, source, payload):
        if self.daemon:
            self.messaging.exchange.received(*payload)


class WiredWitness(WitnessHost):
    """A witness that does the same."""

    keys = None

    def began(self):
        self.keys = self.keys or disk(self.name, lambda: False)
        self.messaging = messaging(self, self.view.boot, self.keys,
                                   lambda beat: self.feed(BeatHeard(domain_beat(beat))))

    def send(self, beat):
        self.messaging.send(beat)

    def on_message(self, source, payload):
        self.messaging.exchange.received(*payload)


class Storm(Site):
    """The controllers of one seed. ``fence_late``: the share of fences that are answered late or wrongly as failed,
    though they have switched the node off. ``faults`` counts what has happened."""

    fence_late, settles_ms, strikes_until_ms = 0.2, SETTLES_MS, 0

    def __init__(self, seed, kind="", catalogue=None, wired=None, **changes):
        kind = kind or list(KINDS)[seed % len(KINDS)]
        self.wired = seed % 5 == 0 if wired is None else wired
        super().__init__(seed=seed, timing=lab(), host=Wired if self.wired else Stormy,
                         witness_host=WiredWitness if self.wired else WitnessHost, has_data=catalogue is None,
                         other=replace(catalogue or small(), results=rows().service_action_results),
                         **KINDS[kind] | changes)
        self.kind, self.random, self.faults = kind, Random(f"storm {seed}"), Counter()
        self.fence_fails = 0.1
        for path in self.paths.values():
            path.loss, path.duplicate = 0.03, 0.01

    def fence(self, who, action):
        """The BMC works as always, but its word comes late, or the agent gives up waiting for it."""
        timeout_ms = self.config.timing.fence_timeout_ms
        self.strikes_until_ms = max(self.strikes_until_ms, self.world.now_ms + timeout_ms)
        if self.world.random.random() >= self.fence_late:
            super().fence(who, action)
            return
        victim = self.world.nodes[action.target]
        works = action.target in self.fenceable
        given_up = not works or self.world.random.random() < 0.5
        late_ms = timeout_ms if given_up else self.world.random.uniform(1_500, timeout_ms)
        self.fences += 1

        def strike():
            if works:
                self.world.say(f"the BMC switches {action.target} off for {who.name}, which learns of it later")
                self.reset(victim)

        self.world.after(self.world.random.uniform(100, late_ms), strike)
        answer = FenceAnswered(action.target, not given_up, action.asked_ms, "no answer" if given_up else "")
        who.timer(late_ms, lambda: who.feed(answer))

    def blow(self, minutes):
        """Faults at random moments of so many minutes, then quiet: everything must come back."""
        end_ms = minutes * 60_000
        self.start()
        at_ms = FIRST_MS
        while at_ms < end_ms - 1:
            self.world.run(at_ms - self.world.now_ms)
            fault = self.random.choice(FAULTS)
            self.faults[fault.__name__] += 1
            fault(self)
            at_ms += self.random.expovariate(1 / EVERY_MS)
        self.world.run(end_ms - self.world.now_ms)
        self.calm()

    def calm(self):
        """End all faults, and see everything come back and stay."""
        for end in self.ends():
            end()
        self.world.run(NOTICED_MS)
        self.until(self.leader, SETTLES_MS, "somebody leads")
        ask(self.leader(), Verb.MAINTENANCE, maintenance=False)
        self.until(self.settled, self.settles_ms, "everything runs where it should")
        self.holds(self.settled, HOLDS_MS)

    def leader(self):
        """Who leads, among those that could be asked; None while nobody does."""
        return next((host for host in self.controllers if host.up and host.daemon and host.view.leading), None)

    def ends(self):
        """What ends each fault that does not end by itself, or would end later."""
        yield self.heal
        yield self.mend
        for host in self.controllers:
            host.failing = host.hanging = 0.0
            host.disk_full = host.lags = False
            unlock(host)
            yield host.start_daemon
            yield lambda host=host: [ask(host, Verb.MANAGE, service=name) for name in self.catalogue.services]
        for path in self.paths.values():
            path.loss, path.latency_ms = 0.0, (0.1, 2.0)

    def settled(self):
        """One leads, every group is active on as many nodes as it should with all members that count, all standbys have
        the data, a rotation of the key has ended, and no BMC may still switch off what it was told to before."""
        if self.world.now_ms < self.strikes_until_ms:
            return False
        if self.wired and any(host.keys.ring.new is not None for host in self.controllers):
            return False
        leaders = [host for host in self.controllers if host.up and host.daemon and host.view.leading]
        if len(leaders) != 1 or (self.has_data and leaders[0].view.durable.record.members != set(self.names)):
            return False
        for group in self.catalogue.groups.values():
            active = [host for host in self.controllers if host.node.local.groups[group.name].state is ACTIVE]
            if len(active) != min(group.n_active, len(self.names)) or not all(
                    host.running[member.service] is UP for host in active for member in group.members
                    if member.impact is Impact.CRITICAL):
                return False
        return True


def lasts(site):
    return site.random.choice((300, 2_000, 8_000, 30_000))


def some_host(site):
    return site.random.choice(site.controllers)


def some_paths(site):
    paths = sorted(site.paths)
    return site.random.sample(paths, site.random.randint(1, len(paths)))


def cut_ports(site):
    """Any combination of the ports of two controllers."""
    two = site.random.sample(site.controllers, 2)
    ports = [(host, path) for host in two for path in site.paths]
    chosen = site.random.sample(ports, site.random.randint(1, len(ports)))
    site.cut(*chosen)
    site.world.after(lasts(site), lambda: site.mend(*chosen))


def isolate(site):
    ports = [(some_host(site), path) for path in site.paths]
    host = ports[0][0]
    ports = [(host, path) for _, path in ports]
    site.cut(*ports)
    site.world.after(lasts(site), lambda: site.mend(*ports))


def part(site):
    """A switch carries nothing between two voters, on some paths, perhaps in one direction only."""
    one, other = site.random.sample(sorted(site.world.nodes), 2)
    one_way, lasts_ms = site.random.random() < 0.3, lasts(site)
    for name in some_paths(site):
        path = site.paths[name]
        path.part(one, other, one_way=one_way)
        site.world.after(lasts_ms, lambda path=path: path.join(one, other))


def bad_weather(site):
    """Datagrams are lost, doubled, late, and overtake one another."""
    chosen, lasts_ms = [site.paths[name] for name in some_paths(site)], lasts(site)
    loss, late_ms = site.random.choice((0.1, 0.5, 0.9)), site.random.choice((20, 300, 1_500))
    site.world.say(f"{', '.join(path.name for path in chosen)} lose {loss:.0%} and take up to {late_ms} ms")
    for path in chosen:
        path.loss, path.duplicate, path.latency_ms = loss, 0.2, (0.1, late_ms)

    def over():
        for path in chosen:
            path.loss, path.duplicate, path.latency_ms = 0.03, 0.01, (0.1, 2.0)

    site.world.after(lasts_ms, over)


def deaf_switch(site):
    """Nothing answers the probes of a host on a path."""
    where = (some_host(site).name, site.random.choice(sorted(site.paths)))
    site.deaf.add(where)
    site.world.after(lasts(site), lambda: site.deaf.discard(where))


def crash(site):
    site.reset(some_host(site))


def blackout(site):
    for host in site.controllers:
        site.reset(host)


def stall(site):
    some_host(site).stall(site.random.choice((200, 1_000, 5_000, 20_000)))


def restart(site):
    """The daemon is killed, or ends in order; the services go on."""
    host, lasts_ms = some_host(site), site.random.choice((300, 1_000, 5_000))
    if host.up and host.daemon:
        host.end_daemon(announced=site.random.random() < 0.5)
        site.world.after(lasts_ms, host.start_daemon)


def fill_disk(site):
    host = some_host(site)
    host.disk_full = True
    site.world.say(f"the disk of {host.name} is full")
    site.world.after(lasts(site), lambda: setattr(host, "disk_full", False))


def lag(site):
    host = some_host(site)
    host.lags = True
    site.world.say(f"the replication of {host.name} stops")
    site.world.after(lasts(site), lambda: setattr(host, "lags", False))


def break_fences(site):
    site.fence_fails = 1.0
    site.world.say("no BMC answers")
    site.world.after(lasts(site), lambda: setattr(site, "fence_fails", 0.1))


def take_witness(site):
    """The witness is off, stands still, or has lost its store."""
    if site.witness is not None:
        site.random.choice((lambda: site.reset(site.witness), lambda: site.witness.stall(lasts(site)),
                            site.witness.lose_store))()


def kill_service(site):
    host = some_host(site)
    running = sorted(name for name, state in host.running.items() if state is UP)
    if host.up and running:
        host.die(site.random.choice(running))


def hang_service(site):
    """A plug-in takes longer than it may."""
    host, name = some_host(site), site.random.choice(sorted(site.catalogue.services))
    kind = site.random.choice((ServiceAction.ENABLE, ServiceAction.DISABLE, ServiceAction.AUDIT_ENABLED))
    host.scripts[name, kind] = lambda count: ("0", 60_000)
    site.world.after(lasts(site), lambda: host.scripts.pop((name, kind), None))


def rotate_key(site):
    """An operator replaces the key; two may do so at once."""
    if site.wired:
        for host in site.random.sample(site.controllers, site.random.randint(1, 2)):
            tag, secret = site.random.randbytes(TAG_BYTES).hex(), site.random.randbytes(SECRET_BYTES)
            if host.up and host.keys.ring.new is None and not host.disk_full:
                site.world.say(f"the key is rotated on {host.name}")
                host.keys.change(lambda ring, tag=tag, secret=secret: rotation.begin(ring, tag, secret))


def swact(site):
    if site.leader() is not None:
        ask(site.leader(), Verb.SWACT, force=site.random.random() < 0.3)


def maintain(site):
    """Nothing moves for a while, unless an operator wants it."""
    def say(on):
        if site.leader() is not None:
            ask(site.leader(), Verb.MAINTENANCE, maintenance=on)

    say(True)
    site.world.after(lasts(site), lambda: say(False))


def lock(site):
    host = some_host(site)
    ask(host, Verb.NODE, **states(host, Administrative.LOCKED))
    site.world.after(lasts(site), lambda: unlock(host))


def unlock(host):
    host.report = host.self.report = replace(host.report, administrative=Administrative.UNLOCKED)


def states(host, administrative):
    return {"administrative": administrative, "operational": host.report.operational,
            "availability": host.report.availability}


def command_service(site):
    """An operator restarts a service, or takes it out of management for a while."""
    host, name = some_host(site), site.random.choice(sorted(site.catalogue.services))
    if site.random.random() < 0.5:
        ask(host, Verb.RESTART, service=name, alone=site.random.random() < 0.5)
    else:
        ask(host, Verb.UNMANAGE, service=name)
        site.world.after(lasts(site), lambda: ask(host, Verb.MANAGE, service=name))


def force_active(site):
    """An operator sees that the other controller is off, and says so."""
    for host in site.controllers:
        others = [other for other in site.world.nodes.values() if other is not host]
        if len(others) == 1 and not others[0].up:
            ask(host, Verb.FORCE_ACTIVE)


def ask(host, verb, **fields):
    """An operator asks; that a daemon refuses or is not there is an answer too."""
    if host.up and host.daemon and not host.is_stalled():
        try:
            host.say(verb, **fields)
        except FlockError as error:
            host.world.say(f"{host.name} refuses {verb}: {error}")


FAULTS = (cut_ports, cut_ports, isolate, part, part, bad_weather, deaf_switch, crash, crash, blackout, stall, stall,
          restart, restart, fill_disk, lag, break_fences, take_witness, rotate_key, kill_service, kill_service,
          hang_service, swact, swact, lock, maintain, command_service, force_active)
