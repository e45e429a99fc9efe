# SPDX-License-Identifier: Apache-2.0
"""Host maintenance on a machine whose wall clock is set by hours, both ways, in the middle of every stage."""
from __future__ import annotations

import json
from dataclasses import replace

import pytest
import sqlalchemy as sa

from flock.core.clock import Instant
from mtce.core import actions as act
from mtce.core.events import AgentResult, BmcAnswer, Pulse, RebootAnswer
from mtce.core.settings import Settings
from mtce.core.view import Level, Network, Stage, from_document, to_document
from mtce.db.tables import HOST, OUTBOX

UUID = "2f1c1d7e-0000-4000-8000-000000000001"
HOUR_MS = 3_600_000
JUMPS_MS = (HOUR_MS, -2 * HOUR_MS, 100 * HOUR_MS, -99 * HOUR_MS, 800_000, -800_000)
TIMERS = Settings(host_add_delay_ms=3_000, bmc_reset_delay_ms=15_000, bmc_reset_lead_ms=5_000, heartbeat_soak_ms=4_000,
                  bmc_settle_ms=6_000)
STAGES = {
    "add-wait", "reset-reboot-ack", "reset-reboot-leave", "boot-wait", "testing", "services", "heartbeat-wait",
    "heartbeat-soak", "recovery-pause", "recovery-alive", "recovery-power-query", "recovery-bmc-wait",
    "recovery-boot", "stop-services", "power-query", "power-command", "power-offline", "power-settle",
    "reinstall-power-off", "reinstall-netboot", "reinstall-power-on", "reinstall-online"}


class Host:
    """The other side of a bench: answers a second after it was asked; one call of ``second`` is one second."""

    def __init__(self, bench, jumps, restarts=False):
        self.bench, self.jumps, self.restarts = bench, iter(jumps), restarts
        self.boot, self.up_in_s, self.power, self.hung = 1, 0, "on", False
        self.seen = 0
        self.seconds = 0
        self.watched = None
        self.trace = []
        self.stages = set()
        bench.settings = TIMERS
        bench.restart()

    def until(self, condition, limit_s=200):
        for _ in range(limit_s):
            if condition(self.bench.status()):
                return
            self.second()
        raise AssertionError(f"never: {self.bench.status()}")

    def act(self, action):
        reply = self.bench.hosts.host_action(host_uuid=UUID, action=action, request_id=f"{action}-{self.seconds}")
        assert reply.status == "pass", reply

    def second(self):
        bench = self.bench
        stage = bench.status().stage
        if stage not in self.stages:
            self.stages.add(stage)
            bench.clock.step_wall(next(self.jumps))
            if self.restarts:
                for _, action in bench.effects.actions[self.seen:]:
                    self.obey(action)
                bench.restart()
                self.seen = 0
        actions, self.seen = bench.effects.actions[self.seen:], len(bench.effects.actions)
        bench.loop.bus_heard()
        bench.advance(1)
        self.seconds += 1
        for _, action in actions:
            self.answer(action)
        self.up_in_s -= 1
        if self.up_in_s == 0:
            self.boot, self.hung = self.boot + 1, False
        if self.up and self.seconds % 5 == 0:
            self.alive()
        self.pulse()
        bench.settle()
        status = bench.status()
        self.trace.append((self.seconds, status.stage, status.administrative, status.operational, status.availability,
                           status.task))

    @property
    def up(self):
        return self.power == "on" and self.up_in_s <= 0 and not self.hung

    def alive(self):
        self.bench.alive(f"boot-{self.boot}", locked=self.bench.status().administrative == "locked")

    def pulse(self):
        view = self.bench.loop.roster.get(UUID).view
        level = Level.OK if self.up else Level.LOSS
        if view.monitored and (view.epoch, level) != self.watched:
            self.watched = (view.epoch, level)
            for network in Network:
                self.bench.loop.post(UUID, Pulse(network, level, view.epoch))

    def answer(self, action):
        post, boot_id = self.bench.loop.post, f"boot-{self.boot}"
        if isinstance(action, act.Bmc):
            self.obey(action)
            post(UUID, BmcAnswer(action.command_id, True, self.power))
        elif not self.up:
            return
        elif isinstance(action, act.SendReboot):
            post(UUID, RebootAnswer(action.command_id, True))
            self.up_in_s = 25
        elif isinstance(action, act.RequestAlive):
            self.alive()
        elif isinstance(action, (act.RunGoenabled, act.StartServices, act.StopServices)):
            word = {act.RunGoenabled: "goenabled", act.StartServices: "start-services",
                    act.StopServices: "stop-services"}[type(action)]
            post(UUID, AgentResult(boot_id, word, True))

    def obey(self, action):
        """What the server does for a board command; it reached the board also when the answer did not come back."""
        verb = action.verb if isinstance(action, act.Bmc) else ""
        if verb == "power-off":
            self.power = "off"
        elif verb in ("power-on", "reset"):
            self.power, self.up_in_s = "on", 8


def resting(states):
    return lambda status: status.stage == "idle" and "-".join(
        (status.administrative, status.operational, status.availability)) == states


