# SPDX-License-Identifier: Apache-2.0
"""A host and its surroundings in virtual time, driven by the real state machine."""
from __future__ import annotations

import heapq
import itertools
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from random import Random
from typing import Any

import pytest

from flock.core.clock import Instant
from mtce.conductor.buswatch import BusWatch
from mtce.contract.records import MtcAlive, MtceHost
from mtce.contract.states import HostAction
from mtce.core import actions as act
from mtce.core import events as ev
from mtce.core.changes import must_store
from mtce.core.fsm import step
from mtce.core.settings import Settings
from mtce.core.strike import Wish
from mtce.core.view import Level, MaintainedHost, Network, first_view, from_document, to_document

CONTROLLER_BOOT = "controller-boot-1"
START_MS = 40_000
"""The machine of the conductor has just booted: what never happened must not seem recent."""
EARS_MS = 6_000
"""A host that can be heard again is heard within this: by a pulse, its next mtcAlive, or a break of the bus shows."""
THRESHOLDS = ((10, Level.LOSS), (6, Level.DEGRADE), (4, Level.MINOR))


def host_record(hostname: str = "worker-0", *, bmc: bool = False, states: str = "locked-disabled-online",
                personality: str = "worker") -> MtceHost:
    administrative, operational, availability = states.split("-", 2)
    return MtceHost(
        uuid="2f1c1d7e-0000-4000-8000-000000000001", hostname=hostname, personality=personality,
        subfunctions=personality, mgmt_mac="08:00:27:00:00:01", mgmt_ip="192.168.204.10",
        cluster_host_ip="192.168.206.10", administrative=administrative, operational=operational,
        availability=availability, bm_type="redfish" if bmc else "none", bm_ip="10.10.20.110" if bmc else None,
        bm_username="root" if bmc else None)


@dataclass
class Machine:
    """The simulated server: what is true of it, whatever mtce believes."""

    boot: int = 1
    up: bool = True
    power: bool = True
    hung: bool = False
    boot_ms: int = 60_000
    boots: bool = True
    tests_pass: bool = True
    services_pass: bool = True
    healthy: bool = True
    degraded: bool = False
    locked: bool = True
    mgmt_cut: bool = False
    cluster_cut: bool = False
    deaf: bool = False
    pulseless: bool = False
    """The heartbeat daemon of the host is dead."""
    bus_down: bool = False
    """The message bus of the controller; pulses do not need it."""
    pulses_down: bool = False
    """The heartbeat daemon of the controller."""
    unpulsed: tuple[Network, ...] = ()
    """Networks on which the controller's link is down: no pulse leaves."""
    dead_office: bool = False
    bmc_answers: bool = True
    resets: int = 0
    reboot_commands: int = 0
    power_ons: int = 0
    netboots: int = 0
    up_since_ms: int = START_MS - 3_600_000


