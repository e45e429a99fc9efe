# SPDX-License-Identifier: Apache-2.0
"""Controllers and a witness in virtual time: paths, BMCs, a watchdog, replicated data, and what must always hold."""
import math

from flock.core.records import replace
from flock.sim import Network, Node, World
from sm.contract.states import Policy
from sm.core.domain.events import (
    AskFenced,
    BeatHeard,
    Fence,
    FenceAnswered,
    ForceActive,
    Journal,
    LocalChanged,
    Require,
    Send,
    Store,
    Tick,
)
from sm.core.domain.lease import gone, must_stop, permitted_until
from sm.core.domain.step import step
from sm.core.domain.view import Config, Durable, Local, Record, View
from sm.core.timing import Timing
from sm.daemon.watchdog import next_limit_s

PATHS = ("mgmt", "cluster-host", "oam")
STOPPED, STARTING, ACTIVE, STOPPING = "stopped", "starting", "active", "stopping"
NEVER_MS = math.inf
STOP_LIMIT_MS = 10_000
NOTHING = Durable()
PRODUCT = Timing()


class Voter(Node):
    """Runs the step of the product; subclasses are its shell. ``ordered``: the guard's file."""

    ordered = frozenset()

    def __init__(self, world, name, config, paths, durable=NOTHING, **kwargs):
        super().__init__(world, name, **kwargs)
        self.config, self.paths, self.durable = config, paths, durable
        self.others = [voter for voter in config.voters if voter != name]
        self.known = None
        self.grace_ms = -1
        self.boots = self.host_boots = 0

    def on_start(self):
        self.host_boots += 1
        self.grace_ms = -1
        self.begin()

    def begin(self):
        """Start the daemon."""
        self.boots += 1
        now_ms = self.local_ms()
        self.newest, self.known = {}, None
        self.view = View(self.name, f"{self.name}-{self.boots}", f"host-{self.host_boots}", self.config, now_ms,
                         durable=self.durable, grace_until_ms=self.grace_ms,
                         required=(self.durable.record.members | self.ordered) - {self.name},
                         promised_until_ms=now_ms + self.config.timing.lease_ms)
        self.began()
        self.tick(self.boots)

    def tick(self, boots):
        if boots != self.boots:
            return
        self.timer(self.config.timing.beat_ms, lambda: self.tick(boots))
        known = self.local()
        if known != self.known:
            self.known = known
            self.feed(LocalChanged(known))
        self.feed(Tick())
        self.after_tick()

    def lose_store(self):
        """The next start finds no store."""
        self.durable = Durable(forgot=True)
        self.boots += 1
        if self.up:
            self.world.say(f"{self.name} restarts with a new store")
            self.grace_ms = -1
            self.begin()

    def local(self):
        return Local()

    def began(self):
        """What the shell does before the first tick."""

    def after_tick(self):
        """What the shell does after each tick."""

    def feed(self, event):
        self.view, actions = step(self.view, event, self.local_ms())
        for action in actions:
            self.perform(action)

    def perform(self, action):
        if isinstance(action, Store):
            self.durable = action.durable
        elif isinstance(action, Journal):
            self.world.say(f"{self.name}: {action.text}")
        elif isinstance(action, Send):
            for path in self.paths.values():
                path.multicast(self.name, self.others, action.beat)

    def on_message(self, source, payload):
        boot, sent_ms = self.newest.get(source, ("", -1))
        if payload.boot != boot or payload.sent_ms > sent_ms:
            self.newest[source] = (payload.boot, payload.sent_ms)
            self.feed(BeatHeard(payload))


