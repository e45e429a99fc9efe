# SPDX-License-Identifier: Apache-2.0
"""Each run is answered once; cancelled ones are not; plug-ins that hang, crash or are missing harm nobody else."""
from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping

import pytest

from sm.contract.states import ActionResult, PluginKind, ServiceAction, ServiceState
from sm.core.actions import CancelAction, RunAction
from sm.core.events import ActionDone
from sm.core.model import ActionSpec, Catalogue, ResultRow, Retries, ServiceSpec
from sm.plugins.plugin import Job, Outcome, PluginFailed
from sm.plugins.runner import Limits, Runner
from tests.unit.sm.warp import run

ENABLE, AUDIT = ServiceAction.ENABLE, ServiceAction.AUDIT_ENABLED
Attempt = Callable[[Job], Awaitable[Outcome]]


class Scripted:
    kind = PluginKind.LSB

    def __init__(self, attempt: Attempt) -> None:
        self._attempt = attempt
        self.running: list[str] = []
        self.begun: list[str] = []
        self.most = self.made = self.ended = 0
        self.closed = False

    async def attempt(self, job: Job) -> Outcome:
        assert job.service.name not in self.running, "two of one service"
        self.running.append(job.service.name)
        self.begun.append(job.service.name)
        self.made += 1
        self.most = max(self.most, len(self.running))
        try:
            return await self._attempt(job)
        finally:
            self.running.remove(job.service.name)
            self.ended += 1

    async def close(self) -> None:
        assert self.running == []
        self.closed = True


def catalogue(names: str = "a", retries: Retries | None = None, rows: tuple[ResultRow, ...] = ()) -> Catalogue:
    def spec(action: ServiceAction) -> ActionSpec:
        return ActionSpec(action, PluginKind.LSB, "script", "start", 10, retries=retries or Retries())

    return Catalogue({}, {name: ServiceSpec(name, {action: spec(action) for action in (ENABLE, AUDIT)})
                          for name in names}, results=rows)


class Bench:
    def __init__(self, attempt: Attempt, made: Catalogue, limits: Limits | None = None,
                 plugins: Mapping[PluginKind, Scripted] | None = None) -> None:
        self.plugin, self.answers = Scripted(attempt), []  # type: ignore[var-annotated]
        self.runner = Runner({PluginKind.LSB: self.plugin} if plugins is None else plugins, made,
                             self.answers.append, limits)

    async def answered(self, count: int = 1) -> list[ActionDone]:
        async with asyncio.timeout(3600):
            while len(self.answers) < count:
                await asyncio.sleep(0.1)
        await asyncio.sleep(60)
        assert len(self.answers) == count
        return self.answers


def ends(*outcomes: Outcome | Exception) -> Attempt:
    left = list(outcomes)

    async def attempt(_: Job) -> Outcome:
        await asyncio.sleep(0.5)
        outcome = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(outcome, Exception):
            raise outcome
        return outcome
    return attempt


async def forever(_: Job) -> Outcome:
    await asyncio.Event().wait()
    raise AssertionError


async def deaf(_: Job) -> Outcome:
    for _ in range(100):
        try:
            await asyncio.sleep(10)
        except asyncio.CancelledError:
            pass
    return Outcome(0)


def test_a_service_that_left_the_catalogue_is_executed_as_it_was_defined() -> None:
    async def body() -> None:
        bench = Bench(ends(Outcome(0)), catalogue("a"))
        former = catalogue("b").services["b"]
        bench.runner.run(RunAction("b", ENABLE, 7), former)
        bench.runner.run(RunAction("c", ENABLE, 8))
        assert {one.service: one.result for one in await bench.answered(2)} == {
            "b": ActionResult.SUCCESS, "c": ActionResult.FAILED}
    run(body())


def test_a_run_is_answered_with_what_its_row_says() -> None:
    async def body() -> None:
        rows = (ResultRow(PluginKind.LSB, "default", "default", "3", ActionResult.SUCCESS, ServiceState.DISABLED),)
        bench = Bench(ends(Outcome(3, "gone\n")), catalogue(rows=rows))
        bench.runner.run(RunAction("a", ENABLE, 7))
        assert await bench.answered() == [ActionDone(
            "a", ENABLE, 7, ActionResult.SUCCESS, ServiceState.DISABLED,
            reason="lsb-script script start ended with 3: gone")]
        await bench.runner.close()
        assert bench.plugin.closed
    run(body())