def life(bench, jumps, restarts=False):
    """Every stage of a host with board management, one after the other."""
    bench.hosts.put_host(host=bench.host())
    host = Host(bench, jumps, restarts)
    host.until(resting("locked-disabled-online"))
    host.act("unlock")
    host.until(resting("unlocked-enabled-available"))
    host.hung = True
    host.until(lambda status: status.stage == "recovery-boot")
    host.until(resting("unlocked-enabled-available"), 400)
    host.act("lock")
    host.until(resting("locked-disabled-online"))
    for action, end in (("reset", "online"), ("reboot", "online"), ("power-off", "power-off"),
                        ("power-on", "online"), ("reinstall", "online")):
        host.act(action)
        host.until(resting(f"locked-disabled-{end}"), 400)
        host.until(resting("locked-disabled-online") if end == "online" else lambda _: True)
    return host


@pytest.mark.parametrize("restarts", [False, True])
def test_a_wall_clock_set_in_every_stage_changes_nothing(bench, other_bench, restarts):
    still = life(other_bench, [0] * 100, restarts)
    shaken = life(bench, JUMPS_MS * 20, restarts)
    assert shaken.trace == still.trace
    assert shaken.stages >= STAGES, STAGES - shaken.stages


def test_states_are_numbered_upward_whatever_the_wall_clock_says(bench):
    life(bench, JUMPS_MS * 20, restarts=True)
    with bench.db.reader() as conn:
        told = [row.payload["sequence"] for row in conn.execute(
            sa.select(OUTBOX.c.payload).where(OUTBOX.c.kind == "state").order_by(OUTBOX.c.id))]
    assert len(told) > 20
    assert told == sorted(set(told))


def test_a_host_that_mtce_forgot_is_numbered_above_what_inventory_has_stored(bench):
    bench.hosts.put_host(host=bench.host(state_sequence=1_900_000_000_000))
    assert bench.loop.roster.get(UUID).view.sequence > 1_900_000_000_000


def test_the_time_without_a_conductor_counts_on_the_same_machine_only(bench):
    bench.hosts.put_host(host=bench.host())
    view = replace(bench.loop.roster.get(UUID).view, deadline_ms=100_000, stage_ms=40_000, recovered_ms=-5_000)
    document = json.loads(json.dumps(to_document(view, Instant("boot-1", 60_000))))
    assert from_document(document, Instant("boot-1", 90_000), is_active=False) == view
    booted = from_document(document, Instant("boot-2", 7_000), is_active=False)
    assert (booted.deadline_ms, booted.stage_ms, booted.recovered_ms) == (47_000, -13_000, -58_000)
    assert (booted.powered_on_ms, booted.silent_ms) == (None, None)


def test_restart_after_a_boot_of_the_controller_keeps_what_was_left(bench):
    host = Host(bench, [0] * 100)
    bench.hosts.put_host(host=bench.host())
    host.until(resting("locked-disabled-online"))
    host.hung = True
    host.act("unlock")
    host.until(lambda status: status.stage == "reset-bmc-wait")
    left_ms = bench.loop.roster.get(UUID).view.deadline_ms - bench.clock.monotonic_ms()
    bench.stop()
    bench.clock.reboot("boot-2", 3_000)
    bench.clock.step_wall(-10 * HOUR_MS)
    bench.start()
    assert bench.status().stage == "reset-bmc-wait"
    assert bench.loop.roster.get(UUID).view.deadline_ms == 3_000 + left_ms


def test_a_row_of_another_release_keeps_its_waits(bench):
    """Ignores fields that this release does not have; missing fields take their defaults."""
    bench.hosts.put_host(host=bench.host())
    bench.stop()
    with bench.db.writer() as conn:
        document = dict(conn.execute(sa.select(HOST.c.view)).scalar_one())
        document |= {"stage": "boot-wait", "action": "enable", "administrative": "unlocked", "stage_ms": -1_000,
                     "deadline_ms": 720_000, "recovered_ms": None, "of_a_newer_release": 1}
        for name in ("tries", "powered_on_ms", "clock", "at_ms"):
            del document[name]
        conn.execute(sa.update(HOST).values(view=document))
    bench.start()
    now_ms, view = bench.clock.monotonic_ms(), bench.loop.roster.get(UUID).view
    assert view.stage is Stage.BOOT_WAIT
    assert (view.stage_ms, view.deadline_ms) == (now_ms - 1_000, now_ms + 720_000)
    assert (view.powered_on_ms, view.recovered_ms, view.tries) == (None, None, 0)
    bench.advance(60)
    assert bench.status().stage == "boot-wait"


def test_pulse_of_a_clock_with_a_later_start_is_a_new_period(bench):
    """Epochs grow with every start of monitoring although monotonic time starts again with a boot."""
    host = life(bench, [0] * 100)
    host.act("unlock")
    host.until(resting("unlocked-enabled-available"))
    before = bench.loop.roster.get(UUID).view.epoch
    bench.stop()
    bench.clock.reboot("boot-2", 1)
    bench.start()
    host.seen = 0
    host.act("lock")
    host.until(resting("locked-disabled-online"))
    host.act("unlock")
    host.until(resting("unlocked-enabled-available"))
    assert bench.loop.roster.get(UUID).view.epoch > before