class Controller(Voter):
    """A voter with one group, whose data is replicated to the other controllers over mgmt. ``order_ms``: how long it
    takes until an order of whom to require is in force."""

    order_ms = (5, 600)

    write_ms = 50

    def __init__(self, world, name, config, paths, cloud, **kwargs):
        super().__init__(world, name, config, paths, **kwargs)
        self.cloud = cloud
        self.state = STOPPED
        self.data, self.synced, self.required = [], {}, frozenset()
        self.enforced = -1
        self.eligible, self.heir = True, ""
        self.pet_until_ms, self.limit_ends_ms = NEVER_MS, 0
        self.bites_at_ms = -1

    def on_start(self):
        self.state, self.synced, self.heir = STOPPED, {}, ""
        self.pet_until_ms, self.limit_ends_ms = NEVER_MS, 0
        super().on_start()
        self.required = self.ordered

    def began(self):
        self.enforced, self.limit_ends_ms = -1, 0
        self.order(Require(self.view.required, self.view.order))

    def restart_daemon(self):
        """Kill and start the daemon; what is active stays so. No effect while the host is off."""
        if not self.up:
            return
        self.world.say(f"{self.name} restarts its daemon")
        until = permitted_until(self.view, leased=True)
        self.grace_ms = self.local_ms() + self.config.timing.lease_ms if until is None else until
        self.heir = ""
        self.begin()

    def local(self):
        cut = [name for name, path in self.paths.items() if path.is_cut(self.name)]
        return Local(
            eligible=self.eligible, active=self.state != STOPPED,
            isolated="no carrier" if len(cut) == len(self.paths) else "",
            in_sync=frozenset(self.synced) if self.state in (ACTIVE, STOPPING) else frozenset(), enforced=self.enforced,
            fenceable=frozenset(self.cloud.fenceable - {self.name}), heir=self.heir)

    def after_tick(self):
        now_ms = self.local_ms()
        if must_stop(self.view, now_ms, leased=True):
            self.stop_services()
        elif self.view.leading and self.state == STOPPED and not self.heir and self.alone_active(now_ms):
            self.start_services()
        if self.state == STOPPED and not self.view.leading:
            self.heir = ""
        self.permit(None if self.state == STOPPED else permitted_until(self.view, leased=True))
        if not self.view.reason:
            self.world.fail(f"{self.name} gives no reason")

    def alone_active(self, now_ms):
        """Whether no other controller can have anything active."""
        for name in self.config.nodes:
            if name == self.name or gone(self.view, name, now_ms):
                continue
            heard = self.view.heard.get(name)
            if heard is None or self.view.silent(name, now_ms) or heard.beat.active:
                return False
        return True

    def permit(self, until):
        """Tell the watchdog, as the daemon does."""
        limit_s = next_limit_s(until, self.local_ms(), self.limit_ends_ms)
        if limit_s is not None:
            self.limit_ends_ms = self.local_ms() + limit_s * 1_000
            self.pet_until_ms = self.world.now_ms + limit_s * 1_000
            self.bite_later()

    def bite_later(self):
        """Have the watchdog look at its deadline, or at an earlier moment and then again."""
        if self.pet_until_ms < NEVER_MS and not self.world.now_ms < self.bites_at_ms <= self.pet_until_ms:
            self.bites_at_ms = self.pet_until_ms
            self.world.at(self.bites_at_ms, self.bite)

    def bite(self):
        """The watchdog resets the host at its deadline, whatever runs there: a device knows nothing of that."""
        if self.world.now_ms < self.pet_until_ms:
            self.bite_later()
        elif self.up:
            self.world.say(f"the watchdog of {self.name} resets it")
            self.cloud.bites += 1
            self.cloud.reset(self)

    def start_services(self):
        self.permit(permitted_until(self.view, leased=True))
        self.state, self.required = STARTING, self.ordered
        kept = set(self.data)
        lost = [item for item in self.cloud.acknowledged if item not in kept]
        if lost and not self.cloud.loss_accepted:
            self.world.fail(f"{self.name} is promoted without {len(lost)} acknowledged writes")
        if lost:
            self.cloud.acknowledged = [item for item in self.cloud.acknowledged if item in kept]
        self.world.say(f"{self.name} starts its services")
        self.in_life(self.world.random.uniform(50, 400), self.started)

    def started(self):
        if self.state == STARTING:
            self.state = ACTIVE
            self.world.say(f"{self.name} is active")
            self.write()

    def stop_services(self):
        if self.state in (STARTING, ACTIVE):
            self.state = STOPPING
            self.world.say(f"{self.name} stops its services")
            # One of twenty does not stop by itself, and is killed at its time limit.
            hangs = self.world.random.random() < 0.05
            self.in_life(STOP_LIMIT_MS if hangs else self.world.random.uniform(20, 900), self.stopped)

    def stopped(self):
        if self.state == STOPPING:
            self.state, self.synced = STOPPED, {}

    def in_life(self, delay_ms, what):
        """Call ``what`` unless the host crashes before; the daemon's stalls do not matter."""
        life = self.host_boots
        self.world.after(delay_ms, lambda: what() if self.up and self.host_boots == life else None)

    def perform(self, action):
        super().perform(action)
        if isinstance(action, Require):
            self.order(action)
        elif isinstance(action, Fence):
            self.cloud.fence(self, action)
        elif isinstance(action, AskFenced):
            target = self.world.nodes[action.target]
            self.timer(100, lambda: self.feed(FenceAnswered(action.target, not target.up, action.asked_ms)))

    def order(self, action):
        """The order is on the disk at once, and in force after a while. What becomes writable meanwhile obeys it."""
        self.ordered, boots = action.nodes, self.boots

        def applied():
            if self.boots == boots and self.ordered == action.nodes:
                self.required, self.enforced = action.nodes, action.order

        self.in_life(self.world.random.uniform(*self.order_ms), applied)

    def write(self):
        """Write, replicate, and acknowledge what every required node has."""
        if self.state != ACTIVE:
            return
        self.in_life(self.write_ms, self.write)
        self.cloud.written += 1
        self.data.append(self.cloud.written)
        for name in self.config.nodes:
            self.replicate(name)
        required = [self.world.nodes[name].data for name in self.required]
        durable = len(self.data) if not required else min(
            len(self.data) if data == self.data else _common(data, self.data) for data in required)
        for item in self.data[self.cloud.acknowledged_length(self):durable]:
            self.cloud.acknowledge(item)

    def replicate(self, name):
        """Copy to a standby: at once when it is in sync, else after a second of connection."""
        other = self.world.nodes[name]
        if other is self:
            return
        mgmt = self.paths["mgmt"]
        connected = mgmt.carries(self.name, name) and mgmt.carries(name, self.name)
        if not (other.up and other.state == STOPPED and connected):
            self.synced.pop(name, None)
            other.syncing_since = None
            return
        if name in self.synced:
            other.data.append(self.data[-1])
            return
        since = getattr(other, "syncing_since", None)
        if since is None or since[0] is not self:
            other.syncing_since = (self, self.world.now_ms)
        elif self.world.now_ms - since[1] > 1_000:
            other.data = list(self.data)
            self.synced[name] = True