@pytest.mark.parametrize(("outcomes", "attempts", "result", "words"), [
    ([Outcome(1), Outcome(0)], 2, ActionResult.SUCCESS, "ended with 0"),
    ([Outcome(1)], 3, ActionResult.FAILED, "ended with 1"),
    ([PluginFailed("no such file")], 3, ActionResult.FAILED, "could not be carried out: no such file"),
    ([RuntimeError("oh"), Outcome(0)], 2, ActionResult.SUCCESS, "ended with 0"),
    ([RuntimeError("oh")], 3, ActionResult.FAILED, "the plug-in failed: RuntimeError: oh"),
    ([TimeoutError("a socket's")], 3, ActionResult.FAILED, "TimeoutError"),
])
def test_failures_are_tried_again(outcomes: list[Outcome | Exception], attempts: int, result: ActionResult,
                                  words: str) -> None:
    async def body() -> None:
        bench = Bench(ends(*outcomes), catalogue(retries=Retries(2, 2, 2)))
        bench.runner.run(RunAction("a", ENABLE, 1))
        [done] = await bench.answered()
        assert (bench.plugin.made, done.result) == (attempts, result) and words in done.reason
    run(body())


def test_what_failed_has_a_moment_before_it_is_tried_again() -> None:
    """Three looks within a millisecond at a unit that is becoming active found three times the same."""
    async def body() -> None:
        became_s = asyncio.get_running_loop().time() + 0.7

        async def looks(_: Job) -> Outcome:
            return Outcome(0 if asyncio.get_running_loop().time() >= became_s else 5)

        bench = Bench(looks, catalogue(retries=Retries(2, 2, 2)))
        bench.runner.run(RunAction("a", AUDIT, 1))
        [done] = await bench.answered()
        assert (bench.plugin.made, done.result) == (3, ActionResult.SUCCESS)
        bench.runner.run(RunAction("a", AUDIT, 2))
        bench.runner.cancel(CancelAction("a", 2))
        await bench.runner.close()
    run(body())


def test_a_run_that_is_cancelled_between_two_attempts_makes_no_more() -> None:
    async def body() -> None:
        bench = Bench(ends(Outcome(1)), catalogue(retries=Retries(2, 2, 2)), Limits(again_s=60))
        bench.runner.run(RunAction("a", ENABLE, 1))
        await asyncio.sleep(1)
        bench.runner.cancel(CancelAction("a", 1))
        assert await bench.answered(0) == [] and bench.plugin.made == 1
    run(body())


def test_attempts_are_ended_at_their_limit_and_made_again() -> None:
    async def body() -> None:
        bench = Bench(forever, catalogue(retries=Retries(2, 2, 2)), Limits(timeout_extension_s=5))
        begun = asyncio.get_running_loop().time()
        bench.runner.run(RunAction("a", ENABLE, 1))
        while not bench.answers:
            await asyncio.sleep(0.1)
        assert 45 <= asyncio.get_running_loop().time() - begun < 46
        assert (await bench.answered())[0].result is ActionResult.TIMEOUT
        assert bench.plugin.made == bench.plugin.ended == 3
    run(body())


def test_a_cancelled_run_ends_and_is_not_answered() -> None:
    async def body() -> None:
        bench = Bench(forever, catalogue())
        bench.runner.run(RunAction("a", ENABLE, 1))
        await asyncio.sleep(1)
        bench.runner.cancel(CancelAction("a", 0))
        await asyncio.sleep(1)
        assert bench.plugin.running == ["a"], "the number of another run"
        bench.runner.cancel(CancelAction("a", 1))
        await asyncio.sleep(1)
        bench.runner.cancel(CancelAction("a", 1))
        assert bench.plugin.running == [] and await bench.answered(0) == []
    run(body())


def test_a_newer_run_waits_for_the_end_of_the_older_one() -> None:
    async def slow_to_end(_: Job) -> Outcome:
        try:
            await asyncio.sleep(5)
        finally:
            await asyncio.sleep(2)
        return Outcome(0)

    async def body() -> None:
        bench = Bench(slow_to_end, catalogue())
        for number in range(5):
            bench.runner.run(RunAction("a", ENABLE, number))
            await asyncio.sleep(0.1)
        assert [done.run_id for done in await bench.answered()] == [4]
        assert bench.plugin.made == 2  # the first and the last; Scripted refuses two at a time
        await bench.runner.close()
    run(body())


