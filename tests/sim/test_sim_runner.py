# SPDX-License-Identifier: Apache-2.0
"""Runs of actions under plug-ins that succeed, fail, crash, hang and do not hear, with orders at random: each run is
answered once or was superseded, never are two of one service executed, and limits hold."""
from __future__ import annotations

import asyncio
import random
from collections import Counter

import pytest

from flock.sim import seeds
from sm.contract.states import ActionResult, PluginKind, ServiceAction
from sm.core.actions import CancelAction, RunAction
from sm.core.events import ActionDone
from sm.core.model import ActionSpec, Catalogue, Retries, ServiceSpec
from sm.plugins.plugin import Job, Outcome, PluginFailed
from sm.plugins.runner import Limits, Runner
from tests.unit.sm.warp import run

pytestmark = pytest.mark.soak

ACTIONS = (ServiceAction.ENABLE, ServiceAction.DISABLE, ServiceAction.AUDIT_ENABLED)
LIMITS = Limits(changes_max=4, audits_max=2, runs_max=40, end_s=5)
TIMEOUT_S, RETRIES = 10, Retries(2, 1, 2)
STEPS, NAMES = 300, [f"s{number}" for number in range(12)]
# A run waits at most for all others of its kind, each with three attempts that are stopped at their limit.
ANSWER_S = (len(NAMES) + 1) * 3 * (TIMEOUT_S + LIMITS.end_s + 6)


class World:
    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.attempts: Counter[str] = Counter()
        self.kinds: Counter[bool] = Counter()
        self.given_up: set[str] = set()
        self.orders: dict[int, RunAction] = {}
        self.open: dict[str, int] = {}
        self.answered: Counter[int] = Counter()
        self.silenced: set[int] = set()
        self.violations: list[str] = []
        spec = {action: ActionSpec(action, PluginKind.EXEC, "/x", "x", TIMEOUT_S, retries=RETRIES)
                for action in ACTIONS}
        catalogue = Catalogue({}, {name: ServiceSpec(name, spec) for name in NAMES})
        self.runner = Runner({PluginKind.EXEC: self}, catalogue, self.answer, LIMITS)  # type: ignore[dict-item]

    kind = PluginKind.EXEC

    async def attempt(self, job: Job) -> Outcome:
        name, audit = job.service.name, job.spec.action is ServiceAction.AUDIT_ENABLED
        self.attempts[name] += 1
        self.kinds[audit] += 1
        self.hold(self.attempts[name] == 1, f"two attempts of {name}")
        self.hold(self.kinds[True] <= LIMITS.audits_max + len(self.given_up), "too many audits at once")
        self.hold(self.kinds[False] <= LIMITS.changes_max + len(self.given_up), "too many changes at once")
        try:
            return await self.behave(name)
        finally:
            self.attempts[name] -= 1
            self.kinds[audit] -= 1
            self.given_up.discard(name)

    def hold(self, holds: bool, rule: str) -> None:
        """The runner would take an assertion in a plug-in for the plug-in's failure."""
        if not holds:
            self.violations.append(rule)

    async def behave(self, name: str) -> Outcome:
        draw = self.random.random()
        if draw < 0.03:
            self.given_up.add(name)
            return await self.deaf()
        if draw < 0.15:
            await asyncio.Event().wait()
        try:
            await asyncio.sleep(self.random.uniform(0, 6))
        finally:
            if draw > 0.8:
                await asyncio.sleep(self.random.uniform(0, 4))  # it takes a while to end
        if draw < 0.25:
            raise self.random.choice([PluginFailed("no"), RuntimeError("oh"), TimeoutError("a socket's")])
        return Outcome(self.random.choice([0, 0, 0, 1, 7]))

    async def deaf(self) -> Outcome:
        """Goes on for a minute, whatever it is told."""
        end = asyncio.get_running_loop().time() + 60
        while (left := end - asyncio.get_running_loop().time()) > 0:
            try:
                await asyncio.sleep(left)
            except asyncio.CancelledError:
                continue
        return Outcome(0)

    async def close(self) -> None:
        return

    def answer(self, done: ActionDone) -> None:
        assert done.run_id not in self.silenced, "an answer to a run that was cancelled or superseded"
        order = self.orders[done.run_id]
        assert (done.service, done.action) == (order.service, order.action) and done.result in ActionResult
        self.answered[done.run_id] += 1
        if self.open.get(done.service) == done.run_id:
            del self.open[done.service]

    def order(self, number: int) -> None:
        name = self.random.choice(NAMES)
        if name in self.open and self.random.random() < 0.4:
            self.silenced.add(self.open[name])
            self.runner.cancel(CancelAction(name, self.open.pop(name)))
            return
        if name in self.open:
            self.silenced.add(self.open[name])
        self.orders[number] = RunAction(name, self.random.choice(ACTIONS), number)
        self.open[name] = number
        self.runner.run(self.orders[number])


@pytest.mark.parametrize("seed", seeds(15))
def test_each_run_is_answered_once_or_superseded(seed: int) -> None:
    async def body() -> None:
        world = World(seed)
        for number in range(STEPS):
            world.order(number)
            await asyncio.sleep(world.random.choice([0, 0, 0.1, 3, 20]))
        await asyncio.sleep(ANSWER_S)
        assert world.violations == []
        assert world.open == {}, "a run was never answered"
        assert set(world.answered) == set(world.orders) - world.silenced
        assert set(world.answered.values()) == {1}
        await world.runner.close()
        await asyncio.sleep(100)
        assert +world.attempts == Counter() and world.runner._ending == {}
    run(body())