def _common(one, other):
    length = 0
    for left, right in zip(one, other, strict=False):
        if left != right:
            break
        length += 1
    return length


class Cloud:
    """The domain with its faults. ``bmc``: whether BMCs answer at all."""

    def __init__(self, seed, *, nodes=2, witness=False, policy=Policy.FREEZE, bmc=True, timing=PRODUCT, loss=0.0,
                 controller=Controller, voter=Voter):
        self.world = World(seed)
        self.paths = {name: Network(self.world, name, loss=loss) for name in PATHS}
        self.names = tuple(f"controller-{number}" for number in range(nodes))
        self.config = Config(self.names, "witness" if witness else "", policy, timing)
        self.fenceable = set(self.names) if bmc else set()
        self.acknowledged, self.written, self.loss_accepted = [], 0, False
        self._acknowledged = set()
        self.fences, self.fence_fails, self.bites = 0, 0.1, 0
        drift = self.world.random.uniform
        first = Durable(record=Record(0, 1, frozenset(self.names[:1])))
        self.controllers = [
            self.world.add(controller(self.world, name, self.config, self.paths, self, durable=first,
                                      drift_ppm=drift(-400, 400))) for name in self.names]
        self.witness = self.world.add(voter(self.world, "witness", self.config, self.paths,
                                            drift_ppm=drift(-400, 400))) if witness else None
        self.world.always(at_most_one_active(self.controllers))
        self.world.always(at_most_one_lease(self.controllers))

    def start(self):
        for node in self.world.nodes.values():
            node.start()

    def acknowledged_length(self, node):
        length = len(node.data)
        while length and node.data[length - 1] not in self._acknowledged:
            length -= 1
        return length

    def acknowledge(self, item):
        if item not in self._acknowledged:
            self._acknowledged.add(item)
            self.acknowledged.append(item)

    def reset(self, node, after_ms=None):
        """Switch a host off; it starts again after a while."""
        node.crash()
        life = node.host_boots
        delay_ms = self.world.random.uniform(4_000, 15_000) if after_ms is None else after_ms
        self.world.after(delay_ms, lambda: node.start() if node.host_boots == life else None)

    def fence(self, who, action):
        """The BMC of the target switches it off, if it can be reached."""
        target = action.target
        self.fences += 1
        random = self.world.random
        answer_ms = random.uniform(100, 1_500)
        works = target in self.fenceable and random.random() >= self.fence_fails
        victim = self.world.nodes[target]

        def strike():
            if works:
                self.world.say(f"the BMC switches {target} off for {who.name}")
                self.reset(victim)
            answer = FenceAnswered(target, works, action.asked_ms, "" if works else "no answer")
            who.timer(50, lambda: who.feed(answer))

        self.world.after(answer_ms, strike)

    @property
    def active(self):
        return [node for node in self.controllers if node.up and node.state != STOPPED]

    def serving(self):
        return [node.name for node in self.controllers if node.up and node.state == ACTIVE]

    def heal(self):
        """End all faults that do not end by themselves."""
        for path in self.paths.values():
            for name in self.world.nodes:
                path.heal(name)
                for other in self.world.nodes:
                    path.join(name, other)
        for node in self.world.nodes.values():
            node.start()
            if isinstance(node, Controller):
                node.eligible = True

    def force(self, node, accepts_loss=False):
        self.loss_accepted = self.loss_accepted or accepts_loss
        node.feed(ForceActive(accepts_loss))