def test_a_run_that_is_superseded_while_its_attempt_is_ended_at_the_limit_waits_for_that_end() -> None:
    async def slow_to_end(_: Job) -> Outcome:
        try:
            await asyncio.sleep(60)
        finally:
            await asyncio.sleep(4)
        return Outcome(0)

    async def body() -> None:
        bench = Bench(slow_to_end, catalogue())
        bench.runner.run(RunAction("a", ENABLE, 1))
        await asyncio.sleep(11)  # the limit of 10 s has passed, the end takes 4 s
        bench.runner.run(RunAction("a", ENABLE, 2))
        await asyncio.sleep(1)
        assert bench.plugin.made == 1
        await asyncio.sleep(3)
        assert bench.plugin.made == 2
        await bench.runner.close()
    run(body())


def test_how_many_run_at_once_is_limited_and_audits_do_not_wait_for_changes() -> None:
    async def body() -> None:
        names = [f"s{number}" for number in range(20)]
        made = catalogue()
        made = Catalogue({}, {name: ServiceSpec(name, made.services["a"].actions) for name in names})
        bench = Bench(forever, made, Limits(changes_max=3, audits_max=2))
        for number, name in enumerate(names):
            bench.runner.run(RunAction(name, ENABLE if number % 2 else AUDIT, number))
        await asyncio.sleep(1)
        assert sorted(bench.plugin.running) == ["s0", "s1", "s2", "s3", "s5"]
        assert len(await bench.answered(20)) == 20 and bench.plugin.most == 5
        changes = [name for name in bench.plugin.begun if int(name[1:]) % 2]
        assert changes == names[1::2], "in the order of arrival"
    run(body())


def test_what_cannot_be_run_is_answered_at_once() -> None:
    async def body() -> None:
        bench = Bench(forever, catalogue("abc"), Limits(runs_max=2))
        bench.runner.run(RunAction("x", ENABLE, 1))
        bench.runner.run(RunAction("a", ServiceAction.DISABLE, 2))
        bench.runner.run(RunAction("a", ENABLE, 3))
        bench.runner.run(RunAction("b", ENABLE, 4))
        bench.runner.run(RunAction("c", ENABLE, 5))
        assert [done.run_id for done in bench.answers] == [1, 2, 5]
        assert {done.result for done in bench.answers} == {ActionResult.FAILED}
        assert [done.reason for done in bench.answers] == [
            "x is not in the catalogue", "a has no action disable", "2 actions run or wait, which is the limit"]
        await bench.runner.close()
        nobody = Bench(forever, catalogue(), plugins={})
        nobody.runner.run(RunAction("a", ENABLE, 1))
        assert "no usable plug-in for lsb-script" in (await nobody.answered())[0].reason
    run(body())


def test_a_plugin_that_does_not_end_is_given_up_and_others_go_on() -> None:
    async def attempt(job: Job) -> Outcome:
        return await (deaf(job) if job.service.name == "a" else ends(Outcome(0))(job))

    async def body() -> None:
        bench = Bench(attempt, catalogue("ab"), Limits(end_s=3))
        bench.runner.run(RunAction("a", ENABLE, 1))
        bench.runner.run(RunAction("b", ENABLE, 2))
        assert [done.run_id for done in await bench.answered(2)] == [2, 1]
        assert bench.answers[1].result is ActionResult.TIMEOUT
        bench.runner.run(RunAction("a", ENABLE, 3))
        assert "has not ended yet" in (await bench.answered(3))[2].reason and bench.plugin.made == 2
        await asyncio.sleep(1000)
        bench.runner.run(RunAction("a", AUDIT, 4))
        await asyncio.sleep(1)
        assert bench.plugin.made == 3, "the attempt that was given up has ended at last"
    run(body())


def test_another_catalogue_counts_from_the_next_run_on() -> None:
    async def body() -> None:
        bench = Bench(ends(Outcome(0)), catalogue())
        bench.runner.run(RunAction("a", ENABLE, 1))
        bench.runner.use(catalogue("b"))
        assert (await bench.answered())[0].result is ActionResult.SUCCESS
        bench.runner.run(RunAction("a", ENABLE, 2))
        assert bench.answers[1].result is ActionResult.FAILED
    run(body())
