# SPDX-License-Identifier: Apache-2.0
"""Controllers as the acceptance scenarios of service management want them: the shipped catalogue, the daemon's reactor,
paths, probes and commands, plug-ins that answer with exit codes, host maintenance, and alarms."""
from itertools import combinations

from sm.catalogue.build import catalogue
from sm.contract.control import Request, Verb
from sm.contract.nodecommand import NodeAction
from sm.contract.states import Administrative, GroupState, Operational, Policy
from sm.core import redundancy
from sm.core.node import ledger
from sm.core.timing import Timing
from sm.plugins.results import Results
from tests.sim.domainworld import PATHS, PRODUCT, Cloud
from tests.sim.scenariohosts import UP, Host, WitnessHost
from tests.unit.sm.catalogue.sites import rows

ALARMS_MS = 500


def slow(times=5):
    """Timers for scenarios that last long and are not about silence: that much longer between beats."""
    return Timing(beat_ms=100 * times, silent_ms=500 * times, lease_ms=2_000 * times, step_down_ms=600 * times,
                  grant_ms=2_000 * times)


class Site(Cloud):
    """The controllers of one deployment, and what host maintenance and fault management see of them.

    ``alarms``: those that stand, by id and entity. ``logs``: texts of the customer logs by id. ``deaf``: host and path
    beyond whose switch nothing answers. ``unpowered``: hosts that do not start. ``other``: a catalogue in place of the
    shipped one; without replicated data unless ``has_data`` says otherwise.
    """

    def __init__(self, mode="duplex", platform="flock", features=(), *, seed=1, witness=False, policy=Policy.FREEZE,
                 bmc=True, timing=PRODUCT, host=Host, nodes=2, other=None, has_data=None, witness_host=WitnessHost):
        self.catalogue = other or catalogue(rows(mode, "none", platform, features=features))
        self.has_data = other is None if has_data is None else has_data
        self.results = Results(self.catalogue.results)
        self.direct = frozenset(PATHS[:2]) if mode == "duplex-direct" else frozenset()
        self.leased, self.bound = ({member.service for group in self.catalogue.groups.values() if kind(group)
                                    for member in group.members} for kind in (ledger.leased, ledger.bound))
        self.changes, self.checked = 0, -1
        self.alarms, self.logs, self.deaf, self.unpowered = {}, [], set(), set()
        self.reboots, self.promotions, self.watched_by, self.seen = [], [], "", redundancy.Watch()
        super().__init__(seed, nodes=nodes, witness=witness, policy=policy, bmc=bmc, timing=timing, controller=host,
                         voter=witness_host)
        self.fence_fails = 0.0
        self.first, self.second = self.controllers[:2]
        self.broken, self.fails = None, self.world.fail
        self.world.fail = self.fail
        self.world.always(lambda world: self.broken)
        self.world.always(self.each_group_once)

    def fail(self, wrong):
        """Remembered, since the reactor goes on after an action that raises."""
        self.broken = self.broken or wrong
        self.fails(wrong)

    def begin(self):
        """Start everything; returns when C0 is active, C1 standby, and all data is current."""
        self.start()
        self.until(self.redundant, 60_000)
        self.logs.clear()
        return self

    def until(self, condition, limit_ms, what=""):
        """Run until a condition holds; the time that took (ms)."""
        start_ms = self.world.now_ms
        while not condition():
            if self.world.now_ms - start_ms >= limit_ms:
                self.world.fail(f"not within {limit_ms} ms: {what or condition.__name__}; {self.where()}")
            self.world.run(100)
        return self.world.now_ms - start_ms

    def holds(self, condition, duration_ms):
        """A condition that holds for all of a time."""
        for _ in range(int(duration_ms // 100)):
            self.world.run(100)
            if not condition():
                self.world.fail(f"{condition.__name__} no longer holds; {self.where()}")

    def where(self):
        return "; ".join(f"{host.name} {'up' if host.up else 'off'}: {host.view.reason}, "
                         f"{ {name: ' '.join(told) for name, told in host.groups().items()} }"
                         for host in self.controllers)

    def redundant(self, active=None):
        """One host has everything active, the other stands by with current data, and no redundancy is lost."""
        leaders = [host for host in self.controllers if host.up and host.daemon and host.view.leading]
        if len(leaders) != 1 or (active is not None and leaders[0] is not active):
            return False
        leader = leaders[0]
        others = [host for host in self.controllers if host is not leader]
        record = leader.view.durable.record
        return (leader.in_state(GroupState.ACTIVE) and record.members == set(self.names)
                and all(host.view.durable.record == record for host in others)
                and all(host.up and host.daemon and host.in_state(GroupState.STANDBY)
                        and host.in_state(GroupState.ACTIVE, movable=False) for host in others)
                and leader.in_state(GroupState.ACTIVE, movable=False) and self.active_is(leader))

    def moved(self, host):
        """Whether a host leads and has all that is leased active, and the other stands by with current data."""
        return (host.view.leading and all(host.running[name] is UP for name in self.leased)
                and host.view.durable.record.members == set(self.names)
                and all(other.node.local.groups[name].state is GroupState.STANDBY for other in self.controllers
                        if other is not host for name, group in self.catalogue.groups.items() if ledger.leased(group)))

    def active_is(self, host):
        """Whether all that moves runs on this host."""
        return all(host.running[member.service] is UP for group in host.reactor.catalogue.groups.values()
                   if group.movable for member in group.members)

    def each_group_once(self, world):
        """No N + M group has a member running active on two controllers; only called anew after a change.

        What an operator has taken out of management may go on where it was, unless its group works on replicated data.
        """
        if self.changes == self.checked:
            return None
        self.checked = self.changes
        for group in self.catalogue.groups.values():
            if group.movable:
                places = [host.name for host in self.controllers if host.up and any(
                    not (host.left_alone(member.service) and not ledger.leased(group))
                    and host.running.get(member.service) is UP for member in group.members)]
                if len(places) > 1:
                    return f"{group.name} is active on {' and '.join(places)}"
        return None

    def watch(self, host, now_ms):
        """What a leader raises and logs; and that everything has a reason and each group one line per node."""
        if not host.view.reason:
            self.world.fail(f"{host.name} gives no reason")
        if not host.view.leading:
            host.leads = False
            return
        basis = (host.node.local.groups, host.node.peers, host.node.book)
        if host.leads and now_ms < host.alarms_ms + ALARMS_MS and basis == host.basis:
            return
        host.basis = basis
        now = ledger.cluster(host.node, host.reactor.catalogue, now_ms)
        if not host.leads:
            host.leads, self.seen = True, redundancy.first_watch(now, "controller")
        host.alarms_ms = now_ms
        self.seen, report = redundancy.watch(self.seen, now, "controller", now_ms)
        for alarm in report.cleared:
            self.alarms.pop((alarm.id, alarm.entity), None)
        for alarm in report.raised:
            if alarm.severity:
                self.alarms[alarm.id, alarm.entity] = alarm
        self.logs += [(log.id, log.text) for log in report.logs]
        for name, orders in host.node.book.orders.items():
            if any(not order.reason for order in orders):
                self.world.fail(f"an order to {name} has no reason")
        lines = [(line.name, line.node) for line in host.console.status().groups]
        if len(lines) != len(set(lines)):
            self.world.fail(f"a group has two lines for one node: {lines}")

    def told(self, host, group):
        """A group on a host as the leader has it."""
        leader = next(one for one in self.controllers if one.up and one.view.leading)
        now = ledger.cluster(leader.node, leader.reactor.catalogue, leader.local_ms())
        return now.assignments[group, host.name]

    def path_alarms(self):
        """Host and path of each 400.005 that stands, as the hosts that are up raise them."""
        return {where for host in self.controllers if host.up and host.daemon
                for where, trouble in host.self.view.troubles.items() if trouble.text is not None}

    def alarm(self, identifier, group, host=None):
        """The severity of an alarm that stands; None without one."""
        entity = f"service_domain=controller.service_group={group}" + (f".host={host.name}" if host else "")
        found = self.alarms.get((identifier, entity))
        return None if found is None else found.severity

    def lost_redundancy(self):
        """The groups for which 400.002 stands."""
        return {entity.rpartition("=")[2] for identifier, entity in self.alarms if identifier == "400.002"}


    def cut(self, *ports):
        """Disconnect ports, given as host and path; the kernels notice."""
        for host, path in ports:
            self.paths[path].cut(host.name)
        self.see_carriers()

    def see_carriers(self):
        """The kernels of all hosts say how their devices are."""
        for host in self.controllers:
            host.see_carriers()

    def mend(self, *ports):
        """Connect ports again; all when none are given."""
        for host, path in ports or [(host, path) for host in self.controllers for path in self.paths]:
            self.paths[path].heal(host.name)
        self.see_carriers()

    def part(self, *names):
        """The switches of these paths (default: all) no longer carry anything between the controllers."""
        for name in names or self.paths:
            self.paths[name].part(self.first.name, self.second.name)

    def isolate(self, host):
        """No switch carries anything of this host any more; its ports keep their carriers."""
        for path in self.paths.values():
            for other in self.world.nodes.keys() - {host.name}:
                path.part(host.name, other)

    def join(self):
        """The switches work again."""
        for path in self.paths.values():
            for one, other in combinations(self.world.nodes, 2):
                path.join(one, other)

    def power_off(self, host):
        """The host loses its power, and its BMC says so when it is asked."""
        self.unpowered.add(host.name)
        host.crash()

    def power_on(self, host):
        self.unpowered.discard(host.name)
        host.start()

    def reset(self, node, after_ms=None):
        if node.name in self.unpowered:
            node.crash()
            return
        super().reset(node, after_ms)

    def check(self, host, action):
        """What sm-api answers to a command about a host: the verdict of the leader."""
        leader = next(one for one in self.controllers if one.up and one.view.leading)
        return leader.commands(Request("1", Verb.COMMAND, node=host.name, action=NodeAction(action),
                                       administrative=Administrative.LOCKED, operational=Operational.ENABLED)).verdict