def at_most_one_active(nodes):
    """The checker for these controllers."""
    def check(world):
        active = [node.name for node in nodes if node.up and node.state != STOPPED]
        return f"active on {' and '.join(active)}" if len(active) > 1 else None
    return check


def at_most_one_lease(nodes):
    """The checker for these controllers."""
    def check(world):
        leading = [node for node in nodes if node.up and node.view.leading]
        if len(leading) < 2:
            return None
        leading = [node.name for node in leading
                   if node.config.keeps_alone or node.local_ms() < node.view.lease_until_ms]
        return f"{' and '.join(leading)} have the lease" if len(leading) > 1 else None
    return check


def swact(cloud):
    """The leader moves its group to another controller."""
    for node in cloud.controllers:
        if node.up and node.view.leading and node.state == ACTIVE:
            able = [name for name in node.view.durable.record.members if name != node.name]
            if able:
                node.heir = cloud.world.random.choice(sorted(able))
                cloud.world.say(f"swact from {node.name} to {node.heir}")
                node.stop_services()


def lab(**changes):
    """Timers as the lab uses them."""
    return replace(Timing(lease_ms=3_000, step_down_ms=1_000, grant_ms=3_000, current_ms=10_000, wait_ms=3_000,
                          fence_delay_ms=1_700), **changes)