class Story:
    """Feeds the machine's signs of life to ``step`` and carries out its actions."""

    def __init__(self, record: MtceHost, settings: Settings, *, is_active: bool = False,
                 seed: int | None = None) -> None:
        self.now_ms = START_MS
        self.settings = settings
        self.machine = Machine()
        self.record = record
        self.view: MaintainedHost = replace(first_view(record), is_active=is_active, resumed_boot=CONTROLLER_BOOT,
                                            resumed_ms=START_MS)
        self.machine.locked = self.view.administrative == "locked"
        self.logs: list[str] = []
        self.tasks: list[str] = []
        self.states: list[str] = []
        self.alarm_log: list[tuple[int, str, tuple[str, str, str]]] = []
        self.restarts = 0
        self.restarts_max = 25
        self._random = None if seed is None else Random(seed)
        self.restart_probability = 0.0
        self._queue: list[tuple[int, int, Callable[[], None]]] = []
        self._order = itertools.count()
        self._misses = dict.fromkeys(Network, 0)
        self._told = dict.fromkeys(Network, Level.UNKNOWN)
        self._epoch = 0
        self._generation = 0
        self._watched = 0
        self._deaf_daemon = False
        """The heartbeat daemon has not yet told its present levels."""
        self._bus = BusWatch(START_MS)
        self._said = 0
        self.strikes: list[tuple[int, str]] = []
        self._audible_ms: int | None = START_MS
        self._mute_ms: int | None = None
        self._after(1, self._listen)
        self._after(5, self._echo_cycle)
        self._after(10, self._alive_cycle)
        self._after(1_000, self._pulse_cycle)

    # -- what a test does -------------------------------------------------------------------------------------------
    def add(self, record: MtceHost) -> Story:
        """Tell mtce of the host for the first time: nothing of it is stored yet."""
        self.view = replace(first_view(record), is_active=self.view.is_active)
        self._feed(ev.Put(record, is_new=True, controller_boot=CONTROLLER_BOOT))
        return self

    def command(self, action: HostAction) -> Story:
        self._feed(ev.Command(action, "req-1"))
        return self

    def sensed(self, event: ev.Sensed) -> Story:
        """The host's sensors were read."""
        self._feed(event)
        return self

    def claimed(self, claim: ev.Claimed) -> Story:
        """The agent of the controller sees a claim and reports it."""
        self._feed(claim)
        return self

    def guarded(self, said: ev.Guarded) -> Story:
        """Service management says what it does with the host when it is silent."""
        self._feed(said)
        return self

    def run_s(self, seconds: float) -> Story:
        end_ms = self.now_ms + int(seconds * 1000)
        while True:
            due_ms = self.view.due_ms()
            first_ms = self._queue[0][0] if self._queue else end_ms + 1
            if due_ms is not None and due_ms <= min(first_ms, end_ms):
                self.now_ms = max(due_ms, self.now_ms)
                self._feed(self._tick())
            elif first_ms <= end_ms:
                self.now_ms = first_ms
                heapq.heappop(self._queue)[2]()
            else:
                self.now_ms = end_ms
                return self

    def until(self, condition: Callable[[MaintainedHost], bool], limit_s: float = 3_600) -> Story:
        for _ in range(int(limit_s * 2)):
            if condition(self.view):
                return self
            self.run_s(0.5)
        raise AssertionError(f"never: {self.view} tasks {self.tasks} states {self.states}")

    def until_states(self, states: str, limit_s: float = 3_600) -> Story:
        return self.until(lambda view: "-".join(view.states()) == states, limit_s)

    def enabled(self) -> Story:
        """Bring the host into service by the machine itself."""
        self.run_s(6)
        if self.view.administrative == "locked":
            self.command(HostAction.UNLOCK)
        return self.until_states("unlocked-enabled-available").run_s(31)

    def forget_story(self) -> Story:
        self.logs.clear()
        self.tasks.clear()
        self.states.clear()
        self.alarm_log.clear()
        self.strikes.clear()
        machine = self.machine
        machine.resets = machine.reboot_commands = machine.power_ons = 0
        return self

    def alarms(self) -> set[str]:
        return {alarm_id for alarm_id, _, _ in self.view.alarms}

    def hang(self) -> Story:
        self.machine.up = False
        self.machine.hung = True
        self._epoch += 1
        return self

    def power_off(self) -> Story:
        self.machine.up = self.machine.power = False
        self._epoch += 1
        return self

    def power_on(self) -> Story:
        self._boot()
        return self

    def reboot_by_itself(self) -> Story:
        self._boot()
        return self

    def restart_conductor(self, controller_boot: str = CONTROLLER_BOOT) -> Story:
        """A conductor died after its last commit: timers and answers in flight are gone, the row is not."""
        self._generation += 1
        self.restarts += 1
        at = Instant("boot-1", self.now_ms)
        stored = json.loads(json.dumps(to_document(self.view, at)))
        self.view = from_document(stored, at, is_active=self.view.is_active)
        self._feed(ev.Resume(controller_boot), may_restart=False)
        return self

    # -- the world --------------------------------------------------------------------------------------------------
    def _after(self, delay_ms: int, what: Callable[[], None]) -> None:
        heapq.heappush(self._queue, (self.now_ms + delay_ms, next(self._order), what))

    def _answer(self, delay_ms: int, event: ev.Event) -> None:
        generation = self._generation

        def deliver() -> None:
            if generation == self._generation:
                self._feed(event)

        self._after(delay_ms, deliver)

    def _boot(self) -> None:
        machine = self.machine
        machine.up = machine.hung = False
        machine.power = True
        self._epoch += 1
        epoch = self._epoch
        if not machine.boots:
            return

        def up() -> None:
            if epoch == self._epoch:
                machine.up = True
                machine.boot += 1
                machine.up_since_ms = self.now_ms
                self._send_alive()

        self._after(machine.boot_ms, up)

    def _boot_id(self) -> str:
        return f"boot-{self.machine.boot}"

    def _heard(self) -> bool:
        return self.machine.up and not self.machine.deaf

    def _reached(self) -> bool:
        """A command over the bus arrives."""
        return self._heard() and not self.machine.mgmt_cut and not self.machine.bus_down

    def _tick(self) -> ev.Tick:
        machine = self.machine
        return ev.Tick(bus_ok=self._bus.is_ok(self.now_ms), pulses_ok=not (machine.pulses_down or self._deaf_daemon),
                       bus_open_ms=self._bus.open_since_ms(self.now_ms), dead_office=machine.dead_office)

    def _echo_cycle(self) -> None:
        if not self.machine.bus_down:
            self._bus.heard(self.now_ms)
        self._after(2_000, self._echo_cycle)

    def _alive_cycle(self) -> None:
        self._send_alive()
        self._after(5_000, self._alive_cycle)

    def _send_alive(self) -> None:
        machine = self.machine
        if not self._heard():
            return
        self._said += 1
        alive = MtcAlive(
            self.view.uuid, self.view.hostname, self._boot_id(), (self.now_ms - machine.up_since_ms) // 1000,
            self._said, True, machine.healthy, machine.locked, False, None, False,
            groups_degraded=machine.degraded)
        if not machine.mgmt_cut and not machine.bus_down:
            self._feed(ev.Alive(alive))
        if self.view.monitored and not machine.cluster_cut and Network.CLUSTER_HOST not in machine.unpulsed \
                and not machine.pulseless and not machine.pulses_down:
            self._after(300, lambda: self._feed(ev.Alive(alive, over_bus=False)))

    def _pulse_cycle(self) -> None:
        self._after(1_000, self._pulse_cycle)
        if self.machine.pulses_down:
            self._deaf_daemon = True
            return
        if not self.view.monitored:
            self._deaf_daemon = False
            return
        if self._watched != self.view.epoch or self._deaf_daemon:
            self._watched = self.view.epoch
            self._misses = dict.fromkeys(Network, 0)
            self._told = dict.fromkeys(Network, Level.UNKNOWN)
            self._unasked = dict.fromkeys(Network, 0)
        if self._deaf_daemon:
            self._deaf_daemon = False
            for network in self.view.networks():
                self._feed(ev.Pulse(network, Level.UNKNOWN, self.view.epoch))
        for network in self.view.networks():
            self._pulse(network)

    def _pulse(self, network: Network) -> None:
        if network in self.machine.unpulsed:
            self._unasked[network] += 1
            if self._unasked[network] == THRESHOLDS[0][0] and self._told[network] is not Level.UNKNOWN:
                self._misses[network], self._told[network] = 0, Level.UNKNOWN
                self._feed(ev.Pulse(network, Level.UNKNOWN, self.view.epoch))
            return
        self._unasked[network] = 0
        cut = self.machine.mgmt_cut if network is Network.MGMT else self.machine.cluster_cut
        if self.machine.up and not cut and not self.machine.pulseless:
            self._misses[network] = 0
            level = Level.OK
        else:
            self._misses[network] += 1
            level = next((word for most, word in THRESHOLDS if self._misses[network] >= most), self._told[network])
        if level is not self._told[network]:
            self._told[network] = level
            self._feed(ev.Pulse(network, level, self.view.epoch))

    def _feed(self, event: ev.Event, may_restart: bool = True) -> None:
        before = self.view
        self.view, todo = step(before, event, self.now_ms, self.settings)
        self._record(before)
        if may_restart and self._random is not None and must_store(before, self.view) \
                and self.restarts < self.restarts_max and self._random.random() < self.restart_probability:
            self.restart_conductor()
            return
        for action in todo:
            self._carry_out(action)

    def _record(self, before: MaintainedHost) -> None:
        if self.view.task != before.task:
            self.tasks.append(self.view.task)
        if self.view.states() != before.states():
            self.states.append("-".join(self.view.states()))
        for alarm in set(self.view.alarms) - set(before.alarms):
            self.alarm_log.append((self.now_ms, "set", alarm))
        for alarm in set(before.alarms) - set(self.view.alarms):
            self.alarm_log.append((self.now_ms, "clear", alarm))

    def _carry_out(self, action: Any) -> None:
        machine = self.machine
        if act.permit_of(action) is not None:
            self._judge_strike(action)
        if isinstance(action, act.Log):
            self.logs.append(f"{action.log_id} {action.suffix}")
        elif isinstance(action, act.Withheld):
            return
        elif isinstance(action, act.RequestAlive):
            if self._reached():
                self._after(50, self._send_alive)
        elif isinstance(action, act.SetLocked):
            if self._reached():
                machine.locked = action.locked
        elif isinstance(action, act.SendReboot):
            machine.reboot_commands += 1
            if self._reached() and action.boot_id in ("", self._boot_id()):
                self._answer(50, ev.RebootAnswer(action.command_id, True))
                self._after(action.delay_s * 1000 + 500, self._boot)
            else:
                self._answer(10_000, ev.RebootAnswer(action.command_id, False))
        elif isinstance(action, act.Bmc):
            self._bmc(action)
        elif self._reached():
            command, passed = {
                act.RunGoenabled: ("goenabled", machine.tests_pass),
                act.StartServices: ("start-services", machine.services_pass),
                act.StopServices: ("stop-services", True)}[type(action)]
            self._answer(1_000, ev.AgentResult(self._boot_id(), command, passed))

    def _judge_strike(self, action: Any) -> None:
        """The world knows what mtce can only believe: silence may not strike a host that could be heard for a while."""
        permit = act.permit_of(action)
        self.strikes.append((self.now_ms, f"{permit.wish}: {permit.reason}"))
        if permit.wish is Wish.SILENCE:
            assert self._mute_ms is not None, (self.now_ms, action, self.view, self.machine)

    def _listen(self) -> None:
        """Note since when nothing that the host says can arrive anywhere, whether or not the conductor listens."""
        machine = self.machine
        cut = {Network.MGMT: machine.mgmt_cut, Network.CLUSTER_HOST: machine.cluster_cut}
        pulses = not machine.pulseless and any(not cut[name] and name not in machine.unpulsed for name in Network)
        agent = not machine.deaf and not machine.mgmt_cut
        if machine.up and (pulses or agent):
            self._audible_ms = self.now_ms if self._audible_ms is None else self._audible_ms
            if self.now_ms - self._audible_ms > EARS_MS:
                self._mute_ms = None
        else:
            self._audible_ms = None
            self._mute_ms = self.now_ms if self._mute_ms is None else self._mute_ms
        self._after(250, self._listen)

    def _bmc(self, action: act.Bmc) -> None:
        machine = self.machine
        if not machine.bmc_answers:
            self._answer(5_000, ev.BmcAnswer(action.command_id, False, reason="timeout"))
            return
        if action.verb == "reset":
            machine.resets += 1
            self._boot()
        elif action.verb == "power-on":
            machine.power_ons += 1
            if not machine.power:
                self._boot()
        elif action.verb == "power-off":
            self.power_off()
        elif action.verb == "netboot":
            machine.netboots += 1
        self._answer(200, ev.BmcAnswer(action.command_id, True, "on" if machine.power else "off"))


@pytest.fixture
def story() -> Callable[..., Story]:
    """``story(hostname, bmc=, states=, personality=, is_active=, settings=, seed=)``: one host, known to mtce."""

    def make(hostname: str = "worker-0", *, settings: Settings | None = None, is_active: bool = False,
             seed: int | None = None, **record: Any) -> Story:
        return Story(host_record(hostname, **record), settings or Settings(), is_active=is_active, seed=seed)

    return make
